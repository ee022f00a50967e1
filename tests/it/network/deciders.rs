//! Relays that decide otherwise than their peers who may read and write: it is said in the log and in the status, when they
//! are linked and when one of them has reloaded, and it parts nobody.

use crate::harness::{Daemon, Network, PluginsDir, bad_plugin, pusud, run, scripted_plugin};
use serde_json::json;
use std::path::PathBuf;

const OTHERWISE: &str = "the peer decides otherwise";

fn list(last: &str) -> String {
    format!("[{{id: ScriptedAuthenticator}}, {{id: BadPlugin, options: {{text: {last}}}}}]")
}

/// How the relay `name` differs, as this one says.
fn difference(daemon: &Daemon, name: &str) -> Option<String> {
    let status = daemon.status();
    let peer = status["relays"].as_array().unwrap().iter().find(|relay| relay["name"] == name).cloned();
    let peer = peer.unwrap_or_else(|| panic!("{name} is not in {status:#}"));
    peer["authenticator_difference"].as_str().map(str::to_owned)
}

fn wait_for_line(daemon: &Daemon, parts: &[&str]) {
    daemon.log().wait_for(&parts.join(" and "), |line| parts.iter().all(|part| line.contains(part)).then_some(()));
}

#[test]
fn a_difference_is_warned_about_and_so_is_the_next_one() {
    let built = PluginsDir::empty();
    let files: [PathBuf; 2] = [bad_plugin(&built, &["-DBY_TEXT", "-DOPTIONS=\"text\""]), scripted_plugin()];
    let network = Network::with(3, |at, setup| {
        let last = if at == 2 { "s3cret-refuse" } else { "abstain" };
        setup.authenticator(&list(last), PluginsDir::with(files.clone()))
    });
    for at in [0, 1] {
        wait_for_line(network.relay(at), &[OTHERWISE, "relay-2", "BadPlugin has other options"]);
        assert_eq!(
            difference(network.relay(at), "relay-2").as_deref(),
            Some("BadPlugin has other options, or another `if_unavailable`")
        );
    }
    let of_last = |name: &str| wait_for_line(network.relay(2), &[OTHERWISE, name, "BadPlugin has other options"]);
    ["relay-0", "relay-1"].into_iter().for_each(of_last);
    assert_eq!(difference(network.relay(0), "relay-1"), None);
    // A reload of the one that differed, and then of another one.
    network.relay(2).edit_settings(|text| text.replace("s3cret-refuse", "abstain"));
    assert!(network.relay(2).reload().contains("has taken over"));
    for at in [0, 1] {
        wait_for_line(network.relay(at), &["the peer decides as this relay does", "relay-2"]);
        assert_eq!(difference(network.relay(at), "relay-2"), None);
    }
    // Where nobody could be asked, another relay would have gone on.
    let goes_on =
        list("abstain").replace("{id: ScriptedAuthenticator}", "{id: ScriptedAuthenticator, if_unavailable: next}");
    network.relay(1).edit_settings(|text| text.replace(&list("abstain"), &goes_on));
    assert!(network.relay(1).reload().contains("has taken over"));
    wait_for_line(network.relay(0), &[OTHERWISE, "relay-1", "ScriptedAuthenticator has other options, or another"]);
    network.relay(1).edit_settings(|text| text.replace(&goes_on, "ScriptedAuthenticator"));
    assert!(network.relay(1).reload().contains("has taken over"));
    let words = "by ScriptedAuthenticator there, by ScriptedAuthenticator, BadPlugin here";
    wait_for_line(network.relay(0), &[OTHERWISE, "relay-1", words]);
    let socket = network.relay(0).dir().join("control.sock");
    let said = run(pusud(&["status", "--socket"]).arg(socket)).succeeds();
    assert!(said.contains(&format!("DECIDES OTHERWISE: {words}")), "{said}");
    for relay in network.relays() {
        assert!(!relay.log().text().contains("s3cret"), "an option is in the log");
    }
    // All of them are linked still.
    let mut listener = network.relay(0).client();
    listener.subscribe("news");
    network.relay(1).client().publish("news", json!(1));
    listener.expect_publish("news", json!(1));
}

/// Without a key of the network nobody tells anything about options, and all else is compared.
#[test]
fn without_a_key_options_are_not_compared() {
    let built = PluginsDir::empty();
    let files: [PathBuf; 2] = [bad_plugin(&built, &["-DBY_TEXT", "-DOPTIONS=\"text\""]), scripted_plugin()];
    let network = Network::with(2, |at, setup| {
        let last = if at == 0 { "abstain" } else { "refuse" };
        setup.without_key().authenticator(&list(last), PluginsDir::with(files.clone()))
    });
    network.relay(1).edit_settings(|text| text.replace(&list("refuse"), "ScriptedAuthenticator"));
    assert!(network.relay(1).reload().contains("has taken over"));
    wait_for_line(network.relay(0), &[OTHERWISE, "by ScriptedAuthenticator there"]);
    let log = network.relay(0).log().text();
    assert!(!log.contains("other options"), "{log}");
}
