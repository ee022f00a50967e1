//! The settings of the authenticator.
//!
//! **Invariant:** values of its options are secrets: `Debug` shows none.

use super::wiped_option::WipedOption;
use serde_json::{Map, Value};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroize as _;

/// Which authenticator decides, and with what options.
#[derive(Clone)]
pub struct AuthenticatorConfig {
    /// The id: `None`, or an id in a plugin's manifest.
    pub id: String,
    /// Where plugins are looked for.
    pub plugins_dir: PathBuf,
    /// `authenticator_options`: every name must be among the manifest's.
    pub options: Map<String, Value>,
    /// The original's top-level keys (`passwords`, …): handed over if the manifest names them, else ignored.
    pub original_options: Map<String, Value>,
    /// `authenticator_sha256`: the library must have this hash, lower-case hex.
    pub sha256: Option<String>,
    /// `isolation`: where the plugin's code runs.
    pub isolation: Isolation,
    /// `isolation_memory`: how much address space its process may have, in bytes; `None`: as much as the daemon.
    pub isolation_memory: Option<u64>,
    /// `authenticator_create_timeout`: how long the plugin may take to be loaded and to make an instance.
    pub create_timeout: Duration,
    /// `authenticator_restart`: whether an instance that is lost is replaced without being asked to.
    pub restarts: bool,
    /// `plugin_data_dir`: the folder for files of the plugin; `None`: where systemd has made one, that.
    pub data_dir: Option<PathBuf>,
    /// The folder of the settings file, which the plugin is told; `None`: there is no such file.
    pub settings_dir: Option<PathBuf>,
    /// The relay's name, which the plugin is told.
    pub relay_name: String,
    /// `strict_plugin_permissions`: a group-writable library or folder above it is refused rather than warned about.
    pub strict_permissions: bool,
    /// `max_authorization_life`: how long an authorization may last; `None`: as long as the authenticator says.
    pub max_life: Option<Duration>,
    /// `on_swap`: what becomes of live authorizations when another authenticator takes over.
    pub on_swap: OnSwap,
    /// Where it stands, if `authenticator` is a list.
    pub entry: AuthenticatorEntry,
    /// The options that were wiped.
    pub wiped: Vec<WipedOption>,
    /// The entries, if `authenticator` is a list; then the fields above that an entry has are of no meaning here.
    pub list: AuthenticatorList,
}

/// The entries of a list of authenticators.
#[derive(Debug, Clone, Default)]
pub struct AuthenticatorList {
    /// In the order of the settings; empty: `authenticator` is no list. At least one of them decides.
    pub entries: Vec<AuthenticatorConfig>,
    /// The time that asking one after the other may take.
    pub timeout: Duration,
}

/// What only an entry of a list has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthenticatorEntry {
    /// Where it stands, such as `authenticator[1]`; empty: `authenticator` is no list.
    pub place: String,
    /// `name`: what it is called in status, log and folders; the id, unless the settings say otherwise.
    pub name: String,
    /// `if_unavailable: next`: the next one is asked where it cannot decide.
    pub goes_on: bool,
    /// `shadow`: it decides nothing, and is compared with what is decided.
    pub shadow: bool,
    /// Another entry has the same id, so that a folder for files is not the same.
    pub shares_id: bool,
    /// Which one it is of those that decide, from 0, and how many there are. (0 and 0: `authenticator` is no list.)
    pub index: u32,
    /// See `index`.
    pub count: u32,
}

impl AuthenticatorConfig {
    /// Those that are to run: the entries of the list, or this one.
    pub fn entries(&self) -> &[Self] {
        if self.is_list() { &self.list.entries } else { std::slice::from_ref(self) }
    }

    /// Whether `authenticator` is a list.
    pub fn is_list(&self) -> bool {
        !self.list.entries.is_empty()
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        if self.entry.name.is_empty() { &self.id } else { &self.entry.name }
    }

    /// What it is called in the log: its id, and the name that tells it from others in a list.
    pub(crate) fn called(&self) -> String {
        match self.name() {
            name if name == self.id => self.id.clone(),
            name => format!("{}/{name}", self.id),
        }
    }

