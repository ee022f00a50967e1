//! A list of authenticators, as the operator wrote it: which entries there are, and what each of them says.
//!
//! **Invariant:** an option of an authenticator is a secret: of those, no message says more than the key and the type.

use super::authenticator::{AuthenticatorConfig, AuthenticatorEntry, AuthenticatorList, Isolation};
use super::raw::RawConfig;
use super::section::Section;
use super::units::{ADDRESS_SPACE, CREATE_TIME, address_space, create_time};
use super::values::{BOOLEAN, SHA256, found, is_no, isolation, non_empty, sha256};
use super::{CREATE_TIMEOUT, ISOLATION_MEMORY};
use anyhow::{bail, ensure};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most entries of a list. Each has threads of its own, and a client may wait for one after the other.
pub(super) const ENTRIES_MAX: usize = 8;

/// Longest name of an entry.
const NAME_BYTES_MAX: usize = 64;

/// The keys of an entry.
pub(super) const KEYS: &[&str] = &[
    "id",
    "name",
    "options",
    "sha256",
    "isolation",
    "isolation_memory",
    "create_timeout",
    "restart",
    "if_unavailable",
    "shadow",
];

/// Keys at the top that belong into the entries of a list, and what they are called there.
const IN_ENTRIES: &[(&str, &str)] = &[
    ("authenticator_options", "options"),
    ("authenticator_sha256", "sha256"),
    ("isolation", "isolation"),
    ("isolation_memory", "isolation_memory"),
    ("authenticator_create_timeout", "create_timeout"),
    ("authenticator_restart", "restart"),
];

/// One entry, nothing resolved.
#[derive(Clone)]
pub(super) struct RawEntry {
    id: String,
    name: Option<String>,
    options: Map<String, Value>,
    sha256: Option<String>,
    isolation: Option<Isolation>,
    isolation_memory: Option<u64>,
    create_timeout: Option<Duration>,
    restart: Option<bool>,
    goes_on: bool,
    shadow: bool,
}

/// Reads the list, which is `list` in the settings `top`.
///
/// # Errors
/// One message that names the key, what was expected, and what was found.
pub(super) fn entries(
    top: &Section,
    list: Vec<Value>,
    originals: &Map<String, Value>,
) -> anyhow::Result<Vec<RawEntry>> {
    ensure!(
        (1..=ENTRIES_MAX).contains(&list.len()),
        "`authenticator`: expected a list of 1 to {ENTRIES_MAX} authenticators, found {}",
        list.len()
    );
    if let Some((key, of_entry)) = IN_ENTRIES.iter().find(|(key, _)| top.has(key)) {
        bail!("`{key}` stands at the top beside a list of authenticators: it goes into the entries, as `{of_entry}`");
    }
    if let Some(key) = originals.keys().next() {
        bail!("`{key}` stands at the top beside a list of authenticators: it goes into an entry, below `options:`");
    }
    let mut entries = Vec::with_capacity(list.len());
    for (at, value) in list.into_iter().enumerate() {
        entries.push(entry(Section::of(&place(at), value, KEYS)?)?);
    }
    check(&entries)?;
    Ok(entries)
}

fn place(at: usize) -> String {
    format!("authenticator[{at}]")
}

fn entry(mut section: Section) -> anyhow::Result<RawEntry> {
    let place = section.prefix.trim_end_matches('.').to_owned();
    let id = section.take("id", "the id of an authenticator such as PasswordAuthenticator", non_empty)?;
    let Some(id) = id else { bail!("`{place}.id` is missing: write the id of an authenticator") };
    ensure!(
        !is_no(&id),
        "`{place}.id`: `{id}` cannot stand in a list: it would let everybody read and write everything"
    );
    let name = section.take("name", "a name of 1 to 64 letters, digits, `-`, `_` and `.`", entry_name)?;
    let options = section.take_options("options")?;
    let if_unavailable = section.take("if_unavailable", "`refuse` or `next`", |value| match value.as_str()? {
        "refuse" => Some(false),
        "next" => Some(true),
        _ => None,
    })?;
    Ok(RawEntry {
        id,
        name,
        options,
        sha256: section.take("sha256", SHA256, sha256)?,
        isolation: section.take("isolation", "`thread` or `process`", isolation)?,
        isolation_memory: section.take("isolation_memory", ADDRESS_SPACE, address_space)?,
        create_timeout: section.take("create_timeout", CREATE_TIME, create_time)?,
        restart: section.take("restart", BOOLEAN, Value::as_bool)?,
        goes_on: if_unavailable.unwrap_or(false),
        shadow: section.take("shadow", BOOLEAN, Value::as_bool)?.unwrap_or(false),
    })
}

/// A name may stand in a path.
fn entry_name(value: &Value) -> Option<String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    non_empty(value)
        .filter(|name| name.len() <= NAME_BYTES_MAX && name.bytes().all(is_good) && !name.starts_with(['.', '-']))
}

fn check(entries: &[RawEntry]) -> anyhow::Result<()> {
    ensure!(
        entries.iter().any(|entry| !entry.shadow),
        "`authenticator`: every entry has `shadow: true`, and nobody decides; one at least has to be without it"
    );
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let (place, name) = (place(at), entry.name());
        if let Some(other) = names.insert(name, at) {
            bail!(
                "`{place}`: `authenticator[{other}]` is called {name:?} too; where an id stands twice, give each a `name` \
                 of its own"
            );
        }
        ensure!(
            !(entry.shadow && entry.goes_on),
            "`{place}.if_unavailable` does nothing beside `shadow: true`, which decides nothing; remove one of them"
        );
    }
    Ok(())
}

