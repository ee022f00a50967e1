//! The keys of the operations port, where operators and their programs connect.

use super::section::Section;
use super::values::{found, is_no, non_empty, port};
use super::{Config, OPERATIONS_PORT as DEFAULT_PORT};
use anyhow::bail;
use serde_json::Value;

/// What can be said of the port, for messages.
pub(super) const OPERATIONS_PORT: &str = "a port from 1 to 65535, 0 for no such port, or the word any for a free one";
/// What can be said of links that a relay needs, for messages.
pub(super) const READY_NEEDS: &str = "a whole number from 0 to 1000";
const READY_NEEDS_MAX: usize = 1_000;
/// The word for a port that the system chooses.
const ANY: &str = "any";
/// The longest name that DNS can hold.
const HOST_BYTES_MAX: usize = 253;
/// More names are a mistake.
const HOSTS_MAX: usize = 100;

/// Where operators connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationsPort {
    /// Nowhere.
    Off,
    /// At the usual port, which nobody has asked for: where it is taken the relay serves without.
    Usual,
    /// At a port that the system chooses.
    Any,
    /// At this port.
    At(u16),
}

impl OperationsPort {
    /// What is bound, with 0 for any port; `None`: nothing is.
    pub fn number(self) -> Option<u16> {
        match self {
            Self::Off => None,
            Self::Usual => Some(DEFAULT_PORT),
            Self::Any => Some(0),
            Self::At(port) => Some(port),
        }
    }
}

/// What is meant where this was written, if anything. A relay whose clients' port the system chooses is one of many.
pub(super) fn resolve(written: Option<OperationsPort>, client_port: u16) -> OperationsPort {
    let usual = if client_port == 0 { OperationsPort::Off } else { OperationsPort::Usual };
    written.unwrap_or(usual)
}

pub(super) fn operations_port(value: &Value) -> Option<OperationsPort> {
    match value.as_str() {
        Some(ANY) => Some(OperationsPort::Any),
        Some(_) => None,
        None => Some(match port(value)? {
            0 => OperationsPort::Off,
            port => OperationsPort::At(port),
        }),
    }
}

pub(super) fn ready_needs(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok().filter(|&links| links <= READY_NEEDS_MAX)
}

/// The list may be empty: all lines below the key may be commented out.
pub(super) fn operations_hosts(top: &mut Section, key: &str) -> anyhow::Result<Vec<String>> {
    const EXPECTED: &str = "a list of names without a port, such as [relay.example.com]";
    let list = match top.values.remove(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= HOSTS_MAX => list,
        Some(Value::Array(list)) => bail!("`{key}`: expected at most {HOSTS_MAX} names, found {}", list.len()),
        Some(other) => bail!("`{key}`: expected {EXPECTED}, found {}", found(&other)),
    };
    let host = |entry: &Value| match host(entry) {
        Some(host) => Ok(host),
        None => bail!("`{key}`: expected {EXPECTED}, found {} in the list", found(entry)),
    };
    list.iter().map(host).collect()
}

fn host(entry: &Value) -> Option<String> {
    let name = non_empty(entry)?.to_ascii_lowercase();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (name.len() <= HOST_BYTES_MAX && name.bytes().all(is_name) && !is_no(&name)).then_some(name)
}

/// What is allowed but probably not meant.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let is_off = config.operations_port == OperationsPort::Off;
    for (key, is_set) in [
        ("operations_tls", config.operations_tls.is_some()),
        ("operations_token_file", config.operations_token_file.is_some()),
        ("operations_hosts", !config.operations_hosts.is_empty()),
        ("ready_needs_relays", config.ready_needs_relays > 0),
    ] {
        if is_set && is_off {
            warnings.push(format!("`{key}` has no effect without an `operations_port`"));
        }
    }
    let is_local = config.operations_address.to_canonical().is_loopback();
    if config.operations_plaintext && (is_off || is_local || config.operations_tls.is_some()) {
        let why = match (is_off, is_local) {
            (true, _) => "there is no `operations_port`",
            (_, true) => "`operations_address` is this machine alone",
            _ => "the port has `operations_tls`",
        };
        warnings.push(format!("`operations_plaintext` has no effect: {why}"));
    } else if config.operations_plaintext {
        warnings.push(
            "`operations_plaintext: true`: operators' tokens are taken without TLS from other machines; let a firewall \
             admit nobody but the proxy that encrypts"
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_port_is_a_number_or_the_word() {
        for (value, expected) in [
            (json!(0), Some(OperationsPort::Off)),
            (json!(7), Some(OperationsPort::At(7))),
            (json!("any"), Some(OperationsPort::Any)),
            (json!("7"), None),
            (json!(65536), None),
            (json!(true), None),
        ] {
            assert_eq!(operations_port(&value), expected, "{value}");
        }
        assert_eq!(resolve(None, 0), OperationsPort::Off);
        assert_eq!(resolve(None, 1).number(), Some(55002));
        assert_eq!(resolve(Some(OperationsPort::Any), 0), OperationsPort::Any);
    }

    #[test]
    fn hosts_are_names() {
        assert_eq!(host(&json!("Relay-1.example")), Some("relay-1.example".to_owned()));
        for wrong in [json!(""), json!("a:1"), json!("http://a"), json!("a b"), json!(1), json!("none")] {
            assert_eq!(host(&wrong), None, "{wrong}");
        }
    }
}