    /// What a key is called in messages that is called `key` at the top of the settings.
    pub fn key(&self, key: &str) -> String {
        match self.entry.place.as_str() {
            "" => key.to_owned(),
            place => format!("{place}.{}", key.strip_prefix("authenticator_").unwrap_or(key)),
        }
    }
}

impl AuthenticatorConfig {
    /// The names of the options that are set, each with whether it is one of `original_options`; also once they are wiped.
    pub fn option_names(&self) -> Vec<(String, bool)> {
        let own = self.options.keys().map(|name| (name.clone(), false));
        let original = self.original_options.keys().map(|name| (name.clone(), true));
        self.wiped.iter().map(|wiped| (wiped.name.clone(), wiped.is_original)).chain(own).chain(original).collect()
    }

    /// Takes the options away and wipes them: for whoever has handed them on and keeps the rest.
    pub fn wipe_options(&mut self) {
        let wiped = |(name, value): (&String, &Value), is_original| WipedOption::new(name, is_original, value);
        let own = self.options.iter().map(|option| wiped(option, false));
        let all = own.chain(self.original_options.iter().map(|option| wiped(option, true)));
        self.wiped.extend(all.collect::<Vec<_>>());
        for options in [&mut self.options, &mut self.original_options] {
            wipe(std::mem::take(options));
        }
        self.list.entries.iter_mut().for_each(Self::wipe_options);
    }
}

/// Wipes texts, as values and as keys.
pub(crate) fn wipe(options: Map<String, Value>) {
    for (mut key, value) in options {
        key.zeroize();
        wipe_value(value);
    }
}

fn wipe_value(value: Value) {
    match value {
        Value::String(mut text) => text.zeroize(),
        Value::Array(values) => values.into_iter().for_each(wipe_value),
        Value::Object(values) => wipe(values),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What becomes of live authorizations when another authenticator takes over while the daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSwap {
    /// They stay what they are until they expire or the client goes.
    #[default]
    Keep,
    /// The new one is asked about each of them again, for which the daemon keeps the clients' authorizations.
    Reauthorize,
}

impl fmt::Display for OnSwap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "keep",
            Self::Reauthorize => "reauthorize",
        })
    }
}

/// Where the code of a plugin runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// On threads of the daemon.
    #[default]
    Thread,
    /// In a process of its own, which can end without ending the daemon.
    Process,
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread => "thread",
            Self::Process => "process",
        })
    }
}

impl fmt::Debug for AuthenticatorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorConfig")
            .field("id", &self.id)
            .field("plugins_dir", &self.plugins_dir)
            .field("options", &Redacted(&self.options))
            .field("original_options", &Redacted(&self.original_options))
            .field("sha256", &self.sha256)
            .field("isolation", &self.isolation)
            .field("isolation_memory", &self.isolation_memory)
            .field("create_timeout", &self.create_timeout)
            .field("restarts", &self.restarts)
            .field("max_life", &self.max_life)
            .field("data_dir", &self.data_dir)
            .field("settings_dir", &self.settings_dir)
            .field("relay_name", &self.relay_name)
            .field("strict_permissions", &self.strict_permissions)
            .field("on_swap", &self.on_swap)
            .field("entry", &self.entry)
            .field("list", &self.list)
            .finish()
    }
}

/// Names of options without their values.
struct Redacted<'a>(&'a Map<String, Value>);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|name| (name, format_args!("[redacted]")))).finish()
    }
}

#[cfg(test)]
impl AuthenticatorConfig {
    /// The one called `id`, with the defaults of the settings.
    pub(crate) fn for_tests(id: &str, plugins_dir: impl Into<PathBuf>) -> Self {
        Self {
            id: id.to_owned(),
            plugins_dir: plugins_dir.into(),
            wiped: Vec::new(),
            options: Map::new(),
            original_options: Map::new(),
            sha256: None,
            isolation: Isolation::default(),
            isolation_memory: Some(super::ISOLATION_MEMORY),
            create_timeout: super::CREATE_TIMEOUT,
            restarts: true,
            data_dir: None,
            settings_dir: None,
            relay_name: "relay".to_owned(),
            strict_permissions: false,
            max_life: None,
            on_swap: OnSwap::Keep,
            entry: AuthenticatorEntry::default(),
            list: AuthenticatorList::default(),
        }
    }
}
