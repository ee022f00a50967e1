//! Options whose texts stand outside of the settings: in files, which are read again when they change, and in variables.

use crate::harness::{
    Client, DEADLINE, Daemon, Finished, PluginsDir, Setup, password_plugin, pusud, run, write_secret,
};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Instant;

crate::in_both_isolations!(
    a_file_that_has_changed_decides_without_a_signal,
    a_file_that_is_broken_leaves_its_text_and_the_log_says_so_once,
    a_text_that_the_authenticator_does_not_take_changes_nothing,
    files_and_variables_are_read_again_at_a_reload,
);

/// A daemon with two passwords, each in a file, and one in a variable.
fn daemon(isolation: &str) -> Daemon {
    let files = PluginsDir::with([password_plugin()]);
    for (name, password) in [("one", "one-1\n"), ("two", "two-1")] {
        write_secret(&files.path().join(name), password);
    }
    let path = |name| files.path().join(name);
    let settings = format!(
        "isolation: {isolation}\npasswords:\n  !file {:?}: ['one.*']\n  !file {:?}: ['two.*']\n  !env PUSU_TEST_PASSWORD: ['*']",
        path("one"),
        path("two")
    );
    let setup = Setup::on_shards(1).authenticator("PasswordAuthenticator", files).settings(&settings);
    setup.env("PUSU_TEST_PASSWORD", "by-variable").start()
}

fn file(daemon: &Daemon, name: &str) -> std::path::PathBuf {
    daemon.plugins().path().join(name)
}

/// What becomes of a client with this password.
fn is_let_in(daemon: &Daemon, password: &str) -> bool {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": password}));
    client.next_json()["type"] == "authorization_ok"
}

fn wait_until_let_in(daemon: &Daemon, password: &str) {
    let began = Instant::now();
    while !is_let_in(daemon, password) {
        assert!(began.elapsed() < DEADLINE, "{password} is not let in");
    }
}

/// A client that stays.
fn client(daemon: &Daemon, password: &str, channel: &str) -> Client {
    let mut client = daemon.client_with(password);
    client.subscribe(channel);
    client
}

/// Waits for the status of a file to be as wanted.
fn wait_for_fault(daemon: &Daemon, at: usize, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let status = daemon.status()["option_files"][at].clone();
        if is_wanted(&status["fault"]) {
            return status;
        }
        assert!(began.elapsed() < DEADLINE, "{status}");
    }
}

fn count(daemon: &Daemon, words: &str) -> usize {
    daemon.log().text().matches(words).count()
}

fn a_file_that_has_changed_decides_without_a_signal(isolation: &str) {
    let daemon = daemon(isolation);
    assert!(["one-1", "two-1", "by-variable"].iter().all(|password| is_let_in(&daemon, password)));
    let before = daemon.status()["option_files"].clone();
    assert_eq!(before[0]["path"], file(&daemon, "one").display().to_string());
    assert_eq!((&before[0]["fault"], before[1]["since"].as_u64().unwrap() > 0), (&Value::Null, true));
    let mut stays = client(&daemon, "one-1", "one.a");
    write_secret(&file(&daemon, "one"), "one-2\n");
    wait_until_let_in(&daemon, "one-2");
    assert!(!is_let_in(&daemon, "one-1"), "the old one is none any more");
    assert!(is_let_in(&daemon, "two-1") && is_let_in(&daemon, "by-variable"));
    daemon.client_with("one-2").publish("one.a", json!(1));
    stays.expect_publish("one.a", json!(1));
    let began = Instant::now();
    // The instance decides a moment before the status says so.
    while daemon.status()["option_files"][0]["since"] == before[0]["since"] {
        assert!(began.elapsed() < DEADLINE, "{}", daemon.status());
    }
    assert_eq!(daemon.status()["option_files"][1], before[1]);
    assert_eq!(count(&daemon, "has changed, and its text is read again"), 1);
    assert_eq!(daemon.status()["authenticator"]["generation"], 2);
}

fn a_file_that_is_broken_leaves_its_text_and_the_log_says_so_once(isolation: &str) {
    let daemon = daemon(isolation);
    fs::remove_file(file(&daemon, "one")).unwrap();
    let words = "there is no such file";
    wait_for_fault(&daemon, 0, |fault| fault.as_str().is_some_and(|fault| fault.contains(words)));
    // The other file is followed meanwhile.
    write_secret(&file(&daemon, "two"), "two-2");
    wait_until_let_in(&daemon, "two-2");
    assert!(is_let_in(&daemon, "one-1"), "the text read before stays");
    assert_eq!(count(&daemon, "; the text read before stays"), 1, "{}", daemon.log().text());
    let shown = run(pusud(&["status", "--config"]).arg(daemon.dir().join("settings.yaml"))).succeeds();
    assert!(shown.contains("NOT what is there now: there is no such file"), "{shown}");
    // A reload wants all of it.
    let said = daemon.reload();
    assert!(said.contains("nothing was changed") && said.contains("line ") && said.contains(words), "{said}");
    assert!(is_let_in(&daemon, "one-1") && is_let_in(&daemon, "two-2"));
    write_secret(&file(&daemon, "one"), "one-1");
    wait_for_fault(&daemon, 0, Value::is_null);
    daemon.log().wait_for("the end of it", |line| line.contains("is in order again").then_some(()));
}

