//! Signals that come before the relay serves, while a plugin takes its time.

use crate::harness::{DEADLINE, PluginsDir, Setup, Starting, bad_plugin, not_run, run};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A daemon whose plugin is in `create` until there is a file `go`.
fn in_create(settings: &str) -> (Starting, TempDir) {
    in_create_run_by(settings, Vec::new())
}

fn in_create_run_by(settings: &str, runner: Vec<OsString>) -> (Starting, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let plugins = PluginsDir::empty();
    let go = dir.path().join("go");
    bad_plugin(&plugins, &[&format!("-DCREATE_WAITS={:?}", go.to_str().unwrap())]);
    let starting = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(settings).run_by(runner).spawn();
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
    daemon.log().wait_for("its end", |line| line.contains("has taken over").then_some(()));
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

/// Process 1 gets no signal that it has not asked for.
#[test]
#[cfg(target_os = "linux")]
fn so_does_process_1_of_a_container() {
    let runner = ["unshare", "--pid", "--fork", "--kill-child"];
    if !Command::new(runner[0]).args(&runner[1..]).arg("true").status().is_ok_and(|status| status.success()) {
        return not_run("signals to process 1", "no process namespace can be made");
    }
    let (starting, _dir) = in_create_run_by("", runner.map(OsString::from).into());
    let children = format!("/proc/{0}/task/{0}/children", starting.pid());
    let inner = fs::read_to_string(children).unwrap();
    run(Command::new("kill").args(["-TERM", inner.trim()])).succeeds();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(0), "{}", log.text());
    assert!(log.text().contains("ended at once: no clients are served"), "{}", log.text());
}
