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
mod records;
#[cfg(target_os = "linux")]
mod scan;
#[cfg(target_os = "linux")]
mod target;
mod tls;
#[cfg(unix)]
mod unix_sockets;
#[cfg(unix)]
mod wss_clients;

use crate::harness::{DEADLINE, Daemon, Raw, Setup, text_message, upgrade_request};
use serde_json::Value;
use std::time::Instant;

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

/// Waits until so many connections have been refused for this reason: each ends a moment before it is counted.
fn wait_for_refusals(daemon: &Daemon, reason: &str, count: u64) {
    let began = Instant::now();
    loop {
        let refusals = daemon.status()["refusals"].clone();
        if refusals[reason] == count {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{reason} {count} is waited for: {refusals}");
    }
}

/// What the authenticator is told of a client that has been greeted, in the fixture's word for it.
fn told(raw: &mut Raw, word: &str) -> String {
    raw.send(text_message(&format!(r#"{{"type":"authorize","authorization":"{word}"}}"#)));
    let answer: Value = serde_json::from_str(&raw.read_text()).unwrap();
    assert_eq!(answer["type"], "authorization_failed", "{answer}");
    answer["reason"].as_str().unwrap().to_owned()
}
