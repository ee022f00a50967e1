//! The edge: where clients and proxies connect, with TLS and its certificates, PROXY headers and trusted proxies, Unix sockets,
//! and sockets that the service manager hands over.

mod certificates;
mod client_certificates;
#[cfg(unix)]
mod encrypted;
#[cfg(unix)]
mod exchanges;
mod forwarded;
mod goodbyes;
#[cfg(target_os = "linux")]
mod handed_over;
#[cfg(target_os = "linux")]
mod hostile;
mod proxy_header;
#[cfg(target_os = "linux")]
mod scan;
#[cfg(target_os = "linux")]
mod target;
mod tls;
#[cfg(unix)]
mod unix_sockets;
#[cfg(unix)]
mod wss_clients;

use crate::harness::{Raw, Setup, text_message, upgrade_request};
use serde_json::Value;

/// A daemon with one listener on 127.0.0.1, of these keys, and these limits.
fn with_listener(keys: &str, limits: &str) -> Setup {
    let listener = format!("listeners:\n  - {{address: 127.0.0.1, port: 0, {keys}}}\n");
    Setup::on_shards(1).settings(&format!("{listener}limits: {{{limits}}}"))
}

/// Upgrades a connection with these header lines, and takes the greeting.
fn upgrade(raw: &mut Raw, headers: &str) {
    raw.send(upgrade_request(headers));
    let head = raw.read_head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    raw.expect_hello();
}

/// What the authenticator is told of a client that has been greeted, in the fixture's word for it.
fn told(raw: &mut Raw, word: &str) -> String {
    raw.send(text_message(&format!(r#"{{"type":"authorize","authorization":"{word}"}}"#)));
    let answer: Value = serde_json::from_str(&raw.read_text()).unwrap();
    assert_eq!(answer["type"], "authorization_failed", "{answer}");
    answer["reason"].as_str().unwrap().to_owned()
}
