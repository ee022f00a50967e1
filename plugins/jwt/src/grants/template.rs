//! Patterns with placeholders for claims: `users.{sub}.*`.
//!
//! **Invariant:** without `dots: true` two values never give access to one channel through the same pattern unless an
//! operator's `*` does. So no value with a `*` or a control character is ever filled in, and none with a dot unless the rule
//! says so; and a part of a pattern with a placeholder has neither a `*` nor another placeholder.

use crate::claims::ClaimPath;
use pusu_plugin_api::Pattern;
use std::fmt;

/// A pattern that may have placeholders.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template {
    text: String,
    pieces: Vec<Piece>,
}

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Claim(ClaimPath),
}

/// Why a value may not stand in a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    Empty,
    Star,
    Control,
    Dot,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::Star => "has a `*`",
            Self::Control => "has a control character",
            Self::Dot => "has a dot, and the rule does not say `dots: true`",
        })
    }
}

/// Whether a value may stand in a name.
///
/// # Errors
/// It may not, and why.
pub(crate) fn check_value(value: &str, dots: bool) -> Result<(), Unfit> {
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

impl Template {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with its placeholders.
    pub(crate) fn parse(pattern: &Pattern) -> Result<Self, String> {
        let text = pattern.as_str();
        let template = Self { text: text.to_owned(), pieces: pieces(text)? };
        if !template.is_one_channel() {
            template.check_parts()?;
        }
        Ok(template)
    }

    /// The claims that it takes, in their order.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &ClaimPath> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Claim(claim) => Some(claim),
            Piece::Text(_) => None,
        })
    }

    /// The parts, in their order.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The pattern with these values in the places of the claims.
    pub(crate) fn filled(&self, mut value: impl FnMut(&ClaimPath) -> String) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Claim(claim) => value(claim),
        };
        self.pieces.iter().map(text).collect()
    }

    /// Whether values with dots may stand for each other's channels: with another placeholder, or a `*`, in the pattern.
    pub(crate) fn mixes_up_dots(&self) -> bool {
        self.claims().next().is_some() && !self.is_one_channel()
    }

    /// Whether each value makes the name of one channel, and no two the same.
    fn is_one_channel(&self) -> bool {
        let has_star = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains('*'));
        self.claims().count() == 1 && !self.pieces.iter().any(has_star)
    }

    /// Whether no placeholder shares its part of the name, from dot to dot, with a `*` or with another placeholder.
    fn check_parts(&self) -> Result<(), String> {
        let (mut placeholder, mut has_star) = (None::<&ClaimPath>, false);
        let clash = |claim: &ClaimPath| {
            Err(format!(
                "`{{{claim}}}` needs a dot between itself and a `*` or another placeholder: else a longer value, or another \
                 one, gives the same channel"
            ))
        };
        for piece in &self.pieces {
            match piece {
                Piece::Claim(next) if placeholder.is_some() || has_star => return clash(next),
                Piece::Claim(next) => placeholder = Some(next),
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
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Takes a pattern apart. `{{` and `}}` stand for braces.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
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
            let claim = ClaimPath::parse(name).map_err(|error| format!("has a placeholder that is none: {error}"))?;
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Claim(claim));
            rest = after;
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}
