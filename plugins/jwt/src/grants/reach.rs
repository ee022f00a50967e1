//! The reach of a pattern with placeholders: whether some values make a pattern of it that has a channel in common with one
//! that is allowed.
//!
//! **Invariant:** whatever values there are that give something, some are found here. Two places of one claim are looked at as
//! if they had values of their own, so the converse may fail.

use super::template::Template;
use crate::claims::ClaimPath;
use pusu_plugin_api::template::Piece;

/// The texts that may stand in the place of a claim.
pub(super) enum Values {
    /// One of these.
    OneOf(Vec<String>),
    /// Any that may stand in a name, with dots or without.
    Any { dots: bool },
}

/// Positions in an allowed pattern up to which it may have matched. A run is passed with the position in front of it.
struct Positions<'a> {
    pattern: &'a [char],
    reached: Vec<bool>,
}

/// Characters that one step takes.
#[derive(Clone, Copy)]
enum Taken {
    This(char),
    Any,
    AnyOfValue { dots: bool },
}

/// Whether `template` reaches a channel that `allowed` matches, with one of these values for each claim.
pub(super) fn reaches(template: &Template, values: impl Fn(&ClaimPath) -> Values, allowed: &str) -> bool {
    let allowed: Vec<char> = allowed.chars().collect();
    let mut positions = Positions::start(&allowed);
    for piece in template.pieces() {
        positions = match piece {
            Piece::Text(text) => positions.after_text(text, true),
            Piece::Value(claim) => match values(claim) {
                Values::OneOf(texts) => positions.after_one_of(&texts),
                Values::Any { dots } => {
                    positions.after(Taken::AnyOfValue { dots }).after_run(Taken::AnyOfValue { dots })
                }
            },
        };
    }
    positions.reached[allowed.len()]
}

impl<'a> Positions<'a> {
    fn start(pattern: &'a [char]) -> Self {
        let mut reached = vec![false; pattern.len() + 1];
        reached[0] = true;
        Self { pattern, reached }.with_empty_runs()
    }

    /// As it is, and behind the runs that may stand for nothing.
    fn with_empty_runs(mut self) -> Self {
        for (position, char) in self.pattern.iter().enumerate() {
            if *char == '*' && self.reached[position] {
                self.reached[position + 1] = true;
            }
        }
        self
    }

    /// Behind one more character.
    fn after(&self, taken: Taken) -> Self {
        let mut reached = vec![false; self.reached.len()];
        for (position, &char) in self.pattern.iter().enumerate().filter(|(position, _)| self.reached[*position]) {
            if char == '*' {
                reached[position] = true;
            } else if taken.has(char) {
                reached[position + 1] = true;
            }
        }
        Self { pattern: self.pattern, reached }.with_empty_runs()
    }

    /// Behind any number of characters more, none included.
    fn after_run(self, taken: Taken) -> Self {
        let mut all = self;
        loop {
            let next = all.after(taken);
            if next.reached.iter().zip(&all.reached).all(|(next, known)| *known || !next) {
                return all;
            }
            all.add(&next);
        }
    }

    fn after_text(self, text: &str, has_runs: bool) -> Self {
        text.chars().fold(self, |positions, char| match char {
            '*' if has_runs => positions.after_run(Taken::Any),
            char => positions.after(Taken::This(char)),
        })
    }

    fn after_one_of(&self, texts: &[String]) -> Self {
        let mut all = Self { pattern: self.pattern, reached: vec![false; self.reached.len()] };
        for text in texts {
            let here = Self { pattern: self.pattern, reached: self.reached.clone() };
            all.add(&here.after_text(text, false));
        }
        all
    }

    fn add(&mut self, others: &Self) {
        self.reached.iter_mut().zip(&others.reached).for_each(|(known, other)| *known |= other);
    }
}

impl Taken {
    fn has(self, char: char) -> bool {
        match self {
            Self::This(this) => this == char,
            Self::Any => true,
            Self::AnyOfValue { dots } => !char.is_control() && (dots || char != '.'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::template;
    use super::*;

    fn any(template: &str, dots: bool, allowed: &str) -> bool {
        let template = template::parse(&template.parse().unwrap()).unwrap();
        reaches(&template, |_| Values::Any { dots }, allowed)
    }

    #[test]
    fn values_reach_what_their_characters_allow() {
        for (template, allowed, without_dots, with_dots) in [
            ("z.{sub}", "z.*.*", false, true),
            ("z.{sub}.*", "z.*.*", true, true),
            ("z.{sub}", "z.*", true, true),
            ("z.{sub}", "z.", false, false),
            ("z.{sub}", "*", true, true),
            ("z.{sub}", "z.a", true, true),
            ("z.{sub}", "z.a.b", false, true),
            ("*.{sub}", "z.a.b", true, true),
            ("{sub}", "*a*.*", false, true),
            ("a{sub}b", "a*b", true, true),
            ("a{sub}b", "ab", false, false),
            ("a.{sub}.{b}", "a.*", true, true),
            ("a.{sub}.{b}", "a.*x", true, true),
            ("a.{sub}.{b}", "a.x", false, false),
            ("news", "news", true, true),
            ("news", "*.*", false, false),
            ("n*s", "*w*", true, true),
        ] {
            assert_eq!(any(template, false, allowed), without_dots, "{template} {allowed}");
            assert_eq!(any(template, true, allowed), with_dots, "{template} {allowed} with dots");
        }
    }

    #[test]
    fn of_known_values_these_alone_are_looked_at() {
        let reached = |values: &[&str], allowed: &str| {
            let template = template::parse(&"users.{sub}.x".parse().unwrap()).unwrap();
            let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
            reaches(&template, |_| Values::OneOf(values.clone()), allowed)
        };
        assert!(reached(&["alice", "bob"], "users.b*"));
        assert!(!reached(&["alice"], "users.b*") && !reached(&[], "*"));
        assert!(reached(&["alice"], "*"));
    }
}