fn a_text_that_the_authenticator_does_not_take_changes_nothing(isolation: &str) {
    let daemon = daemon(isolation);
    write_secret(&file(&daemon, "one"), "$argon2id$v=19$canary");
    let fault = wait_for_fault(&daemon, 0, |fault| fault.is_string());
    assert!(fault["fault"].as_str().unwrap().starts_with("its text was not taken: "), "{fault}");
    // Two files that are the same password are none that the settings can have.
    write_secret(&file(&daemon, "one"), "two-1");
    wait_for_fault(&daemon, 0, |fault| fault.as_str().is_some_and(|fault| fault.contains("stands there twice")));
    assert_eq!(count(&daemon, "nothing was changed"), 2, "{}", daemon.log().text());
    assert!(is_let_in(&daemon, "one-1") && is_let_in(&daemon, "two-1"));
    assert!(!daemon.log().text().contains("canary") && !daemon.status().to_string().contains("canary"));
    write_secret(&file(&daemon, "one"), "one-2");
    wait_until_let_in(&daemon, "one-2");
    wait_for_fault(&daemon, 0, Value::is_null);
}

fn files_and_variables_are_read_again_at_a_reload(isolation: &str) {
    let daemon = daemon(isolation);
    write_secret(&file(&daemon, "one"), "one-2");
    let said = daemon.reload();
    assert!(said.contains("has taken over"), "{said}");
    assert!(is_let_in(&daemon, "one-2") && !is_let_in(&daemon, "one-1") && is_let_in(&daemon, "by-variable"));
    // With options in the settings alone again, nobody looks at files any more.
    daemon.edit_settings(|text| {
        let kept = text.lines().filter(|line| !line.contains("!file") && !line.contains("!env"));
        kept.map(|line| if line == "passwords:" { "passwords: {written: ['*']}" } else { line }.to_owned() + "\n")
            .collect()
    });
    assert!(daemon.reload().contains("has taken over"));
    assert!(is_let_in(&daemon, "written") && !is_let_in(&daemon, "one-2"));
    assert_eq!(daemon.status()["option_files"], json!([]));
}

/// The thread that looks at files is there only where there are some.
#[test]
#[cfg(target_os = "linux")]
fn without_files_nobody_looks() {
    let has_thread = |daemon: &Daemon| {
        let threads = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap().flatten();
        threads
            .filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok())
            .any(|name| name == "pusu-files\n")
    };
    let settings = "passwords:\n  written: ['*']";
    let plugins = PluginsDir::with([password_plugin()]);
    let daemon = Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).settings(settings).start();
    assert!(!has_thread(&daemon));
    write_secret(&daemon.dir().join("secret"), "from-file");
    daemon.edit_settings(|text| text.replace("  written:", "  !file secret:"));
    assert!(daemon.reload().contains("has taken over"));
    // It names itself a moment after it has begun.
    let began = Instant::now();
    while !has_thread(&daemon) {
        assert!(began.elapsed() < DEADLINE, "nobody looks");
    }
    assert!(is_let_in(&daemon, "from-file"));
    write_secret(&daemon.dir().join("secret"), "again");
    wait_until_let_in(&daemon, "again");
    daemon.edit_settings(|text| text.replace("  !file secret:", "  written:"));
    assert!(daemon.reload().contains("has taken over"));
    let began = Instant::now();
    while has_thread(&daemon) {
        assert!(began.elapsed() < DEADLINE, "the thread has not ended");
    }
}

/// Of the settings they use the way to the relay alone, and their environment is another one.
#[test]
fn who_asks_a_relay_needs_none_of_its_variables() {
    let keys = "network_address: !env PUSU_TEST_ADDRESS\npasswords: {!env PUSU_TEST_NAME: ['*']}";
    let plugins = PluginsDir::with([password_plugin()]);
    let setup = Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).settings(keys);
    let daemon = setup.env("PUSU_TEST_NAME", "test-relay").env("PUSU_TEST_ADDRESS", "127.0.0.1").start();
    daemon.edit_settings(|text| text.replace("name: test-relay", "name: !env PUSU_TEST_NAME"));
    for command in [
        &["health"][..],
        &["status"],
        &["decisions"],
        &["revocations"],
        &["revoke", "--subject", "alice"],
        &["kick", "--subject", "alice"],
        &["reload"],
    ] {
        daemon.operate(command).succeeds();
    }
    assert_eq!(daemon.status()["name"], "test-relay");
}

