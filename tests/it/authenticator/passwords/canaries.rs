//! Canaries of `PasswordAuthenticator`: passwords in a file, as hashes of every kind, and on their way to a hash.

use super::setup;
use crate::authenticator::secrets::{AUTHORIZATION, OPTION, assert_daemon_clean, assert_output_clean, send_all};
use crate::harness::{PluginsDir, Setup, password_plugin, pusud, run, run_with_input, script};
use serde_json::{Map, Value, json};
use std::fs;

/// Hashes of the authorization, of each kind that another program here makes.
fn hashes_of_it() -> String {
    let kinds = ["argon2id", "bcrypt-2b", "scrypt", "pbkdf2-sha256", "sha512-crypt", "mosquitto"];
    let wanted: Map<_, _> = kinds.iter().map(|kind| ((*kind).to_owned(), json!(AUTHORIZATION))).collect();
    let made = run_with_input(&mut script("make_hashes.py"), &json!(wanted).to_string()).succeeds();
    let made: Map<String, Value> = serde_json::from_str(&made).unwrap();
    made.values().map(|hash| format!("  {hash}: ['*']\n")).collect()
}

/// A file with passwords that changes while a relay runs, into one that is broken in every way.
#[test]
fn a_file_of_passwords_that_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    fs::write(&file, format!("{OPTION}: ['*']")).unwrap();
    let daemon = setup(&format!("passwords_file: {file:?}")).log_level("trace").start();
    daemon.client_with(OPTION);
    for broken in [
        format!("{OPTION}: {OPTION}"),
        format!("'$1${OPTION}${OPTION}': [a]"),
        format!("'$2b$10${OPTION}': [a]"),
        format!("'$7$1${OPTION}${OPTION}': [a]"),
        format!("'{{{OPTION}}}x': [a]"),
        format!("x: [a\n{OPTION}: [b]"),
        format!("x: !{OPTION} [a]"),
        format!("? [{OPTION}]\n: [a]"),
        format!("- {OPTION}\n"),
        format!("*{OPTION}"),
    ] {
        fs::write(&file, &broken).unwrap();
        let reload = run(pusud(&["reload", "--config"]).arg(daemon.dir().join("settings.yaml")));
        assert_eq!(reload.status.code(), Some(1), "{broken}: {reload:?}");
        assert_output_clean(&broken, &reload);
        assert_daemon_clean(&daemon);
    }
    daemon.client_with(OPTION);
}

/// The password is neither in what is printed nor in what is said about it.
#[test]
fn a_password_that_is_hashed() {
    for input in [OPTION.to_owned(), format!("{OPTION}\n{OPTION}\n"), OPTION.repeat(2000)] {
        assert_output_clean("hash-password", &run_with_input(&mut pusud(&["hash-password"]), &input));
    }
}

/// Whoever comes, with the password or with something else, of all kinds of messages.
#[test]
fn passwords_in_a_file_and_as_hashes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    fs::write(&file, format!("{OPTION}: ['*']\nplain:{AUTHORIZATION}: ['*']\n")).unwrap();
    for options in [format!("passwords_file: {file:?}"), format!("passwords:\n{}", hashes_of_it())] {
        let plugins = PluginsDir::with([password_plugin()]);
        let options: String = options.lines().map(|line| format!("  {line}\n")).collect();
        let settings = format!("authenticator_options:\n{options}limits:\n  max_message_bytes: 4 KiB\n");
        let setup = Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).log_level("trace");
        let daemon = setup.settings(&settings).start();
        daemon.client_with(AUTHORIZATION).subscribe("a");
        send_all(&daemon);
        assert_daemon_clean(&daemon);
    }
}
