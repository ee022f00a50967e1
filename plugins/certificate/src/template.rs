//! Patterns with placeholders: `users.{common_name}.*`.
//!
//! **Invariant:** two values never give access to one channel through the same pattern unless an operator's `*` does. So no
//! value with a `*` or a control character is filled in, and none with a dot where it could pass for more than one part of a
//! name; and a part of a pattern with a placeholder has neither a `*` nor another placeholder.

use crate::property::Property;
use crate::wildcard::Fit;
use pusu_plugin_api::Pattern;

/// A pattern that may have placeholders.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

/// The place of a value, or of what the `*` of a condition stands for in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placeholder {
    pub(crate) property: Property,
    pub(crate) is_part: bool,
}

/// Ends the name of the placeholder for what a `*` stands for.
const PART: &str = "_part";

impl Placeholder {
    /// Those that there are.
    fn all() -> impl Iterator<Item = Self> {
        let properties = Property::ALL.into_iter().filter(|property| !property.is_distinguished_name());
        let whole = properties.clone().map(|property| Self { property, is_part: false });
        let parts = properties.filter(|property| property.takes_wildcards());
        whole.chain(parts.map(|property| Self { property, is_part: true }))
    }

    /// The name, without braces.
    pub(crate) fn name(self) -> String {
        format!("{}{}", self.property.name(), if self.is_part { PART } else { "" })
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
        let lists = template.placeholders().map(|placeholder| placeholder.property).filter(|found| found.is_list());
        let mut lists: Vec<Property> = lists.collect();
        lists.dedup();
        if lists.len() > 1 {
            return Err(
                "has placeholders of two properties of which a certificate may have several; use one".to_owned()
            );
        }
        if !template.is_one_channel() {
            template.check_parts()?;
        }
        Ok(template)
    }

    /// The placeholders, in their order.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(placeholder) => Some(*placeholder),
            Piece::Text(_) => None,
        })
    }

    /// Fills in values, and tells each pattern that this makes, or why one is left out.
    pub(crate) fn fill<'a>(
        &self,
        values: impl Fn(Property) -> Vec<Fit<'a>>,
        mut tell: impl FnMut(Result<String, String>),
    ) {
        let list = self.placeholders().map(|placeholder| placeholder.property).find(|property| property.is_list());
        let Some(list) = list else { return tell(self.filled(|property| values(property).first().copied())) };
        let all = values(list);
        if all.is_empty() {
            return tell(Err(self.why(format_args!("there is no {}", list.name()))));
        }
        for one in all {
            let value = |property| if property == list { Some(one) } else { values(property).first().copied() };
            tell(self.filled(value));
        }
    }

    fn filled<'a>(&self, value: impl Fn(Property) -> Option<Fit<'a>>) -> Result<String, String> {
        let mut pattern = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => pattern.push_str(text),
                Piece::Value(placeholder) => {
                    let fit = value(placeholder.property);
                    let text = fit.and_then(|fit| if placeholder.is_part { fit.part } else { Some(fit.value) });
                    let Some(text) = text else {
                        return Err(self.why(format_args!("there is no {}", placeholder.name())));
                    };
                    self.check_value(*placeholder, text)?;
                    pattern.push_str(text);
                }
            }
        }
        match Pattern::is_valid(&pattern) {
            true => Ok(pattern),
            false => Err(self.why(format_args!("it would be longer than {} bytes", Pattern::BYTES_MAX))),
        }
    }

    /// Whether a value may stand in the place of a placeholder.
    fn check_value(&self, placeholder: Placeholder, text: &str) -> Result<(), String> {
        let name = placeholder.name();
        let takes_dots = placeholder.property.is_list() && !placeholder.is_part && self.is_one_channel();
        let fault = if text.is_empty() {
            "is empty"
        } else if text.contains('*') {
            "has a `*`"
        } else if text.chars().any(char::is_control) {
            "has a control character"
        } else if text.contains('.') && !takes_dots {
            "has a dot"
        } else {
            return Ok(());
        };
        Err(self.why(format_args!("{name} \"{}\" {fault}", text.escape_debug())))
    }

    fn why(&self, why: impl std::fmt::Display) -> String {
        format!("`{}`, since {why}", self.text)
    }

    /// Whether each value makes the name of one channel, and no two the same.
    fn is_one_channel(&self) -> bool {
        let has_star = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains('*'));
        self.placeholders().count() == 1 && !self.pieces.iter().any(has_star)
    }

    /// Whether no placeholder shares its part of the name, from dot to dot, with a `*` or with another placeholder.
    fn check_parts(&self) -> Result<(), String> {
        let (mut placeholder, mut has_star) = (None::<Placeholder>, false);
        let clash = |name: String| {
            Err(format!(
                "`{{{name}}}` needs a dot between itself and a `*` or another placeholder: else a longer value, or \
                 another one, gives the same channel"
            ))
        };
        for piece in &self.pieces {
            match piece {
                Piece::Value(next) => {
                    if placeholder.is_some() || has_star {
                        return clash(next.name());
                    }
                    placeholder = Some(*next);
                }
                Piece::Text(text) => {
                    for (index, part) in text.split('.').enumerate() {
                        if index > 0 {
                            (placeholder, has_star) = (None, false);
                        }
                        has_star |= part.contains('*');
                        if let Some(placeholder) = placeholder.filter(|_| has_star) {
                            return clash(placeholder.name());
                        }
                    }
                }
            }
        }
        Ok(())
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
            let Some(placeholder) = Placeholder::all().find(|placeholder| placeholder.name() == name) else {
                let names: Vec<String> = Placeholder::all().map(|known| format!("`{{{}}}`", known.name())).collect();
                return Err(format!("has an unknown placeholder; there are {}", names.join(", ")));
            };
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Value(placeholder));
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
