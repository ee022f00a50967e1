//! Another authenticator takes over while the daemon serves: connections stay, no message is lost, and whatever is wrong
//! with the new one leaves the old one deciding.

use crate::harness::{
    ALL, Client, Daemon, PluginsDir, Setup, library_name, many_open_files, password_plugin, scripted_no_swap,
    scripted_plugin, scripted_version,
};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

crate::on_1_and_3_shards!(
    ten_swaps_disturb_nobody,
    broken_libraries_and_settings_leave_the_old_one_deciding,
    changed_options_make_a_new_instance,
    calls_in_flight_are_answered_by_the_old_one,
    with_keep_nothing_granted_changes,
);

/// What the plugin's file is called in every daemon here.
fn file() -> String {
    library_name("scripted_plugin")
}

pub(super) fn swap(daemon: &Daemon, library: &Path) -> Value {
    daemon.plugins().replace(&file(), library);
    taken_over(&daemon.reload())
}

/// The log's line about a swap, parsed.
fn taken_over(line: &str) -> Value {
    let fields: Value = serde_json::from_str(line).unwrap();
    assert_eq!(fields["message"], "another authenticator has taken over", "{line}");
    assert_eq!(fields["sha256"].as_str().map(str::len), Some(64), "{line}");
    fields
}

fn expect_renewed(line: &str) {
    assert!(line.contains("a new instance of the authenticator has taken over"), "{line}");
}

/// The log's line about a swap that failed, in which all of `parts` stand.
fn expect_failed(line: &str, parts: &[&str]) {
    for part in ["nothing was changed"].iter().chain(parts) {
        assert!(line.contains(part), "the log does not say {part:?}: {line}");
    }
}

/// Which of two versions decides, by what it grants.
pub(super) fn expect_decided_by(daemon: &Daemon, version: &str) {
    let mut client = daemon.client_with(&format!("when={version} both=decided"));
    client.subscribe("decided");
}

