//! Bad libraries. What is wrong with the file or its tables stops the start: exit code 1, one message with file and
//! reason, at once. What goes wrong in a call costs that call, is counted, and delays nobody else.

use crate::harness::{
    Client, DEADLINE, Daemon, PluginsDir, Setup, bad_plugin, library_name, not_run, patched_copy, pusud, run,
    scripted_plugin,
};
use serde_json::{Value, json};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// A library that cannot serve: its name, how it is put into a directory, and what the message says.
type Unfit = (&'static str, fn(&PluginsDir), &'static [&'static str]);

/// Starts from the bad fixture, which has nothing wrong without switches.
fn compiled<const N: usize>(dir: &PluginsDir, switches: [&str; N]) {
    bad_plugin(dir, &switches);
}

fn damaged(dir: &PluginsDir, damage: impl FnOnce(&mut Vec<u8>, usize)) {
    let good = bad_plugin(dir, &[]);
    patched_copy(&good, &good, damage);
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const UNFIT: &[Unfit] = &[
    ("no manifest", |dir| compiled(dir, ["-DNO_MANIFEST"]), &["exports no `pusu_plugin_manifest`"]),
    (
        "for a newer ABI alone",
        |dir| compiled(dir, ["-DNO_MANIFEST", "-DSECOND_SET"]),
        &["is built for a newer plugin ABI alone"],
    ),
    ("no entry", |dir| compiled(dir, ["-DNO_ENTRY"]), &["exports no `pusu_authenticator_entry`"]),
    ("wrong version", |dir| compiled(dir, ["-DABI_MAJOR=2u"]), &["plugin ABI 2.0", "speaks 1.0"]),
    ("wrong magic", |dir| compiled(dir, ["-DBAD_MAGIC"]), &["begins with"]),
    ("another layout", |dir| compiled(dir, ["-DBAD_FINGERPRINT"]), &["fingerprint"]),
    ("from before ABI 1.0", |dir| compiled(dir, ["-DMANIFEST_SIZE=1024u"]), &["from before ABI 1.0", "\"BadPlugin\""]),
    (
        "a critical flag",
        |dir| compiled(dir, ["-DFLAGS=(1u<<17)"]),
        &["has flag bit 17, which this relay does not know"],
    ),
    ("a need", |dir| compiled(dir, ["-DNEEDS=\"pusu.log/1,com.example.x/1\""]), &["needs `com.example.x/1`"]),
    ("truncated", |dir| damaged(dir, |bytes, _| bytes.truncate(bytes.len() / 2)), &["cut short"]),
    #[cfg(target_os = "linux")]
    ("another processor", |dir| damaged(dir, |bytes, _| bytes[18] = 0xf3), &["Riscv64"]),
    ("NULL function", |dir| compiled(dir, ["-DNULL_AUTHORIZE"]), &["`authorize` is NULL"]),
    ("no table", |dir| compiled(dir, ["-DNULL_TABLE"]), &["gives no table"]),
    ("another manifest in memory", |dir| compiled(dir, ["-DMANIFEST_CHANGES"]), &["another manifest in memory"]),
    ("create fails", |dir| compiled(dir, ["-DCREATE_STATUS=PUSU_ERR"]), &["failed in `create`", "is not good"]),
    #[cfg(unix)]
    ("writable for everybody", |dir| mode(&bad_plugin(dir, &[]), 0o777), &["can be written by everybody", "chmod o-w"]),
    (
        "the same id twice",
        |dir| drop(dir.add(&bad_plugin(dir, &[]), &library_name("again"))),
        &["two files", "again", "remove one"],
    ),
];

/// Starts a daemon that will not come up; gives its message and how long it took.
fn refusal(dir: &PluginsDir, isolation: &str, parts: &[&str]) -> Duration {
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join("settings.yaml");
    let text = format!(
        "authenticator: BadPlugin\nclient_address: 127.0.0.1\nclient_port: 0\nisolation: {isolation}\nplugins_dir: {:?}\n",
        dir.path()
    );
    fs::write(&settings, text).unwrap();
    let started = Instant::now();
    let finished = run(pusud(&["run", "--log-level", "warn", "--config"]).arg(settings));
    let took = started.elapsed();
    let message = finished.fails_saying(parts);
    assert_eq!(message.matches("error: ").count(), 1, "one message: {message}");
    assert!(message.contains(&library_name("bad_plugin")), "the file is not named: {message}");
    took
}

fn all_are_refused(isolation: &str) {
    let mut slowest = Duration::ZERO;
    for (name, put, parts) in UNFIT {
        println!("{name}");
        let dir = PluginsDir::empty();
        put(&dir);
        // On a machine that does much else one start may be slow; not both.
        let took = refusal(&dir, isolation, parts).min(refusal(&dir, isolation, parts));
        assert!(took < Duration::from_secs(1), "{name}: refused after {took:?}");
        slowest = slowest.max(took);
    }
    println!("{} are refused, each within {slowest:?}", UNFIT.len());
}

#[test]
fn libraries_that_cannot_serve_are_refused_in_a_thread() {
    all_are_refused("thread");
}

#[test]
#[cfg(unix)]
fn libraries_that_cannot_serve_are_refused_in_a_process() {
    all_are_refused("process");
}

/// Only root can give a file away.
#[test]
#[cfg(unix)]
fn the_library_of_a_third_user_is_refused() {
    let dir = PluginsDir::empty();
    let file = bad_plugin(&dir, &[]);
    match std::os::unix::fs::chown(&file, Some(12345), None) {
        Ok(()) => drop(refusal(&dir, "thread", &["belongs to user 12345", "chown root"])),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            not_run("the library of a third user", "only root can give a file away");
        }
        Err(error) => panic!("{}: {error}", file.display()),
    }
}

/// What ends the process of a thread's plugin ends the daemon; here it is one more message.
#[test]
#[cfg(unix)]
fn a_library_that_ends_the_process_is_refused_where_it_has_one_of_its_own() {
    for switch in ["-DLOAD_ABORTS", "-DCREATE_ABORTS"] {
        let dir = PluginsDir::empty();
        bad_plugin(&dir, &[switch]);
        refusal(&dir, "process", &["ended its process while it was loaded and created", "SIGABRT"]);
    }
}

/// A call that goes wrong.
struct Fault {
    /// What the authorization says, which is what the fixture does.
    command: &'static str,
    switch: &'static str,
    /// The close code: 4501 is "no", 1013 is "cannot tell".
    close: u16,
    /// Where the log counts it when the relay stops.
    counted: &'static str,
    /// Part of what the log says about it.
    logged: &'static str,
    /// Whether the instance is lost with it, until there is the next one.
    fatal: bool,
    /// The time that a call may take.
    timeout: &'static str,
}

/// Far longer than everything takes that others do meanwhile.
const LONG: &str = "5s";

const fn fault(command: &'static str, close: u16, counted: &'static str) -> Fault {
    Fault { command, switch: "-DVERSION=\"1.0\"", close, counted, logged: "", fatal: false, timeout: LONG }
}

/// PUSU_F_ASYNC.
const ASYNC: &str = "-DFLAGS=1";

const FAULTS: &[Fault] = &[
    Fault { timeout: "500ms", ..fault("sleep-2s", 1013, "timed_out") },
    fault("hang", 1013, "timed_out"),
    Fault { logged: "has decided 77, which this relay does not know", ..fault("garbage-decision", 1013, "malformed") },
    Fault {
        logged: "has set access bit 18, which this relay does not know",
        ..fault("critical-access", 1013, "malformed")
    },
    Fault {
        logged: "has the critical attribute `!limit.publish`, which this relay does not know",
        ..fault("critical-attribute", 1013, "malformed")
    },
    fault("too-long-reason", 1013, "malformed"),
    fault("too-many-permissions", 1013, "malformed"),
    fault("not-utf8-pattern", 1013, "malformed"),
    fault("null-permissions", 1013, "malformed"),
    fault("silent", 1013, "failed"),
    fault("unknown-status", 1013, "failed"),
    // Answers later from a thread of its own without having said so in its manifest.
    fault("pending", 1013, "failed"),
    // Answers when it is told that the answer is no longer wanted.
    Fault { switch: ASYNC, ..fault("pending", 1013, "late") },
    Fault { fatal: true, ..fault("panic", 1013, "failed") },
];

fn daemon(isolation: &str, switch: &str, timeout: &str) -> Daemon {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[switch]);
    let settings = format!("isolation: {isolation}\nlimits:\n  authorize_call_timeout: {timeout}");
    Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start()
}

/// Counts of what went wrong, as the log gives them when the relay stops.
fn counts(daemon: &mut Daemon) -> Value {
    daemon.terminate();
    assert!(daemon.wait().success());
    let line = daemon.log().lines().into_iter().find(|line| line.contains("calls that went wrong"));
    serde_json::from_str(&line.expect("nothing was counted")).unwrap()
}

/// Connects and authorizes until that is granted.
fn let_in(daemon: &Daemon) -> Client {
    let started = Instant::now();
    loop {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "grant"}));
        match client.next_json()["type"].as_str() {
            Some("authorization_ok") => return client,
            _ => assert!(started.elapsed() < DEADLINE, "nobody is let in any more"),
        }
    }
}