impl RawEntry {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// The list as it is meant. What the entries do not have of their own is that of `common`.
pub(super) fn resolve(raw: Vec<RawEntry>, common: &AuthenticatorConfig, timeout: Duration) -> AuthenticatorList {
    let count = raw.iter().filter(|entry| !entry.shadow).count();
    let ids: Vec<String> = raw.iter().map(|entry| entry.id.clone()).collect();
    let mut decide = 0;
    let mut entries = Vec::with_capacity(raw.len());
    for (at, raw) in raw.into_iter().enumerate() {
        // One that decides nothing is told that it stands last: so it says all that it would say alone.
        let index = if raw.shadow { count.saturating_sub(1) } else { decide };
        decide += usize::from(!raw.shadow);
        let entry = AuthenticatorEntry {
            place: place(at),
            name: raw.name().to_owned(),
            goes_on: raw.goes_on,
            shadow: raw.shadow,
            shares_id: ids.iter().filter(|id| **id == raw.id).count() > 1,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            count: u32::try_from(count).unwrap_or(u32::MAX),
        };
        entries.push(AuthenticatorConfig {
            id: raw.id,
            options: raw.options,
            original_options: Map::new(),
            sha256: raw.sha256,
            isolation: raw.isolation.unwrap_or_default(),
            isolation_memory: raw
                .isolation_memory
                .map_or(common.isolation_memory, |bytes| Some(bytes).filter(|bytes| *bytes > 0)),
            create_timeout: raw.create_timeout.unwrap_or(common.create_timeout),
            restarts: raw.restart.unwrap_or(common.restarts),
            entry,
            ..common.clone()
        });
    }
    AuthenticatorList { entries, timeout }
}

/// What was written for `authenticator`.
pub(super) enum RawAuthenticator {
    /// One id.
    Alone(String),
    /// A list.
    List(Vec<RawEntry>),
}

/// Reads the key `authenticator`. `originals` are the original's options, which were taken out of `top` before.
///
/// # Errors
/// One message that names the key, what was expected, and what was found.
pub(super) fn authenticator(
    top: &mut Section,
    originals: &Map<String, Value>,
) -> anyhow::Result<Option<RawAuthenticator>> {
    const EXPECTED: &str = "the id of an authenticator such as PasswordAuthenticator, a list of entries with an `id` each, or the word None";
    match top.values.remove("authenticator") {
        None => Ok(None),
        Some(Value::Null) => bail!(
            "`authenticator`: expected {EXPECTED}, found nothing (an empty value). To let everybody read and write \
             everything, write `authenticator: None`"
        ),
        Some(Value::Array(list)) => entries(top, list, originals).map(|list| Some(RawAuthenticator::List(list))),
        Some(value) => match non_empty(&value) {
            Some(id) if id != "None" && is_no(&id) => {
                bail!("`authenticator`: expected {EXPECTED}, found `{id}`: the word is written `None`")
            }
            Some(id) => Ok(Some(RawAuthenticator::Alone(id))),
            None => bail!("`authenticator`: expected {EXPECTED}, found {}", found(&value)),
        },
    }
}

/// Who decides, as it is meant: the keys at the top, and what was written for `authenticator`. The last but one are the
/// folder where relative paths start, the file of the settings and the relay's name.
pub(super) fn config(
    raw: &mut RawConfig,
    authenticator: RawAuthenticator,
    (directory, file, name): (&Path, Option<&Path>, &str),
    timeout: Duration,
) -> AuthenticatorConfig {
    let (id, list) = match authenticator {
        RawAuthenticator::Alone(id) => (id, Vec::new()),
        RawAuthenticator::List(list) => (String::new(), list),
    };
    let mut config = AuthenticatorConfig {
        id,
        plugins_dir: directory.join(raw.plugins_dir.take().unwrap_or_else(|| PathBuf::from("plugins"))),
        wiped: Vec::new(),
        options: std::mem::take(&mut raw.authenticator_options),
        // An empty value stands for lines that are commented out: the option is not set.
        original_options: std::mem::take(&mut raw.original_options)
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
        sha256: raw.authenticator_sha256.take(),
        isolation: raw.isolation.unwrap_or_default(),
        isolation_memory: Some(raw.isolation_memory.unwrap_or(ISOLATION_MEMORY)).filter(|bytes| *bytes > 0),
        create_timeout: raw.authenticator_create_timeout.unwrap_or(CREATE_TIMEOUT),
        restarts: raw.authenticator_restart.unwrap_or(true),
        data_dir: raw.plugin_data_dir.take().map(|folder| directory.join(folder)),
        settings_dir: file.map(|_| directory.to_owned()),
        relay_name: name.to_owned(),
        strict_permissions: raw.strict_plugin_permissions.unwrap_or(false),
        max_life: raw.max_authorization_life.filter(|life| !life.is_zero()),
        on_swap: raw.on_swap.unwrap_or_default(),
        entry: AuthenticatorEntry::default(),
        list: AuthenticatorList::default(),
    };
    config.list = resolve(list, &config, timeout);
    config
}
