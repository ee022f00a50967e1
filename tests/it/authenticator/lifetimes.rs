//! Lifetimes of instances, through the door: one that is never made holds nothing up, and one that is lost is replaced.

use crate::harness::{Client, DEADLINE, Daemon, PluginsDir, Setup, bad_plugin, pusud, run};
use serde_json::json;
use std::time::{Duration, Instant};

/// A relay with the fixture, for which making an instance has a second.
fn setup(isolation: &str, switches: &[&str]) -> Setup {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, switches);
    let settings = format!("isolation: {isolation}\nauthenticator_create_timeout: 1s");
    Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings)
}

/// Whether a client is let in now.
fn is_let_in(daemon: &Daemon) -> bool {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "grant"}));
    client.next_json()["type"] == "authorization_ok"
}

fn refused(daemon: &Daemon, authorization: &str) -> Client {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    client.expect_error("authorization_failed");
    client
}

/// Where loading hangs, a thread holds the lock of the system's loader, for which an orderly end would wait.
#[test]
fn a_start_with_a_plugin_that_hangs_fails_in_time() {
    for isolation in ["thread", "process"] {
        for switch in ["-DCREATE_HANGS", "-DCREATE_LOGS", "-DLOAD_HANGS"] {
            let started = Instant::now();
            let starting = setup(isolation, &[switch]).spawn();
            let log = starting.log().clone();
            assert_eq!(starting.wait().code(), Some(1), "{isolation} {switch}: {}", log.text());
            for part in ["is not loaded and created within 1s", "`authenticator_create_timeout`"] {
                assert!(log.text().contains(part), "{isolation} {switch}: {}", log.text());
            }
            let took = started.elapsed();
            println!("{isolation} {switch}: failed within {took:?}");
            assert!(took < DEADLINE / 2, "{isolation} {switch}: {took:?}");
        }
    }
}

#[test]
fn the_check_of_the_settings_ends_too() {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &["-DLOAD_HANGS"]);
    let file = plugins.path().join("settings.yaml");
    let text =
        format!("authenticator: BadPlugin\nplugins_dir: {:?}\nauthenticator_create_timeout: 1s\n", plugins.path());
    std::fs::write(&file, text).unwrap();
    run(pusud(&["check", "--config"]).arg(&file)).fails_saying(&["is not loaded and created within 1s"]);
}

fn a_reload_with_a_plugin_that_hangs_fails_and_the_next_one_works(isolation: &str) {
    let mut daemon = setup(isolation, &[]).start();
    let other = PluginsDir::empty();
    let mut listener = daemon.client_with("grant");
    listener.subscribe("a.1");
    const LATE: &str = "is not loaded and created within 1s";
    for (switch, expected) in [
        ("-DCREATE_HANGS", LATE),
        ("-DCREATE_LOGS", LATE),
        ("-DLOAD_HANGS", LATE),
        ("-DLOAD_ABORTS", "ended its process while it was loaded and created"),
        ("-DVERSION=\"3\"", "has taken over"),
    ] {
        let library = bad_plugin(&other, &[switch]);
        daemon.plugins().replace(library.file_name().unwrap().to_str().unwrap(), &library);
        let line = daemon.reload();
        assert!(line.contains(expected), "{switch}: {line}");
        assert!(is_let_in(&daemon), "{switch}");
        listener.publish("a.1", json!(switch));
        listener.expect_publish("a.1", json!(switch));
    }
    daemon.terminate();
    assert!(daemon.wait().success());
}

#[test]
fn a_reload_with_a_plugin_that_hangs_fails_and_the_next_one_works_in_a_thread() {
    a_reload_with_a_plugin_that_hangs_fails_and_the_next_one_works("thread");
}

#[test]
fn a_reload_with_a_plugin_that_hangs_fails_and_the_next_one_works_in_a_process() {
    a_reload_with_a_plugin_that_hangs_fails_and_the_next_one_works("process");
}

/// A library that hangs in being loaded by the relay, and not in the process in which it is tried, holds the lock of the
/// system's loader, which new threads and those that end take. The
/// reload fails all the same, the next one is refused, and the relay stops.
#[test]
fn a_relay_stops_while_loading_hangs() {
    let mut daemon = setup("thread", &[]).start();
    let other = PluginsDir::empty();
    let library = bad_plugin(&other, &["-DLOAD_HANGS_HERE"]);
    daemon.plugins().replace(library.file_name().unwrap().to_str().unwrap(), &library);
    let line = daemon.reload();
    assert!(
        line.contains("is not loaded and created within 1s") && line.contains("restart a daemon that serves"),
        "{line}"
    );
    let line = daemon.reload();
    assert!(line.contains("hangs in being loaded") && line.contains("restart the daemon"), "{line}");
    daemon.terminate();
    assert!(daemon.wait().success());
}

#[test]
fn after_each_panic_clients_are_let_in_again_within_five_seconds() {
    for isolation in ["thread", "process"] {
        let daemon = setup(isolation, &[]).start();
        let mut listener = daemon.client_with("grant");
        listener.subscribe("a.1");
        for restarts in 1..=3 {
            refused(&daemon, "panic").expect_closed(1013);
            let failed = Instant::now();
            while !is_let_in(&daemon) {
                assert!(failed.elapsed() < Duration::from_secs(5), "{isolation}: {}", daemon.log().text());
            }
            println!("{isolation}: let in again {:?} after the panic", failed.elapsed());
            assert_eq!(daemon.status()["authenticator"]["restarts"], restarts, "{isolation}");
        }
        listener.publish("a.1", json!("still here"));
        listener.expect_publish("a.1", json!("still here"));
    }
}

/// A process that fills the standard error, and one that fills the log, fill neither.
#[test]
fn a_process_that_floods_the_log_is_cut_short_and_that_is_told() {
    for (command, line) in [("flood", "\"flood\""), ("flood-stderr", "flood 1")] {
        let daemon = setup("process", &[]).start();
        drop(daemon.client_with(command));
        // The next lines after the flood say what was left out.
        let told = |lines: &[String]| lines.iter().any(|line| line.contains("left out")).then_some(());
        let started = Instant::now();
        while told(&daemon.log().lines()).is_none() {
            assert!(started.elapsed() < DEADLINE, "{command}: {}", daemon.log().text());
            drop(daemon.client_with(command));
        }
        let (seconds, floods) = (started.elapsed().as_secs() + 1, daemon.log().text().matches(line).count());
        assert!(floods as u64 <= 2 * (200 + 100 * seconds), "{command}: {floods}");
    }
}