fn costs_its_call_and_nothing_else(isolation: &str, fault: &Fault) {
    let mut daemon = daemon(isolation, fault.switch, fault.timeout);
    let mut listener = let_in(&daemon);
    listener.subscribe("a.1");
    let mut bad = daemon.connect();
    bad.send(json!({"type": "authorize", "authorization": fault.command}));
    for round in 0..20 {
        let mut other = if fault.fatal || fault.timeout != LONG { None } else { Some(daemon.client_with("grant")) };
        other.as_mut().unwrap_or(&mut listener).publish("a.1", json!(round));
        listener.expect_publish("a.1", json!(round));
    }
    if fault.timeout == LONG && matches!(fault.counted, "timed_out" | "late") {
        assert!(bad.has_nothing_to_read(), "{}: twenty others were held up for {LONG}", fault.command);
    }
    bad.expect_error("authorization_failed");
    bad.expect_closed(fault.close);
    drop(let_in(&daemon));
    listener.publish("a.1", json!("after"));
    listener.expect_publish("a.1", json!("after"));
    let counts = counts(&mut daemon);
    let fields = counts.get("fields").unwrap_or(&counts);
    assert!(fields[fault.counted].as_u64().is_some_and(|count| count > 0), "{}: {counts}", fault.command);
    assert_eq!(fields["restarts"], u64::from(fault.fatal), "{}: {counts}", fault.command);
    assert!(daemon.log().text().contains(fault.logged), "{}: the log does not say {:?}", fault.command, fault.logged);
}

