//! Raw settings, as the operator wrote them: every key with its type checked, nothing resolved, no default filled in.
//!
//! **Invariant:** an option of an authenticator is a secret: of those, no message says more than the key and the type.

use super::authenticator_list::{RawAuthenticator, authenticator};
use super::backplane::{self, BACKPLANE};
use super::history::{HISTORY_BYTES, history, history_bytes};
use super::http::{authenticator_sees, http};
use super::key_table::for_each_key;
use super::limit_table::RawLimits;
use super::listener::ListenerConfig;
use super::listener_keys::{client_tls, listeners};
use super::nats::{NatsSettings, nats};
use super::operations::{OPERATIONS_PORT, OperationsPort, READY_NEEDS, operations_hosts, operations_port, ready_needs};
use super::outside::Reading;
use super::place::{Place, VARIABLE_KEYS};
use super::section::Section;
use super::units::{ADDRESS_SPACE, CREATE_TIME, LIFE, address_space, create_time, life};
use super::values::{
    BOOLEAN, DECISIONS, SHA256, address, control_socket, decisions, encryption, found, isolation, name, on_swap, path,
    port, sha256, shards,
};
use super::{ControlSocket, Encryption, HttpConfig, Isolation, NETWORK_PORT, NetworkTls, OnSwap, keys, yaml};
use crate::config::peer_address::PeerAddress;
use crate::history::Rule;
use crate::http::HeaderNames;
use crate::protocol::SHARDS_MAX;
use crate::tls::Files;
use anyhow::bail;
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

const ADDRESS: &str = "an IP address such as 127.0.0.1, 0.0.0.0 or \"::\"";
const PORT: &str = "a port from 0 to 65535";
const NAME: &str = "a name of 1 to 255 bytes without control characters";
const CONTROL_SOCKET: &str = "a path, or the word None for no such socket";

/// Makes the struct, and the function that reads the keys of the table.
macro_rules! raw_config {
    ($($name:ident: $type:ty, $read:ident($($arg:expr),*), $when:ident;)*) => {
        /// The settings file, key by key; `None` is a key that is not there.
        #[derive(Default)]
        pub(super) struct RawConfig {
            pub(super) authenticator: Option<RawAuthenticator>,
            pub(super) original_options: Map<String, Value>,
            $(pub(super) $name: $type,)*
            pub(super) limits: RawLimits,
        }

        impl RawConfig {
            /// Takes the keys that are there out of `top`.
            fn take_known(top: &mut Section) -> anyhow::Result<Self> {
                let original_options = top.take_original_options();
                Ok(Self {
                    authenticator: authenticator(top, &original_options)?,
                    original_options,
                    $($name: $read(top, stringify!($name), $($arg),*)?,)*
                    limits: RawLimits::take(top)?,
                })
            }
        }
    };
}

for_each_key!(raw_config);

impl RawConfig {
    /// Reads the text of a settings file, with the texts that its tags stand for.
    ///
    /// # Errors
    /// One message that names the line or the key, what was expected, and what was found.
    pub(super) fn parse(text: &str, reading: &Reading<'_>) -> anyhow::Result<Self> {
        let mut top = Section { prefix: String::new(), values: yaml::parse(text, Place::SETTINGS, reading)? };
        keys::check(&top.values, "", keys::TOP).map_err(|error| match top.values.get("passwords") {
            // The lines below an empty `passwords:` that were not indented are at the top now, and they are passwords.
            Some(Value::Null) => anyhow::anyhow!(
                "`passwords` is empty and a key stands beside it that is unknown (not shown: it may be a password): are \
                 the lines below `passwords:` indented?"
            ),
            _ => error,
        })?;
        if reading.leaves_options_out() {
            // Secrets stand below `nats`, and without it there is no such backplane.
            let is_left_out = |key: &str| VARIABLE_KEYS.contains(&key) || matches!(key, "backplane" | "nats");
            top.values.retain(|key, _| !is_left_out(key));
        }
        Self::take_known(&mut top)
    }
}

/// A single value, as `convert` reads it.
fn value<T>(
    top: &mut Section,
    key: &str,
    expected: &str,
    convert: impl FnOnce(&Value) -> Option<T>,
) -> anyhow::Result<Option<T>> {
    top.take(key, expected, convert)
}

/// Certificates of the operator's own, all three files of which are needed.
fn network_tls(top: &mut Section, key: &str) -> anyhow::Result<Option<NetworkTls>> {
    const EXPECTED: &str = "indented lines with the files `certificate`, `key` and `ca`";
    let Some(mut section) = top.take_filled_section(key, &["certificate", "key", "ca"])? else { return Ok(None) };
    let mut file = |name| match section.take(name, "a path", path)? {
        Some(file) => Ok(file),
        None => bail!("`{key}`: expected {EXPECTED}, and `{name}` is missing"),
    };
    Ok(Some(NetworkTls { certificate: file("certificate")?, key: file("key")?, ca: file("ca")? }))
}

/// What is not looked into here.
fn options(top: &mut Section, key: &str) -> anyhow::Result<Map<String, Value>> {
    top.take_options(key)
}

/// Relays may be empty: all lines below the key may be commented out. Who names no port means the one of this file, which
/// is the same on all relays; a port that the system chooses is nobody's to know.
fn relays(top: &mut Section, key: &str) -> anyhow::Result<Vec<PeerAddress>> {
    const EXPECTED: &str = "a list of hosts, each as `host` or `host:port`";
    let list = match top.values.remove(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => bail!("`{key}`: expected {EXPECTED}, found {}", found(&other)),
    };
    let network_port = top.values.get("network_port").and_then(port);
    let default_port = network_port.filter(|&port| port > 0).unwrap_or(NETWORK_PORT);
    let mut relays = Vec::with_capacity(list.len());
    for entry in &list {
        match entry.as_str().and_then(|text| PeerAddress::parse(text, default_port).ok()) {
            Some(relay) if relays.contains(&relay) => {}
            Some(relay) => relays.push(relay),
            None => bail!("`{key}`: expected {EXPECTED}, found {} in the list", found(entry)),
        }
    }
    Ok(relays)
}
