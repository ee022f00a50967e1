//! `isolation: process`, and what hangs in either mode: whatever becomes of the plugin, the relay goes on, and so do the
//! clients that are connected.

use crate::harness::{Client, DEADLINE, Daemon, PluginsDir, Setup, bad_plugin, library_name, run};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

fn daemon(isolation: &str, call_timeout: &str) -> Daemon {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    let settings = format!("isolation: {isolation}\nlimits:\n  authorize_call_timeout: {call_timeout}");
    Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start()
}

/// A client that is let in, as soon as anybody is.
fn let_in(daemon: &Daemon) -> Client {
    let started = Instant::now();
    loop {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "grant"}));
        match client.next_json()["type"].as_str() {
            Some("authorization_ok") => return client,
            _ => assert!(started.elapsed() < DEADLINE, "nobody is let in any more:\n{}", daemon.log().text()),
        }
    }
}

/// The process that runs the plugin's code, as the plugin itself sees it, as soon as one does.
fn plugin_process(daemon: &Daemon) -> u32 {
    let started = Instant::now();
    loop {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "process"}));
        match client.expect_error("authorization_failed")["reason"].as_str().unwrap().parse() {
            Ok(process) => return process,
            Err(_) => assert!(started.elapsed() < DEADLINE, "nobody answers any more:\n{}", daemon.log().text()),
        }
    }
}

fn signal(name: &str, process: u32) {
    run(Command::new("kill").args([name, &process.to_string()])).succeeds();
}

/// Whether the process runs. One that has ended and that nobody has asked about yet (Z) does not.
fn is_there(process: u32) -> bool {
    if let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) {
        return !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z');
    }
    run(Command::new("kill").args(["-0", &process.to_string()])).status.success()
}

fn round_trip(client: &mut Client, content: &str) {
    client.publish("a.1", json!(content));
    client.expect_publish("a.1", json!(content));
}