fn all_cost_their_call(isolation: &str) {
    // Most of the time goes into waiting for those that do not answer.
    std::thread::scope(|scope| {
        for part in FAULTS.chunks(FAULTS.len().div_ceil(3)) {
            scope.spawn(|| part.iter().for_each(|fault| costs_its_call_and_nothing_else(isolation, fault)));
        }
    });
}

#[test]
fn calls_that_go_wrong_cost_themselves_in_a_thread() {
    all_cost_their_call("thread");
}

#[test]
#[cfg(unix)]
fn calls_that_go_wrong_cost_themselves_in_a_process() {
    all_cost_their_call("process");
}

/// The first answer counts, and no second changes it. From another thread is as good as any.
#[test]
fn answers_that_are_one_too_many_or_come_from_elsewhere() {
    for isolation in if cfg!(unix) { &["thread", "process"][..] } else { &["thread"] } {
        let mut daemon = daemon(isolation, ASYNC, LONG);
        daemon.client_with("twice").subscribe("a.1");
        daemon.client_with("thread").subscribe("a.1");
        daemon.client_with("wrong-ticket").subscribe("a.1");
        let counts = counts(&mut daemon);
        assert_eq!(counts.get("fields").unwrap_or(&counts)["late"], 2, "{counts}");
    }
}

/// The scripted fixture is a good plugin: nothing of the above is refused by accident.
#[test]
fn a_good_library_is_taken_in_both_modes() {
    for isolation in if cfg!(unix) { &["thread", "process"][..] } else { &["thread"] } {
        let plugins = PluginsDir::with([scripted_plugin()]);
        let setup = Setup::on_shards(1).authenticator("ScriptedAuthenticator", plugins);
        let mut daemon = setup.settings(&format!("isolation: {isolation}")).start();
        daemon.client().subscribe("a");
        daemon.terminate();
        assert!(daemon.wait().success());
        assert!(!daemon.log().text().contains("calls that went wrong"), "{}", daemon.log().text());
    }
}
