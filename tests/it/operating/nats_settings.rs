//! The settings of NATS from outside: `pusud check` looks at them, a relay that runs says that they need a restart, and
//! nobody shows a secret.

use crate::harness::{Setup, operations_request, pusud, root, run, write_secret};
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const SECRET: &str = "canary-of-nats";

fn settings_in(folder: &TempDir, more: &str) -> PathBuf {
    let file = folder.path().join("settings.yaml");
    fs::write(&file, format!("authenticator: None\nclient_address: 127.0.0.1\n{more}\n")).unwrap();
    file
}

/// A row that `pusud check` prints.
fn row<'a>(shown: &'a str, key: &str) -> &'a str {
    let row = shown.lines().find_map(|line| line.strip_prefix(&format!("  {key} ")));
    row.unwrap_or_else(|| panic!("no {key}:\n{shown}")).trim()
}

#[test]
fn check_shows_how_servers_are_reached_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings_in(
        &folder,
        &format!(
            "backplane: nats\nnats: {{servers: ['nats://127.0.0.1', 'tls://[::1]:7'], user: pusu, password: {SECRET}}}"
        ),
    );
    let shown = run(pusud(&["check", "--config"]).arg(&settings)).succeeds();
    assert_eq!(row(&shown, "nats.servers"), "nats://127.0.0.1:4222 (without TLS, unless the server demands it)");
    assert!(shown.contains("tls://[::1]:7\n") && !shown.contains(SECRET), "{shown}");
    assert_eq!((row(&shown, "backplane"), row(&shown, "nats credentials")), ("nats", "user \"pusu\" and a password"));
}

fn fixture(name: &str) -> String {
    fs::read_to_string(root().join("tests/fixtures/nats").join(name)).unwrap()
}

#[test]
fn check_reads_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let nats =
        |more: &str| settings_in(&folder, &format!("backplane: nats\nnats: {{servers: ['nats://127.0.0.1'], {more}}}"));
    let check = |more: &str| run(pusud(&["check", "--config"]).arg(nats(more)));
    let (path, key) = (|name: &str| folder.path().join(name), KeyPair::generate().unwrap());
    check("nkey_seed_file: relay.nk").fails_saying(&["`nats.nkey_seed_file`", "relay.nk: there is no such file"]);
    write_secret(&path("relay.nk"), SECRET);
    check("nkey_seed_file: relay.nk").fails_saying(&["`nats.nkey_seed_file`", "expected an nkey seed of a user"]);
    let (seed, credentials) = (fixture("relay.nk"), fixture("relay.creds"));
    write_secret(&path("relay.nk"), &seed);
    write_secret(&path("relay.creds"), &credentials);
    let shown = check("nkey_seed_file: relay.nk, tls: {}").succeeds();
    assert!(row(&shown, "nats.servers").ends_with("(with TLS, by `nats.tls`)"), "{shown}");
    fs::write(
        path("relay.pem"),
        CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&key).unwrap().pem(),
    )
    .unwrap();
    write_secret(&path("other.key"), &KeyPair::generate().unwrap().serialize_pem());
    let tls = |key: &str| {
        format!("credentials_file: relay.creds, tls: {{ca: relay.pem, certificate: relay.pem, key: {key}}}")
    };
    check(&tls("other.key")).fails_saying(&["`nats.tls`", "relay.pem", "other.key"]);
    write_secret(&path("relay.key"), &key.serialize_pem());
    let shown = check(&tls("relay.key")).succeeds();
    assert!(row(&shown, "nats.tls").starts_with("{ca: ") && !shown.contains(seed.trim()), "{shown}");
}

#[test]
#[cfg(unix)]
fn a_seed_that_everybody_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.nk");
    write_secret(&file, &fixture("relay.nk"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
    let nats = "backplane: nats\nnats: {servers: ['nats://127.0.0.1'], nkey_seed_file: relay.nk}";
    run(pusud(&["check", "--config"]).arg(settings_in(&folder, nats))).fails_saying(&[
        "`nats.nkey_seed_file`",
        "mode 0604",
        "`strict_key_permissions: false`",
    ]);
    let settings = settings_in(&folder, &format!("{nats}\nstrict_key_permissions: false"));
    run(pusud(&["check", "--config"]).arg(settings)).succeeds();
}

#[test]
fn keys_of_the_mesh_beside_it_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings_in(&folder, "backplane: nats\nnats: {servers: ['nats://127.0.0.1']}\nrelays: [a]");
    run(pusud(&["check", "--config"]).arg(settings))
        .fails_saying(&["`relays` and `backplane: nats` exclude each other", "through the NATS servers"]);
}

#[test]
fn a_relay_that_runs_says_what_needs_a_restart_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    write_secret(&password, SECRET);
    let daemon = Setup::on_shards(1).with_operations().log_level("trace").start();
    let nats = format!("nats: {{servers: ['nats://127.0.0.1'], user: pusu, password: !file {password:?}}}");
    daemon.edit_settings(|text| format!("{text}\nbackplane: nats\n{nats}\n"));
    let shown = daemon.ask_operations(&operations_request("GET", "/api/v1/settings").bearer(&daemon.token("read")));
    let shown = shown.expect(200).body;
    for part in [
        r#"{"key":"backplane","now":"mesh","then":"nats","needs_restart":true}"#,
        r#"{"key":"nats.user","now":"none","then":"pusu","needs_restart":true}"#,
        r#"{"key":"nats.password","now":"none","then":"(not shown)","needs_restart":true}"#,
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    daemon.reload();
    let said = |line: &&String| line.contains("needs a restart: backplane, nats");
    daemon.log().wait("the reload to say so", |lines| lines.iter().find(said).map(drop));
    // The settings name the file now, so it is looked at.
    let another = format!("{SECRET}-2");
    write_secret(&password, &another);
    daemon.log().wait("another password to need a restart", |lines| lines.iter().filter(said).nth(1).map(drop));
    let log = daemon.log().text();
    assert!(!shown.contains(SECRET) && !log.contains(SECRET), "{shown}\n{log}");
}
