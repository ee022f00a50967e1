//! Passwords in a file of their own, which is read again when it changes.

use super::{check, expect_let_in, expect_refused, is_let_in, setup};
use crate::harness::{DEADLINE, Daemon, pusud, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

struct Stage {
    daemon: Daemon,
    folder: tempfile::TempDir,
}

impl Stage {
    fn with(text: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passwords.yaml");
        fs::write(&file, text).unwrap();
        let daemon = setup(&format!("passwords_file: {file:?}\n{more}")).start();
        Self { daemon, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("passwords.yaml")
    }

    /// Moved into place, so that nobody reads half of it.
    fn write(&self, text: &str) {
        let beside = self.folder.path().join("new");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, self.file()).unwrap();
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&Daemon) -> bool) {
        let began = Instant::now();
        while !is_so(&self.daemon) {
            assert!(began.elapsed() < DEADLINE, "waited in vain for {what}:\n{}", self.daemon.log().text());
        }
    }
}

#[test]
fn a_changed_file_holds_without_a_signal_and_a_broken_one_does_not() {
    let stage = Stage::with("old: [old]\n", "passwords: {in the settings: [s]}");
    expect_let_in(&stage.daemon, "old", "old");
    expect_let_in(&stage.daemon, "in the settings", "s");
    let hash = crate::harness::run_with_input(&mut pusud(&["hash-password"]), "new").succeeds();
    stage.write(&format!("- '{}': [new]\n", hash.trim()));
    stage.wait_until("the new password", |daemon| is_let_in(daemon, "new"));
    expect_let_in(&stage.daemon, "new", "new");
    expect_refused(&stage.daemon, "old");
    stage.write("newer: [newer]\n'$1$hunter2$': [x]\n");
    let degraded = |daemon: &Daemon| daemon.status()["authenticator"]["condition"]["state"] == "degraded";
    stage.wait_until("the broken file in the status", degraded);
    let why = stage.daemon.status()["authenticator"]["condition"]["why"].to_string();
    let wanted = "passwords.yaml: entry 2: looks like an MD5-crypt hash";
    assert!(why.contains("option `passwords_file`: ") && why.contains(wanted) && !why.contains("hunter2"), "{why}");
    expect_let_in(&stage.daemon, "new", "new");
    expect_refused(&stage.daemon, "newer");
    let log = stage.daemon.log().text();
    assert!(log.contains("what was read before goes on to hold") && !log.contains("hunter2"), "{log}");
    stage.write("newer: [newer]\n");
    stage.wait_until("the file in order again", |daemon| is_let_in(daemon, "newer"));
    expect_let_in(&stage.daemon, "in the settings", "s");
    let status = run(pusud(&["status", "--config"]).arg(stage.daemon.dir().join("settings.yaml"))).succeeds();
    assert!(status.contains("file_read_timestamp_seconds{option=\"passwords_file\"}"), "{status}");
}

#[test]
fn a_reload_says_what_is_wrong_with_the_file() {
    let stage = Stage::with("old: [old]\n", "");
    let reload = || run(pusud(&["reload", "--config"]).arg(stage.daemon.dir().join("settings.yaml")));
    stage.write("new: [new]\n");
    reload().succeeds();
    expect_let_in(&stage.daemon, "new", "new");
    stage.write("hunter2: new\n");
    let said = reload().fails_saying(&["passwords.yaml: entry 1: expected a list of patterns, or `{name: alice, channels: [\"news.*\"]}`, found a string"]);
    assert!(!said.contains("hunter2"), "{said}");
    expect_let_in(&stage.daemon, "new", "new");
}

#[test]
fn bad_files_are_one_message_each_at_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords.yaml");
    let options = format!("passwords_file: {file:?}");
    let fails = |wanted: &str| {
        let said = check(&options).fails_saying(&[wanted]);
        assert!(said.contains(&format!("option `passwords_file`: {}: ", shown(&file))), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    };
    fails("");
    for (text, wanted) in [
        ("", "the file is empty"),
        ("hunter2: [a\n", "not valid YAML"),
        ("x: [a]\nhunter2: [\"\"]", "entry 2, item 1: expected a pattern of 1 to 255 bytes"),
        ("- hunter2", "item 1: expected one password with its list of patterns"),
        (&"#".repeat((1 << 20) + 1), "expected a file of at most 1048576 bytes"),
    ] {
        fs::write(&file, text).unwrap();
        fails(wanted);
    }
    fs::write(&file, "{}").unwrap();
    check(&options).fails_saying(&["nobody could connect"]);
    fs::write(&file, "hunter2: []").unwrap();
    let said = check(&options);
    assert!(said.status.success(), "{said:?}");
    assert!(said.stderr.contains("option `passwords_file`, entry 1: has no patterns"), "{said:?}");
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// `!file` has warned of that, and a file of passwords that everybody could read has not.
#[test]
#[cfg(unix)]
fn a_file_that_is_open_to_others_is_said_at_the_check_and_while_the_relay_serves() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::with("hunter2: [a]", "");
    let set = |mode| fs::set_permissions(stage.file(), fs::Permissions::from_mode(mode)).unwrap();
    let options = format!("passwords_file: {:?}", stage.file());
    for (mode, wanted) in [
        (0o600, None),
        (0o640, None),
        (0o604, Some("can be read by everybody (mode 0604), and it holds a secret: `chmod 600`")),
        (0o620, Some("can be written by its group (mode 0620)")),
    ] {
        set(mode);
        let said = check(&options);
        assert!(said.status.success() && !said.stderr.contains("hunter2"), "{said:?}");
        let place = |wanted: &str| format!("WARN option `passwords_file`: {}: {wanted}", shown(&stage.file()));
        match wanted {
            None => assert!(!said.stderr.contains("WARN"), "{said:?}"),
            Some(wanted) => assert!(said.stderr.contains(&place(wanted)), "{said:?}"),
        }
    }
    let said_so = |daemon: &Daemon| daemon.log().text().contains("can be written by its group (mode 0620)");
    stage.wait_until("the warning about the new mode", said_so);
}
