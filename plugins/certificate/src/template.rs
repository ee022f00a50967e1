//! Patterns with placeholders: `users.{common_name}.*`.
//!
//! **Invariant:** two values never give access to one channel through the same pattern unless an operator's `*` does; see
//! `pusu_plugin_api::template`. So none with a dot is filled in where it could pass for more than one part of a name.

use crate::property::Property;
use crate::wildcard::Fit;
use pusu_plugin_api::Pattern;
use pusu_plugin_api::template::{self, NotFilled};
use std::fmt;

/// A pattern that may have placeholders.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template(template::Template<Placeholder>);

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

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Template {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with its placeholders.
    pub(crate) fn parse(pattern: &Pattern) -> Result<Self, String> {
        let template = Self(template::Template::parse(pattern, placeholder)?);
        let lists = template.placeholders().map(|placeholder| placeholder.property).filter(|found| found.is_list());
        let mut lists: Vec<Property> = lists.collect();
        lists.dedup();
        if lists.len() > 1 {
            return Err(
                "has placeholders of two properties of which a certificate may have several; use one".to_owned()
            );
        }
        Ok(template)
    }

    /// The placeholders, in their order.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.0.placeholders().copied()
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
        let text = |placeholder: &Placeholder| {
            let fit = value(placeholder.property)?;
            if placeholder.is_part { fit.part } else { Some(fit.value) }
        };
        // Names have dots, and do no harm where each makes the name of one channel.
        let takes_dots = |place: &Placeholder| place.property.is_list() && !place.is_part && self.0.is_one_channel();
        self.0.fill(takes_dots, text).map_err(|not| match not {
            NotFilled::Missing(placeholder) => self.why(format_args!("there is no {placeholder}")),
            NotFilled::Unfit(placeholder, unfit) => {
                let shown = text(placeholder).unwrap_or_default().escape_debug().to_string();
                self.why(format_args!("{placeholder} \"{shown}\" {unfit}"))
            }
            NotFilled::TooLong => self.why(not),
        })
    }

    fn why(&self, why: impl fmt::Display) -> String {
        format!("`{}`, since {why}", self.0)
    }
}

/// What a name in braces stands for.
fn placeholder(name: &str) -> Result<Placeholder, String> {
    Placeholder::all().find(|placeholder| placeholder.name() == name).ok_or_else(|| {
        let names: Vec<String> = Placeholder::all().map(|known| format!("`{{{known}}}`")).collect();
        format!("has an unknown placeholder; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests;
