//! The place of a value in the settings: which key or option it belongs to, and which tags may stand there.

use super::keys::ORIGINAL_OPTIONS;
use std::fmt;

/// The keys of the relay's own, at the top, that a variable may stand for: names and addresses, which are no secrets. In the place of a
/// path it would be shown by messages, and may be the secret that was to stand in the file.
pub(super) const VARIABLE_KEYS: &[&str] = &["name", "network_name", "client_address", "network_address", "relays"];

/// The place of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    kind: Kind,
    key: Option<&'a str>,
    option: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The top of the settings.
    Top,
    /// A key of the relay's own, or anything below it.
    Own,
    /// A mapping with the options of an authenticator, by their names.
    Options,
    /// An option, or anything below it.
    Option,
}

/// Which tags are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// None that stands for a text from outside.
    Nothing,
    /// Variables.
    Variables,
    All,
}

impl<'a> Place<'a> {
    /// The top of a settings file.
    pub(super) const SETTINGS: Self = Self { kind: Kind::Top, key: None, option: None };
    /// The top of a file with options alone.
    pub(super) const OPTIONS: Self = Self { kind: Kind::Options, key: None, option: None };

    /// The place of what stands behind a key here.
    pub(super) fn below<'b>(self, key: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        match self.kind {
            Kind::Top if key == "authenticator_options" => Place { kind: Kind::Options, key: Some(key), option: None },
            Kind::Top if ORIGINAL_OPTIONS.contains(&key) => Place { kind: Kind::Option, key: Some(key), option: None },
            Kind::Top => Place { kind: Kind::Own, key: Some(key), option: None },
            Kind::Options => Place { kind: Kind::Option, option: Some(key), ..self },
            // Of an entry in a list of authenticators.
            Kind::Own if self.key == Some("authenticator") && key == "options" => Place { kind: Kind::Options, ..self },
            Kind::Own | Kind::Option => self,
        }
    }

    pub(super) fn is_top(self) -> bool {
        self.key.is_none() && self.option.is_none()
    }

    /// Whether this is all of an authenticator's options, or one of those at the top.
    pub(super) fn holds_options(self) -> bool {
        matches!(self.kind, Kind::Options | Kind::Option)
    }

    /// Whether this is something for which a tag may stand, and so nothing for who may not have its texts: the options, and
    /// the keys that take variables.
    pub(super) fn may_be_outside(self) -> bool {
        self.holds_options() || self.takes() == Taken::Variables
    }

    /// Which tags may stand before a value.
    pub(super) fn takes(self) -> Taken {
        match self.kind {
            Kind::Option => Taken::All,
            Kind::Own if self.key.is_some_and(|key| VARIABLE_KEYS.contains(&key)) => Taken::Variables,
            Kind::Own | Kind::Top | Kind::Options => Taken::Nothing,
        }
    }

    /// Whether keys here are texts of an option's own, which a tag may stand for.
    pub(super) fn takes_tagged_keys(self) -> bool {
        self.kind == Kind::Option
    }
}

/// The key, with the option where there is one; nothing at the top.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key, self.option) {
            (Some(key), Some(option)) => write!(f, "{key}.{option}"),
            (Some(name), None) | (None, Some(name)) => f.write_str(name),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_as_far_as_they_are_no_secrets() {
        let below = |keys: &[&'static str]| keys.iter().fold(Place::SETTINGS, |place, key| place.below(key));
        for (keys, named, takes) in [
            (&[][..], "", Taken::Nothing),
            (&["name"], "name", Taken::Variables),
            (&["relays"], "relays", Taken::Variables),
            (&["network_key_file"], "network_key_file", Taken::Nothing),
            (&["limits", "outbox_bytes"], "limits", Taken::Nothing),
            (&["passwords"], "passwords", Taken::All),
            (&["passwords", "s3cret", "s3cret"], "passwords", Taken::All),
            (&["authenticator_options"], "authenticator_options", Taken::Nothing),
            (&["authenticator_options", "key"], "authenticator_options.key", Taken::All),
            (&["authenticator_options", "key", "s3cret"], "authenticator_options.key", Taken::All),
            (&["authenticator", "options"], "authenticator", Taken::Nothing),
            (&["authenticator", "options", "key", "s3cret"], "authenticator.key", Taken::All),
            (&["limits", "options", "key"], "limits", Taken::Nothing),
        ] {
            let place = below(keys);
            assert_eq!((place.to_string().as_str(), place.takes()), (named, takes));
            assert_eq!(place.takes_tagged_keys(), takes == Taken::All);
        }
        assert_eq!(Place::OPTIONS.below("key").below("s3cret").to_string(), "key");
        assert!(Place::OPTIONS.is_top() && !below(&["authenticator_options"]).is_top());
    }
}
