//! Signals that come before the relay serves, while a plugin takes its time.

use crate::harness::{DEADLINE, PluginsDir, Setup, Starting, bad_plugin};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A daemon whose plugin is in `create` until there is a file `go`.
fn in_create(settings: &str) -> (Starting, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let plugins = PluginsDir::empty();
    let go = dir.path().join("go");
    bad_plugin(&plugins, &[&format!("-DCREATE_WAITS={:?}", go.to_str().unwrap())]);
    let starting = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(settings).spawn();
    wait_for_file(&dir.path().join("go.begun"));
    (starting, dir)
}

fn wait_for_file(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < DEADLINE, "the plugin is not in `create`");
        thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn sighup_before_it_serves_waits_until_it_does() {
    let (starting, dir) = in_create("");
    starting.signal("HUP");
    fs::write(dir.path().join("go"), "").unwrap();
    let daemon = starting.serving();
    daemon.log().wait_for("the reload", |line| line.contains("SIGHUP: reading the settings again").then_some(()));
    daemon.log().wait_for("its end", |line| line.contains("is unchanged").then_some(()));
}

#[test]
fn a_stop_during_a_start_does_not_wait_for_the_plugin() {
    for settings in ["", "isolation: process"] {
        for signal in ["TERM", "INT"] {
            let (starting, _dir) = in_create(settings);
            starting.signal(signal);
            let log = starting.log().clone();
            assert_eq!(starting.wait().code(), Some(0), "{}", log.text());
            assert!(log.text().contains("ended at once: no clients are served"), "{}", log.text());
        }
    }
}
