//! `PasswordAuthenticator` in the real relay: hashes that other programs make, costs, and passwords in a file.

mod canaries;
mod files;
mod hashes;
#[cfg(target_os = "linux")]
mod memory;
mod names;

use crate::harness::{Daemon, Finished, PluginsDir, Setup, password_plugin, pusud, run};
use serde_json::json;

/// A relay whose `authenticator_options` are these lines.
fn start(options: &str) -> Daemon {
    setup(options).start()
}

fn setup(options: &str) -> Setup {
    let options: String = options.lines().map(|line| format!("  {line}\n")).collect();
    let plugins = PluginsDir::with([password_plugin()]);
    let settings = format!("authenticator_options:\n{options}");
    Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).settings(&settings)
}

/// The password gives its channel, and nothing else.
fn expect_let_in(daemon: &Daemon, password: &str, channel: &str) {
    let mut client = daemon.client_with(password);
    client.subscribe(channel);
    client.publish(channel, json!(channel));
    client.expect_publish(channel, json!(channel));
    client.send(json!({"type": "subscribe", "channel": format!("{channel}-other")}));
    client.expect_error("permission_denied");
    client.expect_closed(4502);
}

fn is_let_in(daemon: &Daemon, password: &str) -> bool {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": password}));
    client.next_json()["type"] == "authorization_ok"
}

fn expect_refused(daemon: &Daemon, password: &str) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": password}));
    assert_eq!(client.expect_error("authorization_failed")["reason"], "unknown password");
    client.expect_closed(4501);
}

/// What `pusud check` says of these options.
fn check(options: &str) -> Finished {
    check_with(options, "")
}

/// The same with further lines of the settings.
fn check_with(options: &str, more: &str) -> Finished {
    let plugins = PluginsDir::with([password_plugin()]);
    let settings = plugins.path().join("settings.yaml");
    let options: String = options.lines().map(|line| format!("  {line}\n")).collect();
    let text = format!("authenticator: PasswordAuthenticator\nclient_port: 0\nauthenticator_options:\n{options}{more}");
    std::fs::write(&settings, text).unwrap();
    run(pusud(&["check", "--plugins-dir"]).arg(plugins.path()).arg("--config").arg(&settings))
}
