//! Options as they stand in the settings: both shapes of `passwords` and of what each gives, as values with the passwords
//! still in plain.
//!
//! **Invariant:** a password that was read is wiped when its entry is dropped.

use crate::name::Name;
use pusu_plugin_api::Pattern;
use pusu_plugin_api::serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use pusu_plugin_api::serde::{self, Deserialize as DeriveDeserialize};
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

#[derive(DeriveDeserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
pub(crate) struct Options {
    #[serde(default)]
    pub(crate) passwords: Passwords,
    /// Relative paths start at the folder of the settings.
    pub(crate) passwords_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) allow_read_by_default: bool,
}

/// The entries, in the order in which they stand in the settings.
#[derive(Default)]
pub(crate) struct Passwords(pub(crate) Vec<Entry>);

/// One password, in plain or as a hash, and what it gives.
pub(crate) struct Entry {
    pub(crate) password: Zeroizing<String>,
    pub(crate) gives: Gives,
}

/// The patterns of the channels that a password gives, and whom a client is then known as, if the operator has said so.
pub(crate) struct Gives {
    pub(crate) name: Option<Name>,
    pub(crate) patterns: Vec<Pattern>,
}

/// What stands behind a password.
const EXPECTED: &str = "a list of patterns, or `{name: alice, channels: [\"news.*\"]}`";
/// The keys of the mapping with a name.
const KEYS: &[&str] = &["name", "channels"];

impl<'de> Deserialize<'de> for Passwords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PasswordsVisitor)
    }
}

struct PasswordsVisitor;

impl<'de> Visitor<'de> for PasswordsVisitor {
    type Value = Passwords;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of passwords to lists of patterns, such as `{SomePassword: [\"news.*\"]}`")
    }

    /// `passwords:` with nothing after it.
    fn visit_unit<E>(self) -> Result<Passwords, E> {
        Ok(Passwords::default())
    }

    /// `{Password1: [patterns], Password2: [patterns]}`
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Passwords, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = next_entry(&mut map)? {
            entries.push(entry);
        }
        Ok(Passwords(entries))
    }

    /// `[{Password1: [patterns]}, {Password2: [patterns]}]`
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Passwords, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = items.next_element()? {
            entries.push(entry);
        }
        Ok(Passwords(entries))
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one password with its list of patterns, such as `- SomePassword: [\"news.*\"]`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let entry = next_entry(&mut map)?;
        match (entry, next_entry(&mut map)?) {
            (Some(entry), None) => Ok(entry),
            (None, _) => Err(A::Error::custom("expected one password with its list of patterns, found none")),
            (Some(_), Some(_)) => Err(A::Error::custom(
                "expected one password with its list of patterns, found several: begin each with a dash",
            )),
        }
    }
}

fn next_entry<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Entry>, A::Error> {
    let Some(password) = map.next_key::<String>()? else { return Ok(None) };
    let password = Zeroizing::new(password);
    let gives = map.next_value()?;
    Ok(Some(Entry { password, gives }))
}

impl<'de> Deserialize<'de> for Gives {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As a struct, so that errors name its keys; a list is read all the same.
        deserializer.deserialize_struct("", KEYS, GivesVisitor)
    }
}

struct GivesVisitor;

impl<'de> Visitor<'de> for GivesVisitor {
    type Value = Gives;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    /// `[patterns]`
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Gives, A::Error> {
        let mut patterns = Vec::new();
        while let Some(pattern) = items.next_element()? {
            patterns.push(pattern);
        }
        Ok(Gives { name: None, patterns })
    }

    /// `{name: alice, channels: [patterns]}`
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Gives, A::Error> {
        let (mut name, mut patterns) = (None, None);
        // What else stands there is not shown: it may be a password that is a step too far to the right.
        let wrong = |found: &str| {
            A::Error::custom(format_args!(
                "expected {EXPECTED}, found a mapping {found}; there are the keys `name` and `channels`, each once"
            ))
        };
        while let Some(key) = map.next_key::<String>()?.map(Zeroizing::new) {
            match key.as_str() {
                "name" if name.is_none() => name = Some(map.next_value()?),
                "channels" if patterns.is_none() => patterns = Some(map.next_value()?),
                "name" | "channels" => return Err(wrong("with one of them twice")),
                _ => return Err(wrong("with another key")),
            }
        }
        match (name, patterns) {
            (Some(name), Some(patterns)) => Ok(Gives { name: Some(name), patterns }),
            (None, _) => Err(wrong("without `name`")),
            (_, None) => Err(wrong("without `channels`")),
        }
    }
}
