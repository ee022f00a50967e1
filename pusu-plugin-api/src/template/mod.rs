//! Patterns with placeholders, `users.{name}.*`, for what an authenticator finds out about a client: a claim, a part of a
//! certificate, a row of a database.
//!
//! Values come from strangers, and a `*` or a dot in one of them may reach the channels of others. So the rules stand here, once:
//! a value with a `*`, with a control character or with nothing in it is never filled in, nor one with a dot unless the author
//! says so; and in a pattern, a placeholder has a dot between itself and a `*` or another placeholder. `{{` and `}}` stand for
//! braces.
//!
//! ```
//! use pusu_plugin_api::{Pattern, template::Template};
//!
//! let pattern: Pattern = "users.{name}.*".parse().unwrap();
//! let known = |name: &str| match name {
//!     "name" | "department" => Ok(name.to_owned()),
//!     _ => Err("has an unknown placeholder; there are `{name}` and `{department}`".to_owned()),
//! };
//! let template = Template::parse(&pattern, known).unwrap();
//! let filled = |name: &str| template.fill(|_| false, |_| Some(name.to_owned())).map_err(|not| not.to_string());
//! assert_eq!(filled("alice").as_deref(), Ok("users.alice.*"));
//! assert_eq!(filled("*").unwrap_err(), "`{name}` has a `*`");
//! assert_eq!(filled("alice.b").unwrap_err(), "`{name}` has a dot");
//! ```
//!
//! **Invariant:** two values without dots never give access to one channel through the same template, unless a `*` that stands
//! in the template does.

mod not_filled;

pub use not_filled::{NotFilled, Unfit};

use crate::pattern::Pattern;
use std::fmt::{self, Display};

/// A pattern that may have placeholders, each of which stands for a `P`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<P> {
    text: String,
    pieces: Vec<Piece<P>>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<P> {
    /// A text, in which a `*` is a pattern's.
    Text(String),
    /// The place of a value.
    Value(P),
}

/// Whether a value may be filled in; with `dots` also one that has dots.
///
/// # Errors
/// It may not, and why.
pub fn check_value(value: &str, dots: bool) -> Result<(), Unfit> {
    if value.is_empty() {
        Err(Unfit::Empty)
    } else if value.contains('*') {
        Err(Unfit::Star)
    } else if value.chars().any(char::is_control) {
        Err(Unfit::Control)
    } else if value.contains('.') && !dots {
        Err(Unfit::Dot)
    } else {
        Ok(())
    }
}

impl<P: Display> Template<P> {
    /// Takes a pattern apart. `placeholder` says what the name between two braces stands for, or that there is none of that name;
    /// a `P` is shown as that name.
    ///
    /// # Errors
    /// What is wrong with the placeholders, for behind the place of the pattern: `has a …`.
    pub fn parse(pattern: &Pattern, placeholder: impl FnMut(&str) -> Result<P, String>) -> Result<Self, String> {
        let text = pattern.as_str();
        let template = Self { text: text.to_owned(), pieces: pieces(text, placeholder)? };
        if !template.is_one_channel() {
            template.check_parts()?;
        }
        Ok(template)
    }

    /// The parts, in their order.
    pub fn pieces(&self) -> &[Piece<P>] {
        &self.pieces
    }

    /// The placeholders, in their order.
    pub fn placeholders(&self) -> impl Iterator<Item = &P> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(placeholder) => Some(placeholder),
            Piece::Text(_) => None,
        })
    }

    /// Whether there is one placeholder and no `*`: then each value makes the name of one channel, and no two make the same, so
    /// that values with dots do no harm within this template.
    pub fn is_one_channel(&self) -> bool {
        let has_star = |piece: &Piece<P>| matches!(piece, Piece::Text(text) if text.contains('*'));
        self.placeholders().count() == 1 && !self.pieces.iter().any(has_star)
    }

    /// The pattern with a value in the place of each placeholder. `takes_dots` says for which of them a value may have dots.
    ///
    /// # Errors
    /// A value is missing or may not be filled in, or the pattern would be too long.
    pub fn fill<V: AsRef<str>>(
        &self,
        takes_dots: impl Fn(&P) -> bool,
        mut value: impl FnMut(&P) -> Option<V>,
    ) -> Result<String, NotFilled<'_, P>> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Value(placeholder) => {
                    let value = value(placeholder).ok_or(NotFilled::Missing(placeholder))?;
                    let checked = check_value(value.as_ref(), takes_dots(placeholder));
                    checked.map_err(|unfit| NotFilled::Unfit(placeholder, unfit))?;
                    filled.push_str(value.as_ref());
                }
            }
        }
        if Pattern::is_valid(&filled) { Ok(filled) } else { Err(NotFilled::TooLong) }
    }

    /// Whether no placeholder shares its part of the name, from dot to dot, with a `*` or with another placeholder.
    fn check_parts(&self) -> Result<(), String> {
        let (mut placeholder, mut has_star) = (None::<&P>, false);
        let clash = |placeholder: &P| {
            Err(format!(
                "`{{{placeholder}}}` needs a dot between itself and a `*` or another placeholder: else a longer value, or \
                 another one, gives the same channel"
            ))
        };
        for piece in &self.pieces {
            match piece {
                Piece::Value(next) if placeholder.is_some() || has_star => return clash(next),
                Piece::Value(next) => placeholder = Some(next),
                Piece::Text(text) => {
                    for (index, part) in text.split('.').enumerate() {
                        if index > 0 {
                            (placeholder, has_star) = (None, false);
                        }
                        has_star |= part.contains('*');
                        if let Some(placeholder) = placeholder.filter(|_| has_star) {
                            return clash(placeholder);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// As the operator has written it.
impl<P> Display for Template<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn pieces<P>(text: &str, mut placeholder: impl FnMut(&str) -> Result<P, String>) -> Result<Vec<Piece<P>>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
        } else if brace == "}" {
            return Err("has a `}` without `{`; write `}}` for a brace".to_owned());
        } else {
            let Some((name, after)) = rest.split_once('}') else {
                return Err("has a `{` without `}`; write `{{` for a brace".to_owned());
            };
            let value = placeholder(name)?;
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Value(value));
            rest = after;
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests;
