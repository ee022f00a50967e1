//! Patterns of channels: what two of them have in common, so that no token gives more than `allowed_channels`.
//!
//! **Invariant:** every channel that matches a pattern which comes out of [`Allowed::narrow`] matches a pattern of the
//! token and one that is allowed.

use pusu_plugin_api::options::Place;
use pusu_plugin_api::{CreateError, Pattern};

/// Steps that narrowing one list of a token may take. Ordinary patterns take a few dozen; with many `*` on both sides
/// their number grows exponentially, and what is not found until then is not granted.
const STEPS_MAX: usize = 50_000;

/// The patterns that a token may be given at most.
pub(crate) struct Allowed(Vec<String>);

impl Allowed {
    /// Takes `allowed_channels`; without them everything is allowed.
    ///
    /// # Errors
    /// A list without any.
    pub(crate) fn new(patterns: Option<&[Pattern]>) -> Result<Self, CreateError> {
        let Some(patterns) = patterns else { return Ok(Self(vec!["*".into()])) };
        if patterns.is_empty() {
            return Err(Place::option("allowed_channels").error(
                "expected at least one pattern, such as \"news.*\", found an empty list, with which nobody could do \
                 anything; remove the option to allow every channel",
            ));
        }
        Ok(Self(patterns.iter().map(String::from).collect()))
    }

    /// The patterns; one, `*`, where everything is allowed.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// What of `asked` is allowed, as patterns, and whether that is all of it. A pattern that is allowed as a whole stays
    /// what it is; of one that is allowed in part, that part is given.
    pub(crate) fn narrow(&self, asked: &[String]) -> (Vec<String>, bool) {
        let (mut granted, mut whole, mut steps) = (Vec::new(), true, STEPS_MAX);
        for pattern in asked {
            if self.0.iter().any(|allowed| covers(allowed, pattern)) {
                add(&mut granted, pattern.clone());
                continue;
            }
            whole = false;
            for allowed in &self.0 {
                let (left, right): (Vec<char>, Vec<char>) = (pattern.chars().collect(), allowed.chars().collect());
                let mut common = Common { made: String::new(), found: Vec::new(), steps };
                common.search(&left, &right);
                steps = common.steps;
                common.found.into_iter().for_each(|found| add(&mut granted, found));
            }
        }
        (granted, whole)
    }
}

/// Adds a pattern unless one that is there covers it, and drops those that it covers.
fn add(patterns: &mut Vec<String>, pattern: String) {
    if !patterns.iter().any(|known| covers(known, &pattern)) {
        patterns.retain(|known| !covers(&pattern, known));
        patterns.push(pattern);
    }
}

/// Whether `wide` matches every channel that `narrow` matches.
///
/// That is so just if `wide` matches `narrow` read as a name: a `*` in it then stands for itself, and nothing but a `*`
/// of `wide` can take it up, as nothing else could take up the runs it stands for.
fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (wide.as_bytes(), narrow.as_bytes());
    let (mut w, mut n) = (0, 0);
    // Where to go on when the bytes after the last `*` do not match: that `*`, and the byte it has eaten up to.
    let mut retry: Option<(usize, usize)> = None;
    while n < narrow.len() {
        if wide.get(w) == Some(&b'*') {
            w += 1;
            retry = Some((w, n));
        } else if wide.get(w) == Some(&narrow[n]) {
            w += 1;
            n += 1;
        } else if let Some((after_star, eaten)) = retry {
            (w, n) = (after_star, eaten + 1);
            retry = Some((after_star, n));
        } else {
            return false;
        }
    }
    wide[w..].iter().all(|&byte| byte == b'*')
}

/// The search for the patterns that together match exactly what two patterns both match.
struct Common {
    /// The beginning of what is being found.
    made: String,
    found: Vec<String>,
    /// How many steps are left.
    steps: usize,
}

impl Common {
    /// Finds everything that begins as `made` does and goes on as both `left` and `right` do. Each step shortens one of
    /// them, so the search ends.
    fn search(&mut self, left: &[char], right: &[char]) {
        if self.steps == 0 {
            return;
        }
        self.steps -= 1;
        match (left.split_first(), right.split_first()) {
            // One that is longer than a pattern may be matches only names that are too long.
            (None, None) if Pattern::is_valid(&self.made) => add(&mut self.found, self.made.clone()),
            (None, Some(('*', rest))) => self.search(left, rest),
            (Some(('*', rest)), None) => self.search(rest, right),
            // Whichever run ends first, the other goes on.
            (Some(('*', after_left)), Some(('*', after_right))) => self.with('*', |search| {
                search.search(after_left, right);
                search.search(left, after_right);
            }),
            // The run ends before the character, or takes it up.
            (Some(('*', after)), Some((&c, rest))) => {
                self.search(after, right);
                self.with(c, |search| search.search(left, rest));
            }
            (Some((&c, rest)), Some(('*', after))) => {
                self.search(left, after);
                self.with(c, |search| search.search(rest, right));
            }
            (Some((a, after_left)), Some((b, after_right))) if a == b => {
                self.with(*a, |search| search.search(after_left, after_right));
            }
            _ => {}
        }
    }

    /// Runs `search` with one more character made; runs that follow each other are one.
    fn with(&mut self, c: char, search: impl FnOnce(&mut Self)) {
        let length = self.made.len();
        if !(c == '*' && self.made.ends_with('*')) {
            self.made.push(c);
        }
        search(self);
        self.made.truncate(length);
    }
}

#[cfg(test)]
mod tests;
