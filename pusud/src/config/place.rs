//! The place of a value in the settings: which key or option it belongs to, and which tags may stand there.

use super::authenticator_list;
use super::keys::{ORIGINAL_OPTIONS, TOP};
use super::limit_table::LIMITS;
use super::listener_keys;
use super::nats;
use std::fmt;

/// The keys of the relay's own, at the top, that a variable may stand for: names and addresses, which are no secrets. In the place of a
/// path it would be shown by messages, and may be the secret that was to stand in the file.
pub(super) const VARIABLE_KEYS: &[&str] = &["name", "network_name", "client_address", "network_address", "relays"];

/// The keys at the top that have any text as their value, a path or a name, or have such keys below them.
const TEXT_KEYS: &[&str] = &[
    "plugins_dir",
    "plugin_data_dir",
    "client_tls",
    "listeners",
    "tls_ticket_key_file",
    "network_name",
    "network_key_file",
    "network_tls",
    "nats",
    "name",
    "control_socket",
    "revocations_file",
];

/// The place of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    kind: Kind,
    /// At the top; empty where it is none of the settings' own, which is not shown: it may be a password whose line is not
    /// indented.
    key: Option<&'a str>,
    /// Which entry of the list below it, from 0.
    entry: Option<usize>,
    /// The key below that, if it is one of the settings' own.
    below: Option<&'a str>,
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
    pub(super) const SETTINGS: Self = Self::at(Kind::Top);
    /// The top of a file with options alone.
    pub(super) const OPTIONS: Self = Self::at(Kind::Options);

    const fn at(kind: Kind) -> Self {
        Self { kind, key: None, entry: None, below: None, option: None }
    }

    /// The place of what stands behind a key here.
    pub(super) fn below<'b>(self, key: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        match self.kind {
            Kind::Top if key == "authenticator_options" => Place { key: Some(key), ..Place::at(Kind::Options) },
            Kind::Top if ORIGINAL_OPTIONS.contains(&key) => Place { key: Some(key), ..Place::at(Kind::Option) },
            Kind::Top => Place { key: Some(if TOP.contains(&key) { key } else { "" }), ..Place::at(Kind::Own) },
            Kind::Options => Place { kind: Kind::Option, option: Some(key), ..self },
            // Of an entry in a list of authenticators.
            Kind::Own if self.key == Some("authenticator") && key == "options" => {
                Place { kind: Kind::Options, below: Some(key), ..self }
            }
            Kind::Own if self.below.is_none() && self.known_below().contains(&key) => {
                Place { below: Some(key), ..self }
            }
            Kind::Own | Kind::Option => self,
        }
    }

    /// The place of an entry of the list here.
    pub(super) fn entry(self, at: usize) -> Self {
        let is_list = self.kind == Kind::Own && matches!(self.key, Some("authenticator" | "listeners"));
        if is_list && self.below.is_none() { Self { entry: Some(at), ..self } } else { self }
    }

    /// The keys below the one at the top.
    fn known_below(self) -> &'static [&'static str] {
        match self.key {
            Some("authenticator") => authenticator_list::KEYS,
            Some("client_tls" | "network_tls") => listener_keys::TLS_KEYS,
            Some("listeners") => listener_keys::KEYS,
            Some("limits") => LIMITS,
            Some("nats") => nats::KEYS,
            _ => &[],
        }
    }

    /// Whether a text may have any content here.
    pub(super) fn takes_any_text(self) -> bool {
        match self.kind {
            Kind::Option => true,
            Kind::Own => self.key.is_some_and(|key| TEXT_KEYS.contains(&key)),
            Kind::Top | Kind::Options => false,
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
    /// the keys that take tags.
    pub(super) fn may_be_outside(self) -> bool {
        self.holds_options() || self.takes() != Taken::Nothing
    }

    /// Which tags may stand before a value.
    pub(super) fn takes(self) -> Taken {
        match self.kind {
            Kind::Option => Taken::All,
            Kind::Own if self.key.is_some_and(|key| VARIABLE_KEYS.contains(&key)) => Taken::Variables,
            Kind::Own if self.key == Some("nats") => match self.below {
                Some(key) if nats::SECRET_KEYS.contains(&key) => Taken::All,
                Some(key) if nats::VARIABLE_KEYS.contains(&key) => Taken::Variables,
                _ => Taken::Nothing,
            },
            Kind::Own | Kind::Top | Kind::Options => Taken::Nothing,
        }
    }

    /// Whether keys here are texts of an option's own, which a tag may stand for.
    pub(super) fn takes_tagged_keys(self) -> bool {
        self.kind == Kind::Option
    }
}

/// The whole path, as far as it is known; nothing at the top.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key.unwrap_or_default())?;
        if let Some(at) = self.entry {
            write!(f, "[{at}]")?;
        }
        for (at, name) in [self.below, self.option].into_iter().flatten().enumerate() {
            let dot = if self.key.is_some() || at > 0 { "." } else { "" };
            write!(f, "{dot}{name}")?;
        }
        Ok(())
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
            (&["limits", "outbox_bytes"], "limits.outbox_bytes", Taken::Nothing),
            (&["limits", "s3cret"], "limits", Taken::Nothing),
            (&["s3cret", "s3cret"], "", Taken::Nothing),
            (&["client_tls", "certificate"], "client_tls.certificate", Taken::Nothing),
            (&["passwords"], "passwords", Taken::All),
            (&["passwords", "s3cret", "s3cret"], "passwords", Taken::All),
            (&["authenticator_options"], "authenticator_options", Taken::Nothing),
            (&["authenticator_options", "key"], "authenticator_options.key", Taken::All),
            (&["authenticator_options", "key", "s3cret"], "authenticator_options.key", Taken::All),
            (&["authenticator", "options"], "authenticator.options", Taken::Nothing),
            (&["authenticator", "options", "key", "s3cret"], "authenticator.options.key", Taken::All),
            (&["limits", "options", "key"], "limits", Taken::Nothing),
            (&["nats"], "nats", Taken::Nothing),
            (&["nats", "servers"], "nats.servers", Taken::Variables),
            (&["nats", "user"], "nats.user", Taken::Variables),
            (&["nats", "password"], "nats.password", Taken::All),
            (&["nats", "password", "s3cret"], "nats.password", Taken::All),
            (&["nats", "token"], "nats.token", Taken::All),
            (&["nats", "nkey_seed_file"], "nats.nkey_seed_file", Taken::Nothing),
            (&["nats", "s3cret"], "nats", Taken::Nothing),
        ] {
            let place = below(keys);
            assert_eq!((place.to_string().as_str(), place.takes()), (named, takes));
            let is_option = keys.first() != Some(&"nats");
            assert_eq!(place.takes_tagged_keys(), takes == Taken::All && is_option);
        }
        let entry = Place::SETTINGS.below("authenticator").entry(1).below("options").below("x").entry(3);
        assert_eq!(entry.to_string(), "authenticator[1].options.x");
        assert_eq!(Place::OPTIONS.below("key").below("s3cret").to_string(), "key");
        assert!(Place::OPTIONS.is_top() && !below(&["authenticator_options"]).is_top());
    }
}
