//! The plugin says how it is and whether its options are good: the relay shows it, and a plugin that does not say is replaced.

use crate::harness::{DEADLINE, Daemon, PluginsDir, Setup, bad_plugin, pusud, run};
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

crate::in_both_isolations!(
    the_condition_is_shown,
    one_that_does_not_say_how_it_is_is_replaced,
    check_asks_without_making_an_instance,
);

/// A daemon whose plugin is as the file `health` says.
fn daemon(isolation: &str, settings: &str) -> Daemon {
    let plugins = PluginsDir::empty();
    let health = plugins.path().join("health");
    fs::write(&health, "good").unwrap();
    bad_plugin(&plugins, &[&format!("-DHEALTH_FILE={health:?}")]);
    let settings = format!("isolation: {isolation}\n{settings}");
    Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start()
}

fn set_health(daemon: &Daemon, line: &str) {
    fs::write(daemon.plugins().path().join("health"), line).unwrap();
}

/// Waits until the status of the authenticator is as wanted.
fn wait_for(daemon: &Daemon, what: &str, is_so: impl Fn(&Value) -> bool) {
    let began = Instant::now();
    loop {
        let status = daemon.status();
        if is_so(&status["authenticator"]) {
            return;
        }
        assert!(began.elapsed() < 2 * DEADLINE, "{what}: {}", status["authenticator"]);
    }
}

fn the_condition_is_shown(isolation: &str) {
    let daemon = daemon(isolation, "");
    for (line, condition, shown) in [
        (
            "degraded one backend of two",
            json!({"state": "degraded", "why": "one backend of two"}),
            "degraded: one backend",
        ),
        ("bad no backend", json!({"state": "bad", "why": "no backend"}), "BAD: no backend"),
    ] {
        set_health(&daemon, line);
        wait_for(&daemon, line, |authenticator| authenticator["condition"] == condition);
        let text = run(pusud(&["status", "--socket"]).arg(daemon.dir().join("control.sock"))).succeeds();
        assert!(text.contains(shown), "{text}");
    }
    set_health(&daemon, "good");
    wait_for(&daemon, "good again", |authenticator| authenticator["condition"] == json!({"state": "good"}));
    daemon.log().wait_for("the end of it", |line| line.contains("the authenticator is well again").then_some(()));
}

fn one_that_does_not_say_how_it_is_is_replaced(isolation: &str) {
    let daemon = daemon(isolation, "limits: {authorize_call_timeout: 500ms}");
    set_health(&daemon, "hang");
    daemon.log().wait_for("the hang to be seen", |line| line.contains("does not say how it is").then_some(()));
    set_health(&daemon, "good");
    wait_for(&daemon, "another instance", |authenticator| {
        authenticator["restarts"].as_u64() >= Some(1) && authenticator["ready"] == true
    });
    let mut client = daemon.connect();
    client.authorize("grant");
}

fn check_asks_without_making_an_instance(isolation: &str) {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &["-DCHECKS", "-DCREATE_ABORTS"]);
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join("settings.yaml");
    let check = |text: &str| {
        let folder = plugins.path();
        let options = format!("authenticator_options: {{text: {text}}}");
        let all = format!("authenticator: BadPlugin\nisolation: {isolation}\nplugins_dir: {folder:?}\n{options}\n");
        fs::write(&settings, all).unwrap();
        run(pusud(&["check", "--config"]).arg(&settings))
    };
    let said = check("good").succeeds();
    assert!(said.contains("everything is in order"), "{said}");
    check("bad").fails_saying(&["does not take its options", "the text is bad"]);
}
