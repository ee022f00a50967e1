//! What the operator wrote: every key with its type checked, nothing resolved, no default filled in.
//!
//! **Invariant:** an option of an authenticator is a secret: of those, no message says more than the key and the type.

use super::limit_table::RawLimits;
use super::section::Section;
use super::values::{address, control_socket, found, isolation, name, non_empty, on_swap, path, port, sha256, shards};
use super::{ControlSocket, Isolation, NETWORK_PORT, OnSwap, keys, yaml};
use crate::config::peer_address::PeerAddress;
use crate::protocol::SHARDS_MAX;
use anyhow::bail;
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::path::PathBuf;

const ADDRESS: &str = "an IP address such as 127.0.0.1, 0.0.0.0 or \"::\"";
const PORT: &str = "a port from 0 to 65535";
const NAME: &str = "a name of 1 to 255 bytes without control characters";

/// The settings file, key by key; `None` is a key that is not there.
#[derive(Default)]
pub(super) struct RawConfig {
    pub(super) authenticator: Option<String>,
    pub(super) authenticator_options: Map<String, Value>,
    pub(super) original_options: Map<String, Value>,
    pub(super) authenticator_sha256: Option<String>,
    pub(super) isolation: Option<Isolation>,
    pub(super) plugins_dir: Option<PathBuf>,
    pub(super) strict_plugin_permissions: Option<bool>,
    pub(super) on_swap: Option<OnSwap>,
    pub(super) client_address: Option<IpAddr>,
    pub(super) client_port: Option<u16>,
    pub(super) network_address: Option<IpAddr>,
    pub(super) network_port: Option<u16>,
    pub(super) relays: Vec<PeerAddress>,
    pub(super) network_name: Option<String>,
    pub(super) network_key_file: Option<PathBuf>,
    pub(super) name: Option<String>,
    pub(super) shards: Option<usize>,
    pub(super) control_socket: Option<ControlSocket>,
    pub(super) limits: RawLimits,
}

impl RawConfig {
    /// Reads the text of a settings file.
    ///
    /// # Errors
    /// One message that names the line or the key, what was expected, and what was found.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut top = Section { prefix: "", values: yaml::parse(text)? };
        let original_options = top.take_original_options();
        let network_port = top.take("network_port", PORT, port)?;
        let raw = Self {
            original_options,
            authenticator: authenticator(&mut top)?,
            authenticator_options: top.take_options("authenticator_options")?,
            authenticator_sha256: top.take(
                "authenticator_sha256",
                "64 hexadecimal digits in quotes, as sha256sum prints them",
                sha256,
            )?,
            isolation: top.take("isolation", "`thread` or `process`", isolation)?,
            plugins_dir: top.take("plugins_dir", "a path", path)?,
            strict_plugin_permissions: top.take("strict_plugin_permissions", "true or false", Value::as_bool)?,
            on_swap: top.take("on_swap", "keep or reauthorize", on_swap)?,
            client_address: top.take("client_address", ADDRESS, address)?,
            client_port: top.take("client_port", PORT, port)?,
            network_address: top.take("network_address", ADDRESS, address)?,
            network_port,
            relays: relays(&mut top, network_port)?,
            network_name: top.take("network_name", NAME, name)?,
            network_key_file: top.take("network_key_file", "a path", path)?,
            name: top.take("name", NAME, name)?,
            shards: top.take("shards", &format!("a whole number from 0 (one per core) to {SHARDS_MAX}"), shards)?,
            control_socket: top.take(
                "control_socket",
                "a path, or the word None for no such socket",
                control_socket,
            )?,
            limits: RawLimits::take(&mut top)?,
        };
        if let Some(key) = top.values.keys().next() {
            // The lines below an empty `passwords:` that were not indented are at the top now, and they are passwords.
            match raw.original_options.get("passwords") {
                Some(Value::Null) => bail!(
                    "`passwords` is empty and a key follows that is unknown (not shown: it may be a password): are the \
                     lines below `passwords:` indented?"
                ),
                _ => bail!(keys::unknown_at_top(key)),
            }
        }
        Ok(raw)
    }
}

fn authenticator(top: &mut Section) -> anyhow::Result<Option<String>> {
    const EXPECTED: &str = "the id of an authenticator such as PasswordAuthenticator, or the word None";
    if top.values.get("authenticator") == Some(&Value::Null) {
        bail!(
            "`authenticator`: expected {EXPECTED}, found nothing (an empty value). To let everybody read and write \
             everything, write `authenticator: None`"
        );
    }
    let id = top.take("authenticator", EXPECTED, non_empty)?;
    match id {
        Some(id) if id != "None" && id.eq_ignore_ascii_case("none") => {
            bail!("`authenticator`: expected {EXPECTED}, found `{id}`: the word is written `None`")
        }
        id => Ok(id),
    }
}

/// Relays may be empty: all lines below the key may be commented out. Who names no port means the one of this file, which
/// is the same on all relays; a port that the system chooses is nobody's to know.
fn relays(top: &mut Section, network_port: Option<u16>) -> anyhow::Result<Vec<PeerAddress>> {
    const EXPECTED: &str = "a list of hosts, each as `host` or `host:port`";
    let list = match top.values.remove("relays") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => bail!("`relays`: expected {EXPECTED}, found {}", found(&other)),
    };
    let default_port = network_port.filter(|&port| port > 0).unwrap_or(NETWORK_PORT);
    let mut relays = Vec::with_capacity(list.len());
    for entry in &list {
        match entry.as_str().and_then(|text| PeerAddress::parse(text, default_port).ok()) {
            Some(relay) if relays.contains(&relay) => {}
            Some(relay) => relays.push(relay),
            None => bail!("`relays`: expected {EXPECTED}, found {} in the list", found(entry)),
        }
    }
    Ok(relays)
}
