//! The settings that hold, and what reading them again would change.

use crate::harness::{DEADLINE, Daemon, PluginsDir, Setup, password_plugin, write_secret};
use serde_json::{Value, json};
use std::time::Instant;

fn row(settings: &Value, key: &str) -> Value {
    let rows = settings["settings"].as_array().unwrap();
    rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}: {settings:#}")).clone()
}

fn changes(daemon: &Daemon) -> Value {
    daemon.look("/api/v1/settings")["reload"].clone()
}

#[test]
fn what_holds_and_what_differs_from_the_default_is_shown() {
    let daemon = Setup::on_shards(2).with_operations().start();
    let settings = daemon.look("/api/v1/settings");
    assert_eq!(settings["file"], daemon.dir().join("settings.yaml").to_str().unwrap());
    let shards = row(&settings, "shards");
    assert_eq!((&shards["value"], &shards["secret"]), (&json!("2"), &json!(false)));
    let kept = row(&settings, "limits.ping_interval");
    assert_eq!((&kept["value"], &kept["default"], &kept["differs"]), (&json!("25s"), &json!("25s"), &json!(false)));
    assert_eq!(row(&settings, "operations_port")["value"], "any");
    assert_eq!(settings["reload"], json!({"error": null, "changes": []}));
}

#[test]
fn a_limit_that_follows_another_one_does_not_differ() {
    let daemon = Setup::on_shards(1).with_operations().settings("limits: {authorize_timeout: 2s}").start();
    let settings = daemon.look("/api/v1/settings");
    let follows = row(&settings, "limits.handshake_timeout");
    assert_eq!((&follows["value"], &follows["differs"]), (&json!("2s"), &json!(false)), "{follows}");
    assert_eq!(row(&settings, "limits.authorize_timeout")["differs"], true);
}

#[test]
fn what_a_reload_would_change_is_shown_before_it_does() {
    let daemon = Setup::on_shards(1).with_operations().start();
    daemon.edit_settings(|text| format!("{}\non_swap: reauthorize\n", text.replace("shards: 1", "shards: 2")));
    let expected = json!([
        {"key": "on_swap", "now": "keep", "then": "reauthorize", "needs_restart": false},
        {"key": "shards", "now": "1", "then": "2", "needs_restart": true},
    ]);
    assert_eq!(changes(&daemon), json!({"error": null, "changes": expected}));
    daemon.reload();
    let settings = daemon.look("/api/v1/settings");
    assert_eq!(row(&settings, "on_swap")["value"], "reauthorize", "it holds since the reload");
    assert_eq!(row(&settings, "shards")["value"], "1");
    assert_eq!(settings["reload"]["changes"], json!([expected[1]]));
    daemon.edit_settings(|text| text.replace("shards: 2", "shards: many"));
    let reload = changes(&daemon);
    assert!(reload["error"].as_str().unwrap().contains("`shards`: expected"), "{reload}");
    assert_eq!(reload["changes"], json!([]));
}

/// The commonest change, and the one of which nothing can be shown.
#[test]
fn another_value_of_an_option_is_a_change_and_neither_is_shown() {
    let daemon = Setup::on_shards(1).with_operations().settings("passwords: {hunter2: [a]}").start();
    assert_eq!(changes(&daemon)["changes"], json!([]));
    daemon.edit_settings(|text| text.replace("hunter2", "hunter3"));
    let expected = json!([
        {"key": "passwords", "now": "(not shown)", "then": "(not shown), another", "needs_restart": false},
    ]);
    assert_eq!(changes(&daemon), json!({"error": null, "changes": expected}));
}

#[test]
fn a_text_of_a_file_that_was_taken_over_is_no_change_any_more() {
    let plugins = PluginsDir::with([password_plugin()]);
    let file = plugins.path().join("password");
    write_secret(&file, "hunter2");
    let settings = format!("passwords: {{!file {file:?}: [a]}}");
    let setup = Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).with_operations();
    let daemon = setup.settings(&settings).start();
    assert_eq!(changes(&daemon)["changes"], json!([]));
    write_secret(&file, "hunter3");
    let began = Instant::now();
    while changes(&daemon)["changes"] != json!([]) {
        assert!(began.elapsed() < DEADLINE, "{}", changes(&daemon));
    }
}
