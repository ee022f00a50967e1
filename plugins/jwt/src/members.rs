//! JSON objects of strangers whose members are read one by one, when they are needed.
//!
//! **Invariant:** a name that stands there twice is an error: readers that disagree about which one counts disagree about
//! what was signed. What nobody reads may be nested as deep as it likes.

use pusu_plugin_api::serde::Deserialize;
use pusu_plugin_api::serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// An object, by the names of its members.
pub(crate) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads an object.
    ///
    /// # Errors
    /// It is something else, is damaged, or has a name twice. Where, but no word of what stands there, may be shown.
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The member of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// The member of this name as a `T`.
    ///
    /// # Errors
    /// It is there and is no `T`, for one `null`.
    pub(crate) fn read<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, NotThat> {
        self.get(name).map(|value| serde_json::from_str(value.get()).map_err(|_| NotThat)).transpose()
    }
}

/// A member is of another type.
#[derive(Debug)]
pub(crate) struct NotThat;

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::<(String, &'de RawValue)>::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(A::Error::custom("a name stands there twice"));
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_one_by_one() {
        let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
        let json = format!(r#"{{"a":1,"b":"x","c":{deep},"n":null}}"#);
        let members = Members::parse(json.as_bytes()).unwrap();
        assert_eq!(members.read::<u8>("a").unwrap(), Some(1));
        assert_eq!(members.read::<String>("b").unwrap().as_deref(), Some("x"));
        assert!(members.read::<u8>("b").is_err() && members.read::<u8>("n").is_err());
        assert!(members.read::<u8>("d").unwrap().is_none());
    }

    #[test]
    fn what_is_no_object_or_has_a_name_twice_is_an_error() {
        for json in ["", "[]", "null", "7", r#""a""#, r#"{"a":1"#, r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, "{} {}"]
        {
            assert!(Members::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