#[test]
fn a_plugin_that_crashes_is_started_again_and_nobody_connected_notices() {
    let mut daemon = daemon("process", "5s");
    assert_ne!(plugin_process(&daemon), daemon.pid());
    let mut listener = daemon.client_with("grant");
    listener.subscribe("a.1");
    for end in ["abort", "crash", "exit"] {
        let before = plugin_process(&daemon);
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": end}));
        client.expect_text(r#"{"type":"authorization_failed","reason":"unavailable"}"#);
        client.expect_closed(1013);
        round_trip(&mut listener, end);
        let_in(&daemon);
        assert_ne!(plugin_process(&daemon), before);
        daemon.assert_alive();
    }
    let process = plugin_process(&daemon);
    signal("-KILL", process);
    let_in(&daemon);
    round_trip(&mut listener, "killed");
    let restarts =
        daemon.log().lines().iter().filter(|line| line.contains("the plugin's process is running again")).count();
    assert_eq!(restarts, 4, "one restart each:\n{}", daemon.log().text());
    for signal in ["SIGABRT", "SIGSEGV", "it has called `exit`", "SIGKILL"] {
        assert!(daemon.log().text().contains(signal), "the log does not say {signal}:\n{}", daemon.log().text());
    }
}

#[test]
fn the_process_ends_with_the_relay_however_that_ends() {
    for end in ["-TERM", "-KILL"] {
        let mut daemon = daemon("process", "5s");
        let process = plugin_process(&daemon);
        assert!(is_there(process));
        signal(end, daemon.pid());
        daemon.wait();
        let started = Instant::now();
        while is_there(process) {
            assert!(started.elapsed() < DEADLINE, "{end}: the plugin's process outlives the relay");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_has_nothing_that_it_does_not_need() {
    let daemon = daemon("process", "5s");
    // An open file of the daemon's own that is none of the plugin's business: a client's socket.
    let _client = daemon.client_with("grant");
    let process = PathBuf::from("/proc").join(plugin_process(&daemon).to_string());
    let read = |file: &str| std::fs::read_to_string(process.join(file)).unwrap();
    assert_eq!(read("cmdline"), "pusud\0plugin-process\0");
    assert!(read("status").contains("NoNewPrivs:\t1"));
    let files = std::fs::read_dir(process.join("fd")).unwrap().map(|file| file.unwrap().path());
    let targets: Vec<_> = files.filter_map(|file| std::fs::read_link(file).ok()).collect();
    let sockets = targets.iter().filter(|target| target.to_string_lossy().starts_with("socket:")).count();
    // One socket, twice: to read from and to write to. And one as standard error.
    assert_eq!(sockets, 3, "{targets:?}");
    assert!(targets.len() <= 6, "{targets:?}");
}

/// Sixteen threads may hang and are replaced. Past that there is a new instance, or a new process.
#[test]
fn calls_that_hang_are_replaced_up_to_a_limit() {
    for isolation in ["thread", "process"] {
        let daemon = daemon(isolation, "500ms");
        let mut listener = let_in(&daemon);
        listener.subscribe("a.1");
        let started = Instant::now();
        let told = if isolation == "thread" {
            "a new instance has taken the place of the lost one"
        } else {
            "the plugin's process is running again"
        };
        while !daemon.log().text().contains(told) {
            assert!(started.elapsed() < DEADLINE, "{told} is not in the log:\n{}", daemon.log().text());
            // As many as there are threads, and some that wait in vain for one.
            let mut hanging: Vec<Client> = (0..6).map(|_| daemon.connect()).collect();
            for client in &mut hanging {
                client.send(json!({"type": "authorize", "authorization": "hang"}));
            }
            for client in &mut hanging {
                client.expect_text(r#"{"type":"authorization_failed","reason":"unavailable"}"#);
                client.expect_closed(1013);
            }
        }
        round_trip(&mut listener, isolation);
        let_in(&daemon);
        assert_eq!(daemon.status()["authenticator"]["restarts"], 1, "{isolation}");
    }
}

#[test]
fn a_process_that_is_stopped_is_ended_and_started_again() {
    let daemon = daemon("process", "500ms");
    let before = plugin_process(&daemon);
    signal("-STOP", before);
    // It may answer once more before all of its threads have stopped.
    let started = Instant::now();
    while plugin_process(&daemon) == before {
        assert!(started.elapsed() < DEADLINE, "goes on");
    }
}

#[test]
fn the_setting_is_checked_and_shown() {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    let file = plugins.path().join("settings.yaml");
    let settings = |isolation: &str| {
        let text = format!("authenticator: BadPlugin\nplugins_dir: {:?}\nisolation: {isolation}\n", plugins.path());
        std::fs::write(&file, text).unwrap();
        run(crate::harness::pusud(&["check", "--config"]).arg(&file))
    };
    let shown = settings("process").succeeds();
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["isolation", "process"])), "{shown}");
    settings("container").fails_saying(&["`isolation`", "`thread` or `process`", "container"]);
}

/// A wasm runtime, Go or a hardened allocator reserves much and uses little.
#[test]
#[cfg(target_os = "linux")]
fn the_limit_on_memory_is_named_and_can_be_raised() {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &["-DCREATE_RESERVES=6"]);
    let start = |memory: &str| {
        let again = PluginsDir::with([plugins.path().join(library_name("bad_plugin"))]);
        let settings = format!("isolation: process\n{memory}");
        Setup::on_shards(1).authenticator("BadPlugin", again).settings(&settings).spawn()
    };
    let refused = start("");
    let log = refused.log().clone();
    assert_eq!(refused.wait().code(), Some(1));
    for said in ["it gives no reason", "`isolation_memory`", "4 GiB", "raise it"] {
        assert!(log.text().contains(said), "{said}:\n{}", log.text());
    }
    for enough in ["isolation_memory: 16 GiB", "isolation_memory: 0"] {
        let_in(&start(enough).serving());
    }
}
