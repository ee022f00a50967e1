//! The rows of `pusud check` about the operations port.

use pusud::config::{Config, OperationsPort};
use std::net::SocketAddr;

/// The rows: where operators connect, and whether their tokens are taken there.
pub(super) fn of_settings(config: &Config) -> Vec<(&'static str, String)> {
    let Some(port) = config.operations_port.number() else { return vec![("operations", "none".into())] };
    let address = SocketAddr::new(config.operations_address, port);
    let place = match config.operations_port {
        OperationsPort::Any => format!("{}, any free port", config.operations_address),
        _ => address.to_string(),
    };
    let token_file = config.operations_token_file.as_ref();
    let hosts = match config.operations_hosts.is_empty() {
        true => "none: localhost, the name of this relay, and IP addresses".to_owned(),
        false => config.operations_hosts.join(", "),
    };
    vec![
        ("operations", format!("{place}; {}", tokens(config, address))),
        ("  operations_tls", if config.operations_tls.is_some() { "on" } else { "off" }.into()),
        ("  operations_token_file", token_file.map_or("made at the start".into(), |file| file.display().to_string())),
        ("  operations_hosts", hosts),
        ("  operations_plaintext", config.operations_plaintext.to_string()),
        ("  ready_needs_relays", config.ready_needs_relays.to_string()),
    ]
}

fn tokens(config: &Config, address: SocketAddr) -> &'static str {
    let is_local = address.ip().to_canonical().is_loopback();
    match (config.operations_tls.is_some(), is_local, config.operations_plaintext) {
        (true, ..) => "with TLS, tokens are taken from everywhere",
        (false, true, _) => "this machine alone, tokens are taken without TLS",
        (false, false, true) => "tokens are taken from everywhere without TLS, so that a proxy has to encrypt",
        (false, false, false) => {
            "without TLS, tokens are taken from this machine alone (over an SSH tunnel, say), and others get metrics and \
             health: `operations_tls` changes that"
        }
    }
}
