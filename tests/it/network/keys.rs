//! Relays that do not know the same key are not linked, and both say why; with the key, or while it is exchanged, they are.

use super::status::wait_until;
use crate::harness::{Network, Setup, pusud, run, write_secret};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const KEYS: [&str; 2] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];

/// A folder with key files, which nobody else may read.
pub(super) struct KeyFiles(TempDir);

impl KeyFiles {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file with these lines and sets it up as the key.
    pub(super) fn set_up(&self, name: &str, lines: &[&str], setup: Setup) -> Setup {
        let file = self.write(name, lines);
        setup.settings(&format!("network_key_file: {file:?}"))
    }

    /// Writes a file with these lines.
    pub(super) fn write(&self, name: &str, lines: &[&str]) -> PathBuf {
        let file = self.0.path().join(name);
        write_secret(&file, &lines.join("\n"));
        file
    }
}

#[test]
fn one_key_for_all_links_them() {
    let files = KeyFiles::new();
    let network = Network::with(3, |_, setup| files.set_up("key", &KEYS[..1], setup));
    assert!(!network.relay(0).log().text().contains("without `network_key_file`"));
}

/// While the key is exchanged some relays have the old one first, some the new one first, and each knows both.
#[test]
fn two_keys_are_known_while_one_takes_the_place_of_the_other() {
    let files = KeyFiles::new();
    let key_files: [(&str, &[&str]); 3] =
        [("old", &[KEYS[0]]), ("old-new", &[KEYS[0], KEYS[1]]), ("new-old", &[KEYS[1], KEYS[0]])];
    let network = Network::unlinked(3, |at, setup| files.set_up(key_files[at].0, key_files[at].1, setup));
    network.wait_linked_among(&[0, 1]);
    network.wait_linked_among(&[1, 2]);
}

#[test]
fn another_key_is_refused() {
    let files = KeyFiles::new();
    let network =
        Network::unlinked(2, |at, setup| files.set_up(&at.to_string(), &[KEYS[at]], setup.log_level("debug")));
    assert_refused(&network, "key");
}

#[test]
fn a_key_on_one_side_is_refused() {
    let files = KeyFiles::new();
    let network =
        Network::unlinked(
            2,
            |at, setup| if at == 0 { files.set_up("key", &KEYS[..1], setup) } else { setup.without_key() },
        );
    assert_refused(&network, "key");
}

#[test]
fn another_network_is_refused() {
    let network = Network::unlinked(2, |at, setup| setup.settings(&format!("network_name: network-{at}")));
    assert_refused(&network, "network-");
}

/// Both relays say why they are not linked, and neither has sent the other anything, not even who listens to what.
fn assert_refused(network: &Network, reason: &str) {
    for relay in network.relays() {
        relay
            .log()
            .wait_for("a line that says why", |line| (line.contains("refused") && line.contains(reason)).then_some(()));
    }
    let mut listener = network.relay(1).client();
    listener.subscribe("a");
    let mut source = network.relay(0).client();
    source.publish("a", json!("across"));
    source.expect_no_answer();
    listener.publish("a", json!("own"));
    listener.expect_publish("a", json!("own"));
    listener.expect_no_answer();
    for (at, relay) in network.relays().iter().enumerate() {
        let other = format!("127.0.0.1:{}", network.port(1 - at));
        let peer = |status: &Value| {
            let mut relays = status["relays"].as_array().unwrap().iter();
            relays.find(|relay| relay["address"] == *other).unwrap().clone()
        };
        let says_why = |error: &Value| error.as_str().is_some_and(|error| error.contains(reason));
        let status = wait_until(relay, |status| says_why(&peer(status)["last_error"]));
        let peer = peer(&status);
        assert_eq!(status["relays"].as_array().unwrap().len(), 2, "nobody else is linked: {status:#}");
        assert_eq!((&peer["state"], &peer["linked_for"]), (&json!("down"), &Value::Null), "{peer}");
        let counts = ["sent", "received", "dropped", "lost", "missed", "queue_bytes", "interest"];
        assert_eq!(counts.map(|field| &peer[field]), [0; 7], "{peer}");
        assert!(!relay.log().text().contains(r#""message":"linked""#), "they were linked");
    }
}

#[test]
fn a_bad_key_file_stops_the_start_and_the_check() {
    let files = KeyFiles::new();
    let short = "too-short-to-be-a-key";
    for (name, lines, parts) in
        [("short", &[short][..], &["32"][..]), ("empty", &[][..], &["none"]), ("three", &[KEYS[0]; 3], &["3"])]
    {
        let dir = tempfile::tempdir().unwrap();
        let settings = dir.path().join("settings.yaml");
        // Only for its file; nothing is started.
        let _ = files.set_up(name, lines, Setup::on_shards(1));
        let key = files.0.path().join(name);
        fs::write(
            &settings,
            format!("authenticator: None\nclient_address: 127.0.0.1\nclient_port: 0\nnetwork_port: 0\nrelays: ['127.0.0.1:1']\nnetwork_key_file: {key:?}\n"),
        )
        .unwrap();
        for command in ["check", "run"] {
            let message = run(pusud(&[command, "--config"]).arg(&settings)).fails_saying(&["network_key_file", name]);
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
            assert!(!message.contains(short) && !message.contains(KEYS[0]), "a key is shown:\n{message}");
        }
    }
}