/// Ten different files, one after the other, with a thousand listeners and a source that does not stop.
fn ten_swaps_disturb_nobody(daemon: Daemon) {
    many_open_files();
    let mut listeners: Vec<Client> = (0..1000).map(|_| daemon.client_with("read=news")).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("news"));
    let mut source = daemon.client();
    let (done, mut published) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                source.publish("news", json!(published));
                source.expect_no_answer();
                published += 1;
            }
        });
        for number in 2..=11 {
            let version = number.to_string();
            let line = swap(&daemon, &scripted_version(&version));
            assert_eq!((&line["generation"], &line["version"]), (&json!(number), &json!(version)));
            assert_eq!(line["authenticator"], "ScriptedAuthenticator");
            expect_decided_by(&daemon, &version);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(published > 10, "the source was running");
    for listener in &mut listeners {
        for number in 0..published {
            listener.expect_text(&format!(r#"{{"type":"publish","channel":"news","content":{number}}}"#));
        }
        listener.expect_no_answer();
    }
    // Each has been destroyed but the last.
    for version in ["1.0.0", "2", "10"] {
        let words = format!("version {version} is destroyed");
        daemon.log().wait_for(&words, |line| line.contains(&words).then_some(()));
    }
    assert!(!daemon.log().text().contains("version 11 is destroyed"));
}

fn broken_libraries_and_settings_leave_the_old_one_deciding(mut daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("news");
    let library = daemon.plugins().path().join(file());
    let good = fs::read(&library).unwrap();
    let broken: [(&[u8], &str); 3] =
        [(&good[..good.len() / 2], "does not serve"), (b"no library", "does not serve"), (b"", "does not serve")];
    for (bytes, why) in broken {
        fs::write(&library, bytes).unwrap();
        expect_failed(&daemon.reload(), &[&file(), why]);
        expect_decided_by(&daemon, "1.0.0");
    }
    fs::remove_file(&library).unwrap();
    expect_failed(&daemon.reload(), &["ScriptedAuthenticator", daemon.plugins().path().to_str().unwrap()]);
    daemon.plugins().replace(&file(), &scripted_version("2"));
    let settings = fs::read_to_string(daemon.dir().join("settings.yaml")).unwrap();
    for (more, parts) in [
        ("client_prot: 1", &["settings.yaml", "is unknown", "did you mean `client_port`"][..]),
        ("authenticator_options:\n  chanel: a", &["option 1 below `authenticator_options`", "did you mean `channel`"]),
        ("authenticator_options:\n  channel: refused", &[&file(), "the option `channel` is `refused`"]),
        ("on_swap: always", &["on_swap", "always", "reauthorize"]),
        (&format!("authenticator_sha256: '{}'", "0".repeat(64)), &["authenticator_sha256", &file()]),
    ] {
        daemon.edit_settings(|_| format!("{settings}{more}\n"));
        expect_failed(&daemon.reload(), parts);
        expect_decided_by(&daemon, "1.0.0");
    }
    // Without a file the defaults would let everybody in.
    fs::remove_file(daemon.dir().join("settings.yaml")).unwrap();
    expect_failed(&daemon.reload(), &["cannot read the settings", "settings.yaml"]);
    expect_decided_by(&daemon, "1.0.0");
    fs::write(daemon.dir().join("settings.yaml"), &settings).unwrap();
    assert_eq!(taken_over(&daemon.reload())["generation"], 2);
    expect_decided_by(&daemon, "2");
    daemon.client().publish("news", json!("still here"));
    listener.expect_publish("news", json!("still here"));
    daemon.assert_alive();
}

fn changed_options_make_a_new_instance(daemon: Daemon) {
    let mut old = daemon.client_with("read=a");
    old.subscribe("a");
    for (generation, channel) in [(2, "a"), (3, "b")] {
        daemon.edit_settings(|text| {
            let before = text.split("authenticator_options").next().unwrap().to_owned();
            format!("{before}authenticator_options:\n  channel: {channel}\n")
        });
        let line = taken_over(&daemon.reload());
        assert_eq!((&line["generation"], &line["version"]), (&json!(generation), &json!("1.0.0")));
        let mut client = daemon.client_with("option");
        client.subscribe(channel);
        client.publish(channel, json!(generation));
        client.expect_publish(channel, json!(generation));
    }
    old.expect_publish("a", json!(2));
    expect_renewed(&daemon.reload());
    old.expect_no_answer();
}

fn calls_in_flight_are_answered_by_the_old_one(daemon: Daemon) {
    let mut waiting = daemon.connect();
    waiting.send(json!({"type": "authorize", "authorization": "sleep=1500 when=1.0.0 both=old when=2 both=new"}));
    // What has been asked behind it is decided, so it has been asked too.
    waiting.send(json!({"type": "subscribe", "channel": "old"}));
    daemon.client();
    swap(&daemon, &scripted_version("2"));
    expect_decided_by(&daemon, "2");
    assert!(!daemon.log().text().contains("version 1.0.0 is destroyed"), "a call was in it");
    waiting.expect_text(r#"{"type":"authorization_ok"}"#);
    waiting.expect_text(r#"{"type":"subscribe_ok","channel":"old"}"#);
    daemon
        .log()
        .wait_for("the old one to be destroyed", |line| line.contains("version 1.0.0 is destroyed").then_some(()));
}

fn with_keep_nothing_granted_changes(daemon: Daemon) {
    let mut client = daemon.client_with("when=1.0.0 both=*");
    client.subscribe("a");
    swap(&daemon, &scripted_version("2"));
    client.subscribe("b");
    client.publish("a", json!(1));
    client.expect_publish("a", json!(1));
    client.expect_no_answer();
}

#[test]
fn another_plugin_can_take_over_and_none_too() {
    let plugins = PluginsDir::with([scripted_plugin(), password_plugin()]);
    let daemon = Setup::on_shards(1).authenticator("ScriptedAuthenticator", plugins).start();
    let mut listener = daemon.client();
    listener.subscribe("news");
    for (id, authorization) in [("PasswordAuthenticator", "word"), ("None", "anything"), ("ScriptedAuthenticator", ALL)]
    {
        daemon.edit_settings(|text| {
            let rest: Vec<&str> =
                text.lines().filter(|line| !line.starts_with("auth") && !line.starts_with("pass")).collect();
            format!("authenticator: {id}\npasswords: {{word: ['*']}}\n{}\n", rest.join("\n"))
        });
        assert!(daemon.reload().contains("has taken over"));
        daemon.client_with(authorization).publish("news", json!(id));
        listener.expect_publish("news", json!(id));
    }
    let mut refused = daemon.connect();
    refused.send(json!({"type": "authorize", "authorization": "word"}));
    refused.expect_error("authorization_failed");
    refused.expect_closed(4501);
}

#[test]
fn what_needs_a_restart_is_named_and_not_applied() {
    let daemon = Daemon::on_shards(1);
    daemon.edit_settings(|text| {
        let larger = "limits: {outbox_bytes: 7 MiB, outbox_soft_bytes: 512 KiB, ";
        text.replace("test-relay", "renamed").replace("limits: {", larger)
    });
    expect_renewed(&daemon.reload());
    assert!(daemon.log().text().contains("needs a restart: name, limits.outbox_bytes"), "{}", daemon.log().text());
    assert_eq!(daemon.connect().hello()["relay"], "test-relay");
}

#[test]
fn a_plugin_that_cannot_be_swapped_is_not() {
    let plugins = PluginsDir::empty();
    plugins.replace(&file(), &scripted_no_swap("1"));
    let daemon = Setup::on_shards(1).authenticator("ScriptedAuthenticator", plugins).start();
    daemon.plugins().replace(&file(), &scripted_no_swap("2"));
    expect_failed(&daemon.reload(), &[&file(), "NO_SWAP", "restart"]);
    expect_decided_by(&daemon, "1");
    // A version that can be, can.
    swap(&daemon, &scripted_version("3"));
    expect_decided_by(&daemon, "3");
}
