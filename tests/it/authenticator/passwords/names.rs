//! Names of passwords, as an operator throws out who has them.

use super::{expect_let_in, setup};
use crate::harness::{PluginsDir, Setup, password_plugin, pusud, run};
use serde_json::json;
use std::fs;

/// Positions named somebody else after an edit; a name is hit wherever its entry stands.
#[test]
#[cfg(unix)]
fn a_named_password_is_revoked_by_its_name_after_an_edit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords.yaml");
    fs::write(&file, "of alice: {name: alice, channels: [a]}\nof bob: {name: bob, channels: [b]}\n").unwrap();
    let daemon = setup(&format!("passwords_file: {file:?}")).start();
    let mut alice = daemon.client_with("of alice");
    let mut bob = daemon.client_with("of bob");
    fs::write(
        &file,
        "- new: [n]\n- of alice: {name: alice, channels: [a]}\n- of bob:\n    name: bob\n    channels: [b]\n",
    )
    .unwrap();
    daemon.operate(&["reload"]).succeeds();
    daemon.operate(&["revoke", "--subject", "alice"]).succeeds();
    assert_eq!(alice.expect_error("authorization_failed")["reason"], "revoked");
    alice.expect_closed(4504);
    bob.subscribe("b");
    let mut again = daemon.connect();
    again.send(json!({"type": "authorize", "authorization": "of alice"}));
    assert_eq!(again.next_json()["reason"], "revoked");
    expect_let_in(&daemon, "of bob", "b");
    expect_let_in(&daemon, "new", "n");
}

/// Two entries of a list had the same subjects for different people.
#[test]
#[cfg(unix)]
fn two_lists_of_passwords_have_subjects_of_their_own() {
    let entry = |name: &str, passwords: &str| {
        format!("{{id: PasswordAuthenticator, name: {name}, options: {{passwords: {passwords}}}}}")
    };
    let first = entry("first", "{one: [a], named: {name: alice, channels: [a]}}");
    let list = format!("[{first}, {}]", entry("second", "{two: [b]}"));
    let daemon = Setup::on_shards(1).authenticator(&list, PluginsDir::with([password_plugin()])).start();
    let mut one = daemon.client_with("one");
    let mut two = daemon.client_with("two");
    daemon.operate(&["revoke", "--subject", "password 1 of entry 2"]).succeeds();
    assert_eq!(two.expect_error("authorization_failed")["reason"], "revoked");
    two.expect_closed(4504);
    one.subscribe("a");
    let settings = daemon.dir().join("settings.yaml");
    for (password, subject) in [("one", "password 1 of entry 1"), ("two", "password 1 of entry 2"), ("named", "alice")]
    {
        let mut command = pusud(&["authorize", "--authorization", password, "--plugins-dir"]);
        let said = run(command.arg(daemon.plugins().path()).arg("--config").arg(&settings)).succeeds();
        assert!(said.contains(subject), "{said}");
    }
}
