//! What the operator wrote: every key with its type checked, nothing resolved, no default filled in.
//!
//! **Invariant:** an option of an authenticator is a secret: of those, no message says more than the key and the type.

use super::section::Section;
use super::values::{
    address, control_socket, found, isolation, name, non_empty, on_swap, path, ping_interval, port, sha256, shards,
};
use super::{ControlSocket, Isolation, NETWORK_PORT, OnSwap, keys, units, yaml};
use crate::config::peer_address::PeerAddress;
use crate::protocol::{CHANNEL_BYTES_MAX, Origin, SHARDS_MAX, SUBSCRIPTIONS_MAX};
use anyhow::bail;
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

const ADDRESS: &str = "an IP address such as 127.0.0.1, 0.0.0.0 or \"::\"";
const PORT: &str = "a port from 0 to 65535";
const NAME: &str = "a name of 1 to 255 bytes without control characters";

const PING_INTERVAL: &str = "0 for never, or a time from 1s to 1day: seconds as a number, or text such as `25s`";
/// What parses JSON by recursion ends in trouble past this: a larger limit would pass on what nobody can read.
const JSON_DEPTH_SETTING_MAX: usize = 1024;

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

/// The keys below `limits`.
#[derive(Default)]
pub(super) struct RawLimits {
    pub(super) max_message_bytes: Option<usize>,
    pub(super) max_unauthorized_message_bytes: Option<usize>,
    pub(super) max_header_bytes: Option<usize>,
    pub(super) handshake_timeout: Option<Duration>,
    pub(super) authorize_timeout: Option<Duration>,
    pub(super) max_authorize_attempts: Option<usize>,
    pub(super) authorize_call_timeout: Option<Duration>,
    pub(super) outbox_bytes: Option<usize>,
    pub(super) max_fragments: Option<usize>,
    pub(super) message_timeout: Option<Duration>,
    pub(super) ping_interval: Option<Duration>,
    pub(super) pong_timeout: Option<Duration>,
    pub(super) outbox_soft_bytes: Option<usize>,
    pub(super) outbox_soft_time: Option<Duration>,
    pub(super) write_deadline: Option<Duration>,
    pub(super) max_subscriptions: Option<usize>,
    pub(super) max_channel_bytes: Option<usize>,
    pub(super) max_json_depth: Option<usize>,
    pub(super) max_queued_bytes: Option<usize>,
    pub(super) publish_rate: Option<u32>,
    pub(super) publish_burst: Option<u32>,
    pub(super) max_connections: Option<usize>,
    pub(super) max_unauthorized: Option<usize>,
    pub(super) max_unauthorized_per_address: Option<usize>,
    pub(super) max_connections_per_address: Option<usize>,
    pub(super) allowed_origins: Vec<Origin>,
    pub(super) drain_grace: Option<Duration>,
    pub(super) drain_spread: Option<Duration>,
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

impl RawLimits {
    fn take(top: &mut Section) -> anyhow::Result<Self> {
        let values = match top.values.remove("limits") {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(values)) => values,
            Some(other) => bail!("`limits`: expected indented lines of the form `key: value`, found {}", found(&other)),
        };
        let mut limits = Section { prefix: "limits.", values };
        let raw = Self {
            max_message_bytes: limits.take("max_message_bytes", units::BYTES, units::bytes)?,
            max_unauthorized_message_bytes: limits.take(
                "max_unauthorized_message_bytes",
                units::BYTES,
                units::bytes,
            )?,
            max_header_bytes: limits.take("max_header_bytes", units::BYTES, units::bytes)?,
            handshake_timeout: limits.take("handshake_timeout", units::DURATION, units::duration)?,
            authorize_timeout: limits.take("authorize_timeout", units::DURATION, units::duration)?,
            max_authorize_attempts: limits.take("max_authorize_attempts", units::COUNT, units::count)?,
            authorize_call_timeout: limits.take("authorize_call_timeout", units::DURATION, units::duration)?,
            outbox_bytes: limits.take("outbox_bytes", units::BYTES, units::bytes)?,
            max_fragments: limits.take_count("max_fragments", 1, 1_000_000)?,
            message_timeout: limits.take("message_timeout", units::DURATION, units::duration)?,
            ping_interval: limits.take("ping_interval", PING_INTERVAL, ping_interval)?,
            pong_timeout: limits.take("pong_timeout", units::DURATION, units::duration)?,
            outbox_soft_bytes: limits.take("outbox_soft_bytes", units::BYTES, units::bytes)?,
            outbox_soft_time: limits.take("outbox_soft_time", units::DURATION, units::duration)?,
            write_deadline: limits.take("write_deadline", units::DURATION, units::duration)?,
            max_subscriptions: limits.take_count("max_subscriptions", 1, SUBSCRIPTIONS_MAX)?,
            max_channel_bytes: limits.take_count("max_channel_bytes", 1, CHANNEL_BYTES_MAX)?,
            max_json_depth: limits.take_count("max_json_depth", 1, JSON_DEPTH_SETTING_MAX)?,
            max_queued_bytes: limits.take("max_queued_bytes", units::MANY_BYTES, units::many_bytes)?,
            publish_rate: limits.take_count("publish_rate", 0, 1_000_000)?,
            publish_burst: limits.take_count("publish_burst", 0, 1_000_000)?,
            max_connections: limits.take("max_connections", units::COUNT, units::count)?,
            max_unauthorized: limits.take("max_unauthorized", units::COUNT, units::count)?,
            max_unauthorized_per_address: limits.take(
                "max_unauthorized_per_address",
                units::COUNT_OR_NONE,
                units::count_or_none,
            )?,
            max_connections_per_address: limits.take(
                "max_connections_per_address",
                units::COUNT_OR_NONE,
                units::count_or_none,
            )?,
            allowed_origins: allowed_origins(&mut limits)?,
            drain_grace: limits.take("drain_grace", units::DURATION_OR_ZERO, units::duration_or_zero)?,
            drain_spread: limits.take("drain_spread", units::DURATION_OR_ZERO, units::duration_or_zero)?,
        };
        match limits.values.keys().next() {
            Some(key) => bail!(keys::unknown_limit(key)),
            None => Ok(raw),
        }
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

/// Origins may be empty: all lines below the key may be commented out.
fn allowed_origins(limits: &mut Section) -> anyhow::Result<Vec<Origin>> {
    const EXPECTED: &str = "a list of origins without a path, such as https://example.com or https://example.com:8443";
    let list = match limits.values.remove("allowed_origins") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => bail!("`limits.allowed_origins`: expected {EXPECTED}, found {}", found(&other)),
    };
    list.iter()
        .map(|entry| match entry.as_str().and_then(Origin::parse) {
            Some(origin) => Ok(origin),
            None => bail!("`limits.allowed_origins`: expected {EXPECTED}, found {} in the list", found(entry)),
        })
        .collect()
}
