//! What others chose, on a terminal and in a pipe: messages, channels, names of relays, plugins' words.

use crate::harness::{ALL, Daemon, OnTerminal, Setup, pusud, run, scripted_plugin};
use serde_json::{Value, json};
use std::process::Command;

/// Steers a terminal in three ways: the introducer of C1, DEL, and a mark that turns the line around.
const EVIL: &str = "a\u{9b}31m\u{7f}b\u{202e}c";
const ESCAPED: &str = "a\\u009b31m\\u007fb\\u202ec";

fn listening(daemon: &Daemon, channel: &str) -> Command {
    let mut command = pusud(&["listen", "--url", &daemon.url(), "--authorization", ALL, "--count", "1", channel]);
    command.stdin(std::process::Stdio::null());
    command
}

/// Publishes as soon as the listener is there, which `status` says.
fn publish_to(daemon: &Daemon, channel: &str) {
    let began = std::time::Instant::now();
    while daemon.status()["subscriptions"] != 1 {
        assert!(began.elapsed() < crate::harness::DEADLINE, "nobody listens: {:#}", daemon.status());
    }
    daemon.client().publish(channel, json!(EVIL));
}

#[test]
fn messages_are_escaped_on_a_terminal_and_untouched_in_a_pipe() {
    // Names of channels cannot have controls; marks they can have.
    let channel = "news\u{202e}today";
    let daemon = Daemon::on_shards(1);
    let listener = OnTerminal::start(&mut listening(&daemon, channel));
    publish_to(&daemon, channel);
    let (status, shown) = listener.finish();
    assert!(status.success(), "{shown:?}");
    let line = shown.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no message: {shown:?}"));
    assert_eq!(line, format!(r#"{{"channel":"news\u202etoday","content":"{ESCAPED}"}}"#));
    let parsed: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&parsed["channel"], &parsed["content"]), (&json!(channel), &json!(EVIL)), "it is the same JSON");
    assert!(shown.contains(r"listening to news\u202etoday on "), "notes too: {shown:?}");
    assert!(!shown.contains(['\u{9b}', '\u{7f}', '\u{202e}']), "{shown:?}");

    let listener = crate::harness::Running::start(&mut listening(&daemon, channel));
    publish_to(&daemon, channel);
    let finished = listener.finish();
    assert!(finished.stderr.contains("listening to news\u{202e}today on "), "{finished:?}");
    let said = finished.succeeds();
    assert_eq!(said, format!(r#"{{"channel":"{channel}","content":"{EVIL}"}}"#));
}

#[test]
fn names_are_escaped_in_the_status() {
    let name = "relay\u{202e}1";
    let daemon = Setup::on_shards(1).name(name).start();
    let status = || {
        let mut command = pusud(&["status", "--config"]);
        command.arg(daemon.dir().join("settings.yaml"));
        command
    };
    let (ended, shown) = OnTerminal::start(&mut status()).finish();
    assert!(ended.success() && shown.contains(r"relay\u202e1") && !shown.contains('\u{202e}'), "{shown:?}");
    let said = run(&mut status()).succeeds();
    assert!(said.contains(name), "{said:?}");
}

#[test]
fn reasons_of_plugins_are_escaped() {
    let plugins = crate::harness::PluginsDir::with([scripted_plugin()]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.yaml");
    std::fs::write(&file, "authenticator: ScriptedAuthenticator\nclient_port: 0\n").unwrap();
    let asking = || {
        let mut command = pusud(&["authorize", "--authorization", "refuse=no\u{202e}t\u{9b}", "--plugins-dir"]);
        command.arg(plugins.path()).arg("--config").arg(&file);
        command
    };
    let (ended, shown) = OnTerminal::start(&mut asking()).finish();
    assert_eq!(ended.code(), Some(1), "{shown:?}");
    assert!(shown.contains(r"no\u202et") && !shown.contains(['\u{202e}', '\u{9b}']), "{shown:?}");
    assert!(run(&mut asking()).stdout.contains("no\u{202e}t"));
}
