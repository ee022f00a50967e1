//! The tags that the parser passes over without a word: those that do not begin with one `!` (`!!env NAME`,
//! `!<env> NAME`), which would leave the name of a variable as the password.
//!
//! The parser hands over tags with one `!` alone. So it reads another text, in which these tags are such ones; texts that
//! have the same signs in them are other texts there, and nobody looks at them.
//! **Invariant:** no message shows a tag but those that there are: a password may begin with `!`.

use super::outside::{KNOWN_TAGS, Reading, Tag};
use super::place::Place;
use anyhow::bail;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::cell::{Cell, RefCell};
use std::fmt;
use zeroize::Zeroizing;

/// What stands for `!!`, as long as that: keys may have 1024 characters, and not one more.
const SHORT: &str = "~";
/// What stands before a tag in angle brackets, behind the `<`.
const VERBATIM: &str = "!;";
/// `!!` is short for this.
const OF_YAML: &str = "tag:yaml.org,2002:";
/// The tags of YAML's own that mean something in JSON.
const CORE: [&str; 7] = ["str", "int", "float", "bool", "null", "seq", "map"];

/// Looks for such tags in a document that the parser takes, with `place` as its top.
///
/// # Errors
/// There is one; names the line and how it is written.
pub(super) fn check(text: &str, place: Place<'_>, reading: &Reading<'_>) -> anyhow::Result<()> {
    let is_space = |line: &&str| line.trim().is_empty() || line.starts_with(['#', '%']);
    if let Some(at) = text.lines().take_while(is_space).position(|line| line.starts_with("%TAG")) {
        bail!("line {}: `%TAG` gives tags other meanings, which is not supported: remove the line", at + 1);
    }
    if !text.contains("!!") && !text.contains("!<") {
        return Ok(());
    }
    // They have what the text has, passwords included.
    let marked = Zeroizing::new(text.replace("!<", &format!("!<{VERBATIM}")));
    let marked = Zeroizing::new(marked.replace("!!", &format!("!{SHORT}")));
    let found = RefCell::new(None);
    let walk = Walk { found: &found, reading, place };
    let ended = walk.deserialize(serde_yaml::Deserializer::from_str(&marked));
    match (found.take(), ended.err().and_then(|error| error.location())) {
        (Some(what), Some(at)) => bail!("line {}: {what}", at.line()),
        (Some(what), None) => bail!("{what}"),
        // Whatever else is wrong is found out where the text itself is read.
        (None, _) => Ok(()),
    }
}

/// Why a tag with this name in the other text is none; `None`: it is one, or the reader of the text itself says so.
fn fault(name: &str) -> Option<String> {
    let hint = |name: &str, written: &str, with: &str| match Tag::of(name) {
        Some(_) => format!("`{written}` is no tag: it is written `!{name}`, {with}"),
        None => format!(
            "a YAML tag (`!!name` or `!<name>`) that means nothing here: {KNOWN_TAGS}, with one `!`; a text that begins with \
             `!` is written in quotes"
        ),
    };
    if let Some(name) = name.strip_prefix(&VERBATIM[1..]) {
        let is_good = name.starts_with('!') || name.strip_prefix(OF_YAML).is_some_and(|name| CORE.contains(&name));
        let name = name.strip_prefix(OF_YAML).unwrap_or(name);
        return (!is_good).then(|| hint(name, &format!("!<{name}>"), "without angle brackets"));
    }
    let name = name.strip_prefix(SHORT)?;
    (!CORE.contains(&name)).then(|| hint(name, &format!("!!{name}"), "with one `!`"))
}

/// Goes through all values and keys.
#[derive(Clone, Copy)]
struct Walk<'a> {
    found: &'a RefCell<Option<String>>,
    reading: &'a Reading<'a>,
    place: Place<'a>,
}

impl Walk<'_> {
    /// # Errors
    /// The tag is none; what is wrong is recorded, and the parser adds the line.
    fn check<E: serde::de::Error>(self, name: &str) -> Result<(), E> {
        let Some(what) = fault(name) else { return Ok(()) };
        *self.found.borrow_mut() = Some(match self.place.to_string() {
            place if place.is_empty() => what,
            place => format!("`{place}`: {what}"),
        });
        Err(E::custom(""))
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.reading.leaves_options_out() && self.place.may_be_outside() {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u128<E>(self, _: u128) -> Result<(), E> {
        Ok(())
    }

    fn visit_i128<E>(self, _: i128) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut at = 0;
        while list.next_element_seed(Walk { place: self.place.entry(at), ..self })?.is_some() {
            at += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<(), A::Error> {
        while let Some(key) = mapping.next_key_seed(Key(self))? {
            mapping.next_value_seed(Walk { place: self.place.below(&key), ..self })?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        let (name, content) = data.variant::<String>()?;
        self.check(&name)?;
        content.newtype_variant_seed(self)
    }
}

/// Reads a key. What it gives back is its name, where it is no tag.
struct Key<'a>(Walk<'a>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_enum("", &[], self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<String, A::Error> {
        // The text, or the name of its tag: then, and only then, there is a content.
        let (name, content) = data.variant::<String>()?;
        let has_content = Cell::new(false);
        match content.newtype_variant_seed(Content(&has_content)) {
            _ if !has_content.get() => Ok(name),
            Err(error) => Err(error),
            Ok(text) => self.0.check(&name).map(|()| text),
        }
    }
}

/// Reads the text behind the tag of a key, and says that there is one.
struct Content<'a>(&'a Cell<bool>);

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        self.0.set(true);
        serde::Deserialize::deserialize(deserializer)
    }
}
