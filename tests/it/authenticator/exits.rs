//! Plugins that end the process: that is a failure of its own, which names the plugin and has the relay started again.

use crate::harness::{DEADLINE, PluginsDir, Setup, bad_plugin};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// A plugin that changes the working directory is a bad guest. The settings are found all the same.
#[test]
fn relative_paths_outlive_a_plugin_that_changes_the_working_directory() {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    // The last argument is the path of the settings.
    let relative =
        r#"for last; do :; done; cd "$(dirname "$last")" && exec "$0" run --log-format json --config settings.yaml"#;
    let daemon = Setup::on_shards(1)
        .authenticator("BadPlugin", plugins)
        .run_by(["sh".into(), "-c".into(), relative.into()].into())
        .start();
    // A client that leaves would take its question back.
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "chdir"}));
    let folder = format!("/proc/{}/cwd", daemon.pid());
    let began = Instant::now();
    while fs::read_link(&folder).unwrap() != Path::new("/") {
        assert!(began.elapsed() < DEADLINE, "it has not changed the working directory");
        thread::park_timeout(Duration::from_millis(1));
    }
    assert!(daemon.reload().contains("has taken over"));
}

/// What a process ends with that a plugin has ended.
const EXIT_STATUS: i32 = 70;

#[test]
fn a_plugin_that_calls_exit_is_named() {
    for command in ["exit", "quick-exit", "exit-from-thread"] {
        let plugins = PluginsDir::empty();
        bad_plugin(&plugins, &[]);
        let mut daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).start();
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": command}));
        assert_eq!(daemon.wait().code(), Some(EXIT_STATUS), "{}", daemon.log().text());
        assert!(daemon.log().text().contains("the plugin BadPlugin has called `exit`"), "{}", daemon.log().text());
    }
}

#[test]
fn a_process_of_its_own_is_said_to_have_called_exit_and_not_to_lack_memory() {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &["-DCREATE_EXITS"]);
    let starting = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings("isolation: process").spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(1));
    assert!(log.text().contains("it has called `exit`"), "{}", log.text());
    assert!(!log.text().contains("isolation_memory"), "{}", log.text());
}

#[test]
fn so_is_one_that_does_it_while_it_is_made() {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &["-DCREATE_EXITS"]);
    let starting = Setup::on_shards(1).authenticator("BadPlugin", plugins).spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(EXIT_STATUS), "{}", log.text());
    assert!(log.text().contains("the plugin BadPlugin has called `exit`"), "{}", log.text());
}
