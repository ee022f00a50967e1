//! Passwords in a file of their own.

use super::*;
use pusu_plugin_api::testing::Relay;
use pusu_plugin_api::{Condition, Level};
use std::fs;
use std::path::PathBuf;

struct Stage {
    relay: Relay,
    folder: tempfile::TempDir,
}

impl Stage {
    fn with(text: &str) -> Self {
        let stage = Self { relay: Relay::new(), folder: tempfile::tempdir().unwrap() };
        fs::write(stage.path(), text).unwrap();
        stage
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("passwords.yaml")
    }

    fn options(&self, more: &str) -> String {
        format!(r#"{{"passwords_file":{:?}{more}}}"#, self.path())
    }

    fn create(&self, more: &str) -> Result<PasswordAuthenticator, CreateError> {
        self.relay.create(&self.options(more))
    }

    /// The beginning of messages about the file.
    fn place(&self) -> String {
        format!("option `passwords_file`: {}: ", self.path().display())
    }
}

fn patterns(authenticator: &PasswordAuthenticator, password: &str) -> Vec<String> {
    ask(authenticator, password.as_bytes()).permissions().iter().map(|each| each.pattern.clone()).collect()
}

#[test]
fn what_the_file_and_the_settings_give_adds_up() {
    let hash = phc(Algorithm::Argon2id, "both");
    let stage = Stage::with(&format!("- in the file: [a]\n- '{hash}': [b]\n"));
    let authenticator = stage.create(r#","passwords":{"in the settings":["c"],"both":["d"]}"#).unwrap();
    for (password, wanted, subject) in [
        ("in the file", &["a"][..], "file password 1"),
        ("both", &["d", "b"], "password 2"),
        ("in the settings", &["c"], "password 1"),
    ] {
        assert_eq!(patterns(&authenticator, password), wanted);
        assert_eq!(ask(&authenticator, password.as_bytes()).subject(), subject);
    }
    assert_eq!(ask(&authenticator, b"neither").decision(), Decision::Refuse);
    assert_eq!(authenticator.health(), Condition::Good);
}

#[test]
fn a_reload_reads_the_file_and_a_broken_one_changes_nothing() {
    let stage = Stage::with("old: [a]\n");
    let authenticator = stage.create("").unwrap();
    fs::write(stage.path(), "new: [b, c]\n").unwrap();
    assert_eq!(authenticator.reload(), Ok(()));
    assert_eq!(patterns(&authenticator, "new"), ["b", "c"]);
    assert_eq!(ask(&authenticator, b"old").decision(), Decision::Refuse);
    for (broken, wanted) in [
        ("new: [b\n", "not valid YAML: "),
        ("", "the file is empty; write `{}`"),
        ("x: [a]\n$1$hunter2$: [b]\n", "entry 2: looks like an MD5-crypt hash"),
        ("'': [b]\n", "entry 1: the password is empty"),
        ("$2b$31$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS: [b]\n", "entry 1: bcrypt with cost 31: each"),
    ] {
        fs::write(stage.path(), broken).unwrap();
        let error = authenticator.reload().unwrap_err().to_string();
        assert!(error.starts_with(&(stage.place() + wanted)) && !error.contains("hunter2"), "{error}");
        assert_eq!(authenticator.health(), Condition::Degraded(error));
        assert_eq!(patterns(&authenticator, "new"), ["b", "c"]);
    }
    fs::write(stage.path(), "{}").unwrap();
    assert_eq!((authenticator.reload(), authenticator.health()), (Ok(()), Condition::Good));
    assert_eq!(ask(&authenticator, b"new").decision(), Decision::Refuse);
}

#[test]
fn what_is_wrong_at_the_start_is_wrong_for_a_check_too() {
    let stage = Stage::with("x: a\n");
    let check = || testing::check::<PasswordAuthenticator>(&stage.options("")).err().map(|error| error.to_string());
    let create = || stage.create("").err().map(|error| error.to_string());
    for (text, wanted) in [
        (
            "x: a\n",
            stage.place()
                + "entry 1: expected a list of patterns, or `{name: alice, channels: [\"news.*\"]}`, found a string",
        ),
        ("{}", "nobody could connect: ".into()),
        (&"#".repeat((1 << 20) + 1), stage.place() + "expected a file of at most 1048576 bytes, found a longer one"),
        (
            &format!("x: [{}]", ["a"; 1024].join(",")),
            stage.place() + "entry 1: expected at most 1023 patterns, found 1024",
        ),
    ] {
        fs::write(stage.path(), text).unwrap();
        let (checked, created) = (check().unwrap(), create().unwrap());
        assert!(checked.starts_with(&wanted) && checked == created, "{checked}\n{created}");
    }
    fs::write(stage.path(), "x: [a]").unwrap();
    assert_eq!((check(), create()), (None, None));
    fs::remove_file(stage.path()).unwrap();
    let (checked, created) = (check().unwrap(), create().unwrap());
    assert!(checked.starts_with(&stage.place()) && checked == created, "{checked}\n{created}");
    assert_eq!(error(r#"{"passwords_file":7}"#), "option `passwords_file`: expected path string, found a number");
}

/// What the whole takes is said again when the file makes it more.
#[test]
fn a_file_that_takes_more_memory_is_told() {
    let stage = Stage::with("x: [a]");
    let authenticator = stage.create("").unwrap();
    fs::write(stage.path(), "$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo: [a]").unwrap();
    assert_eq!(authenticator.reload(), Ok(()));
    let told = |line: &testing::Line| line.level == Level::Info && line.text.contains("takes 8 MiB for a client");
    assert!(stage.relay.lines().iter().any(told), "{:?}", stage.relay.lines());
    assert_eq!(stage.relay.metric("memory_bytes_max", &[]), Some(f64::from(256 << 20)));
}
