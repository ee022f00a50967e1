//! The `revocations_file` and what may stand in its place, and revocations by hash under keys that come and go.

use crate::harness::{Daemon, Network, ReservedPort, Setup, pusud, run, write_secret};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

const ALICE: &str = "subject=alice both=*";

fn with_file() -> Setup {
    Setup::on_shards(1).settings("revocations_file: revocations.json")
}

fn file_of(daemon: &Daemon) -> PathBuf {
    daemon.dir().join("revocations.json")
}

#[track_caller]
fn refused(daemon: &Daemon) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": ALICE}));
    client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
    client.expect_closed(4501);
}

/// As where a folder of settings is a mount of links.
#[test]
fn a_link_stays_one_and_leads_to_what_is_kept() {
    let mut daemon = with_file().start();
    daemon.kill();
    let there = daemon.dir().join("there");
    fs::create_dir(&there).unwrap();
    fs::rename(file_of(&daemon), there.join("kept.json")).unwrap();
    symlink("there/kept.json", file_of(&daemon)).unwrap();
    daemon.restart();
    daemon.operate(&["revoke", "--subject", "alice"]).succeeds();
    assert!(fs::symlink_metadata(file_of(&daemon)).unwrap().is_symlink());
    assert!(fs::read_to_string(there.join("kept.json")).unwrap().contains("alice"));
    daemon.kill();
    daemon.restart();
    refused(&daemon);
}

#[test]
fn a_pipe_or_a_folder_in_its_place_is_named() {
    let mut daemon = with_file().start();
    daemon.kill();
    let settings = daemon.dir().join("settings.yaml");
    let check = |parts: &[&str]| {
        run(pusud(&["check", "--config"]).arg(&settings)).fails_saying(parts);
        run(pusud(&["run", "--config"]).arg(&settings)).fails_saying(parts);
    };
    fs::remove_file(file_of(&daemon)).unwrap();
    fs::create_dir(file_of(&daemon)).unwrap();
    check(&["`revocations_file`", "revocations.json", "found a folder", "move it away"]);
    fs::remove_dir(file_of(&daemon)).unwrap();
    run(Command::new("mkfifo").arg(file_of(&daemon))).succeeds();
    check(&["`revocations_file`", "revocations.json", "found a pipe", "move it away"]);
}

/// Nobody waits for the file where others have revoked.
#[test]
fn what_others_have_told_is_in_the_file_when_the_relay_has_stopped() {
    let mut network = Network::with(2, |_, setup| setup.settings("revocations_file: revocations.json"));
    for number in 0..10 {
        network.relay(0).operate(&["revoke", "--subject", &format!("s{number}")]).succeeds();
    }
    network.relay(1).terminate();
    assert!(network.relay_mut(1).wait().success());
    let text = fs::read_to_string(file_of(network.relay(1))).unwrap();
    assert!((0..10).all(|number| text.contains(&format!("\"s{number}\""))), "{text}");
}

/// Its own key goes on as long as something is revoked under it.
#[test]
fn what_was_revoked_by_hash_holds_when_the_relay_is_given_the_key_of_a_network() {
    let port = ReservedPort::new();
    let mut daemon = with_file().without_key().in_network(std::slice::from_ref(&port), 0).start();
    daemon.client_with(ALICE);
    let hash = daemon.last_decision_about("alice")["authorization"].as_str().unwrap().to_owned();
    daemon.operate(&["revoke", "--authorization-hash", &hash]).fails_saying(&["other relays", "network_key_file"]);
    let is_void = |daemon: &Daemon| daemon.operate_json(&["revocations"])[0]["is_void"].as_bool().unwrap();
    let keys = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
    let key_file = daemon.dir().join("network.key");
    let restart = |daemon: &mut Daemon, keys: &[&str]| {
        daemon.kill();
        write_secret(&key_file, &keys.join("\n"));
        daemon.restart();
    };
    daemon.edit_settings(|text| text + "network_key_file: network.key\n");
    restart(&mut daemon, &keys[..1]);
    refused(&daemon);
    assert!(!is_void(&daemon));
    let last = daemon.operate_json(&["decisions", "--last", "1"]);
    assert_ne!(last[0]["authorization"], json!(hash), "another one is shown");
    // Also while the network's key is replaced, one round after the other.
    for keys in [&keys[..], &keys[1..]] {
        restart(&mut daemon, keys);
        refused(&daemon);
        assert!(!is_void(&daemon));
    }
    let last = daemon.operate_json(&["decisions", "--last", "1"]);
    let shown = last[0]["authorization"].as_str().unwrap().to_owned();
    daemon.operate(&["revocations", "--lift", "--authorization-hash", &hash]);
    daemon.client_with(ALICE);
    // What is revoked under a network's key is void when that is gone.
    daemon.operate(&["revoke", "--authorization-hash", &shown]).succeeds();
    refused(&daemon);
    restart(&mut daemon, &keys[..1]);
    assert!(is_void(&daemon));
    let list = daemon.operate(&["revocations"]).succeeds();
    assert!(list.ends_with("(void: made under a key that is no longer there)"), "{list}");
    daemon
        .log()
        .wait_for("the warning", |line| line.contains("revocations of single authorizations are void").then_some(()));
    daemon.client_with(ALICE);
    let said = daemon.operate(&["revoke", "--authorization-hash", &shown]);
    said.fails_saying(&["a key that this relay does not have", "revoke the subject"]);
}
