//! Texts with `*`, as conditions of rules have them, and what a `*` stands for in a value.

use crate::property::Property;
use std::net::IpAddr;

/// A text in which each `*` stands for any run of characters, none included.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wildcard {
    /// The text between the `*`; one more than there are of these.
    parts: Vec<String>,
}

/// A value that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit<'a> {
    pub(crate) value: &'a str,
    /// What the `*` stands for, if there is exactly one.
    pub(crate) part: Option<&'a str>,
}

impl Wildcard {
    /// Reads a condition on `property`.
    ///
    /// # Errors
    /// What was expected of it.
    pub(crate) fn parse(property: Property, text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("expected a text, found an empty one; remove the condition if any value will do".to_owned());
        }
        if !property.takes_wildcards() {
            return exact(property, text).map(|text| Self { parts: vec![text] });
        }
        let comparable = comparable(property, text);
        Ok(Self { parts: comparable.split('*').map(str::to_owned).collect() })
    }

    /// Whether there is exactly one `*`.
    pub(crate) fn has_one_star(&self) -> bool {
        self.parts.len() == 2
    }

    /// Whether a value, made [`comparable`], fits.
    pub(crate) fn fit<'a>(&self, value: &'a str) -> Option<Fit<'a>> {
        let (first, rest) = self.parts.split_first().expect("splitting gives at least one part");
        let Some((last, between)) = rest.split_last() else {
            return (first == value).then_some(Fit { value, part: None });
        };
        let middle = value.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        // The first place of each is as good as any later one: it leaves the most to the others.
        let mut left = middle;
        for part in between {
            left = &left[left.find(part.as_str())? + part.len()..];
        }
        Some(Fit { value, part: between.is_empty().then_some(middle) })
    }
}

/// A separator of the parts of a distinguished name. It stands in no name: control characters are escaped there.
const NAME_SEPARATOR: char = '\u{1f}';

/// A value or a condition in the form in which both are compared. Of names in the DNS the case does not matter. In a
/// distinguished name a comma that separates is told from one that stands in a value (`\,`), so that nobody with a comma in
/// the name gets past a condition such as `*,O=Example`.
pub(crate) fn comparable(property: Property, text: &str) -> String {
    match property {
        Property::Dns => text.to_ascii_lowercase(),
        _ if property.is_distinguished_name() => {
            let mut is_escaped = false;
            let separated = |char| {
                let separates = char == ',' && !is_escaped;
                is_escaped = char == '\\' && !is_escaped;
                if separates { NAME_SEPARATOR } else { char }
            };
            text.chars().map(separated).collect()
        }
        _ => text.to_owned(),
    }
}

/// A condition that is compared as a whole, as the relay would write it.
fn exact(property: Property, text: &str) -> Result<String, String> {
    if property == Property::Ip {
        let address = text.parse::<IpAddr>().map_err(|_| "expected an IP address, without a network and without `*`");
        return Ok(address?.to_string());
    }
    let digits: String = text.chars().filter(|&char| char != ':').collect::<String>().to_ascii_lowercase();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("expected hexadecimal digits, with or without colons between".to_owned());
    }
    if property == Property::Serial {
        let digits = digits.trim_start_matches('0');
        return Ok(if digits.is_empty() { "0" } else { digits }.to_owned());
    }
    match digits.len() {
        64 => Ok(digits),
        found => Err(format!("expected 64 hexadecimal digits, as SHA-256 has them, found {found}")),
    }
}

#[cfg(test)]
mod tests;