/// Settings as they are written, with two files beside them, and a command about them.
fn about(command: &[&str], settings: &str) -> (tempfile::TempDir, Finished) {
    let plugins = PluginsDir::with([password_plugin()]);
    let folder = tempfile::tempdir().unwrap();
    write_secret(&folder.path().join("good"), "canary-good");
    write_secret(&folder.path().join("empty"), "\n");
    let file = folder.path().join("settings.yaml");
    let head = format!("authenticator: PasswordAuthenticator\nplugins_dir: {:?}\n", plugins.path());
    fs::write(&file, head + settings).unwrap();
    let mut command = pusud(command);
    command.env("PUSU_TEST_PASSWORD", "canary-variable").env("PUSU_TEST_EMPTY", "");
    command.env("CREDENTIALS_DIRECTORY", folder.path()).arg("--config").arg(&file);
    let finished = run(&mut command);
    for text in [&finished.stdout, &finished.stderr] {
        assert!(!text.contains("canary"), "{text}");
    }
    (folder, finished)
}

#[test]
fn the_check_says_what_is_taken_from_where() {
    let settings = "passwords: {!file good: ['*'], !env PUSU_TEST_PASSWORD: ['*'], !text '${x}': ['*']}\nname: relay";
    let (folder, finished) = about(&["check"], settings);
    let said = finished.succeeds();
    let path = folder.path().join("good").display().to_string();
    let row = |label: &str| said.lines().find(|line| line.starts_with(label)).unwrap_or_default().to_owned();
    assert!(row("  texts of files ").ends_with(&format!("{path} (passwords)")), "{said}");
    assert!(row("  texts of variables ").ends_with("PUSU_TEST_PASSWORD"), "{said}");
    let (_folder, finished) = about(&["check"], "passwords: {!credential good: ['*']}");
    assert!(finished.succeeds().contains("good (passwords)"));
    let (_folder, finished) = about(&["check"], "passwords: {written: ['*']}");
    assert!(!finished.succeeds().contains("texts of"));
}

#[test]
fn what_cannot_be_had_is_said_before_a_relay_serves() {
    for (settings, expected) in [
        ("passwords: {!file empty: ['*']}", "is empty: write the text into it"),
        ("passwords: {!env PUSU_TEST_EMPTY: ['*']}", "`!env PUSU_TEST_EMPTY`: the variable is empty"),
        ("passwords: {!env PUSU_TEST_MISSING: ['*']}", "`!env PUSU_TEST_MISSING`: there is no such variable"),
        ("passwords: {!credential missing: ['*']}", "there is no such file"),
        ("passwords: {'${PUSU_TEST_PASSWORD}': ['*']}", "write `!env NAME` in its place"),
        ("network_key_file: !file good", "`network_key_file`: `!file` stands for an option of the authenticator"),
    ] {
        for command in [&["check"][..], &["run"]] {
            let (_folder, finished) = about(command, settings);
            finished.fails_saying(&["settings.yaml", "line 3", expected]);
        }
    }
}

/// Whoever asks a relay how it is has its settings, and seldom its secrets.
#[test]
#[cfg(unix)]
fn a_relay_is_found_without_its_secrets() {
    let daemon = daemon("thread");
    let plugins = daemon.plugins().path().to_owned();
    fs::rename(plugins.join("one"), plugins.join("moved")).unwrap();
    let settings = daemon.dir().join("settings.yaml");
    for command in ["status", "health"] {
        run(pusud(&[command, "--config"]).arg(&settings)).succeeds();
    }
    let listed = run(pusud(&["plugins", "list", "--config"]).arg(&settings)).succeeds();
    assert!(listed.contains("PasswordAuthenticator"), "{listed}");
    run(pusud(&["reload", "--config"]).arg(&settings)).fails_saying(&["nothing was changed", "there is no such file"]);
    assert!(is_let_in(&daemon, "one-1"));
}

/// The name of a relay, as containers are told it.
#[test]
fn a_name_may_stand_in_a_variable() {
    let folder = PluginsDir::with([password_plugin()]);
    let setup = Setup::on_shards(1).authenticator("PasswordAuthenticator", folder).name("!env PUSU_TEST_NAME");
    let daemon = setup.settings("allow_read_by_default: true").env("PUSU_TEST_NAME", "pod-7").start();
    assert_eq!(daemon.connect().hello()["relay"], "pod-7");
    let check = |name: Option<&str>| {
        let mut command = pusud(&["check", "--config"]);
        command.env_remove("PUSU_TEST_NAME").envs(name.map(|name| ("PUSU_TEST_NAME", name)));
        run(command.arg(path_of_settings(&daemon)))
    };
    assert!(check(Some("pod-8")).succeeds().contains("pod-8"));
    check(None).fails_saying(&["`name`: `!env PUSU_TEST_NAME`: there is no such variable"]);
}

fn path_of_settings(daemon: &Daemon) -> std::path::PathBuf {
    Path::new(daemon.dir()).join("settings.yaml")
}
