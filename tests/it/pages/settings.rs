//! docs/operating/settings-and-limits.md: every key and every limit is there with its default, and the commands work.

use super::page::{block, code, rows, section, text};
use super::stage::Stage;
use crate::harness::{Daemon, PluginsDir, jwt_plugin, many_open_files, password_plugin, pusud, run, write_secret};
use rcgen::{CertificateParams, KeyPair};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = "docs/operating/settings-and-limits.md";

/// The keys at the top of the example file.
fn keys_of_the_example() -> BTreeSet<String> {
    let example = text("config/settings.example.yaml");
    let keys = example.lines().filter_map(|line| {
        let line = line.strip_prefix('#').unwrap_or(line);
        let (key, _) = line.split_once(':')?;
        let is_key = !key.is_empty() && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        is_key.then(|| key.to_owned())
    });
    keys.collect()
}

#[test]
fn every_key_is_there() {
    let section = section(PAGE, "Keys");
    let told: BTreeSet<String> = rows(&section).iter().map(|row| code(row[0])[0].to_owned()).collect();
    assert_eq!(told, keys_of_the_example());
}

/// What a reload takes over is what the example file has before the first key that needs a restart.
#[test]
fn what_takes_effect_with_a_reload_is_right() {
    let section = section(PAGE, "Keys");
    let running = Daemon::on_shards(1);
    let values = [
        ("authenticator_sees", "[cookie]"),
        ("client_address", "127.0.0.2"),
        ("client_port", "1"),
        ("client_tls", "{certificate: a, key: b}"),
        ("tls_ticket_key_file", "settings.yaml"),
        ("http", "{events: false}"),
        ("relays", "[a]"),
        ("network_address", "127.0.0.2"),
        ("network_port", "1"),
        ("network_name", "other"),
        ("network_key_file", "settings.yaml"),
        ("strict_key_permissions", "false"),
        ("network_encryption", "preferred"),
        ("network_tls", "{certificate: a, key: b, ca: c}"),
        ("history", "[{channels: [a], size: 1, ttl: 1s}]"),
        ("history_bytes", "1 MiB"),
        ("name", "other"),
        ("shards", "2"),
        ("control_socket", "None"),
        ("operations_address", "127.0.0.2"),
        ("operations_port", "1"),
        ("operations_tls", "{certificate: a, key: b}"),
        ("operations_token_file", "settings.yaml"),
        ("operations_hosts", "[a]"),
        ("operations_plaintext", "true"),
        ("ready_needs_relays", "1"),
        ("revocations_file", "other.json"),
        ("remembered_decisions", "7"),
    ];
    let mut restart: BTreeSet<&str> = values.iter().map(|(key, _)| *key).collect();
    restart.extend(["limits", "listeners", "backplane", "nats"]);
    for row in rows(&section) {
        let key = code(row[0])[0];
        assert_eq!(row[2], if restart.contains(key) { "restart" } else { "reload" }, "{key}");
    }
    assert_are_named(&running, &values);
    // Beside the keys of the mesh these are errors.
    let running = Daemon::on_shards(1);
    assert_are_named(&running, &[("backplane", "nats"), ("nats", "{servers: ['nats://127.0.0.1']}")]);
}

/// A reload with these keys and values names the keys as those that need a restart.
fn assert_are_named(running: &Daemon, values: &[(&str, &str)]) {
    running.edit_settings(|text| {
        let is_kept = |line: &&str| !values.iter().any(|(key, _)| line.starts_with(&format!("{key}:")));
        let kept: Vec<&str> = text.lines().filter(is_kept).collect();
        let changed = values.iter().map(|(key, value)| format!("{key}: {value}"));
        kept.iter().map(|&line| line.to_owned()).chain(changed).collect::<Vec<_>>().join("\n")
    });
    running.reload();
    let named = running.log().lines().into_iter().find(|line| line.contains("but needs a restart"));
    let named = named.expect("the log names the keys that need a restart");
    for (key, _) in values {
        assert!(named.contains(key), "{key} is not in: {named}");
    }
}

/// Limits that nothing limits are shown so by `pusud check`.
fn as_shown(value: &str) -> String {
    match value {
        "[]" => "any".to_owned(),
        "0" => "off".to_owned(),
        other => other.to_owned(),
    }
}

#[test]
fn every_limit_is_there_with_its_default() {
    many_open_files();
    let folder = tempfile::tempdir().unwrap();
    let shown = run(pusud(&["check"]).current_dir(&folder)).succeeds();
    let limits = shown.lines().skip_while(|line| *line != "limits").skip(1);
    let limits = limits.map_while(|line| line.strip_prefix("  ")?.split_once(' '));
    let shown: BTreeMap<String, String> = limits.map(|(key, value)| (key.into(), value.trim().into())).collect();
    let section = section(PAGE, "Limits");
    let told = rows(&section).into_iter().map(|row| (code(row[0])[0].to_owned(), as_shown(code(row[1])[0])));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), shown);
}

#[test]
fn the_settings_and_the_commands_work() {
    let Some(stage) = Stage::new("settings-and-limits.md, commands") else { return };
    stage.write("short.yaml", &block(PAGE, "How settings work", "yaml"));
    let said = stage.shell("pusud check --config short.yaml").succeeds();
    assert!(said.contains("max_connections                 2000"), "{said}");
    let said = stage.shell(&block(PAGE, "How settings work", "sh")).succeeds();
    assert!(said.contains("memory at most") && said.ends_with("everything is in order"), "{said}");
    let said = stage.shell(&block(PAGE, "Trying an authorization", "sh")).succeeds();
    assert!(said.contains("granted") && said.contains("yes, by `*`"), "{said}");
}

#[test]
fn a_list_of_authenticators_is_good() {
    let plugins = PluginsDir::with([password_plugin(), jwt_plugin()]);
    let settings = plugins.path().join("list.yaml");
    std::fs::write(&settings, block(PAGE, "Several authenticators", "yaml")).unwrap();
    let said = run(pusud(&["check", "--config"]).arg(&settings).arg("--plugins-dir").arg(plugins.path())).succeeds();
    assert!(said.contains("2 decide, in this order") && said.contains("jwt_signing_algorithms"), "{said}");
    let section = section(PAGE, "Several authenticators");
    let told: BTreeSet<&str> = rows(&section).iter().flat_map(|row| code(row[0])).collect();
    for key in text("pusud/src/config/authenticator_list.rs")
        .split("const KEYS")
        .nth(1)
        .unwrap()
        .split("];")
        .next()
        .unwrap()
        .split('"')
        .skip(1)
        .step_by(2)
    {
        assert!(told.contains(key), "{key} is not in {told:?}");
    }
}

#[test]
fn nats_is_good() {
    let folder = tempfile::tempdir().unwrap();
    write_secret(&folder.path().join("nats.password"), "hunter2");
    let ca = CertificateParams::new(vec!["ca".to_owned()]).unwrap().self_signed(&KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.path().join("nats-ca.pem"), ca.pem()).unwrap();
    let settings = folder.path().join("nats.yaml");
    std::fs::write(&settings, block(PAGE, "NATS", "yaml")).unwrap();
    let said = run(pusud(&["check", "--config"]).arg(&settings)).succeeds();
    assert!(
        said.contains("tls://nats-2.example.com:4222") && said.contains("user \"relays\" and a password"),
        "{said}"
    );
    let section = section(PAGE, "NATS");
    let told: BTreeSet<&str> = rows(&section).iter().flat_map(|row| code(row[0])).collect();
    let keys = text("pusud/src/config/nats.rs");
    let keys = keys.split("const KEYS").nth(1).unwrap().split(";\n").next().unwrap();
    let keys: BTreeSet<&str> = keys.split('"').skip(1).step_by(2).collect();
    assert!(told.is_superset(&keys) && keys.len() == 7, "{keys:?} and {told:?}");
}

#[test]
fn history_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("history.yaml");
    std::fs::write(&settings, block(PAGE, "History", "yaml")).unwrap();
    let said = run(pusud(&["check", "--config"]).arg(&settings)).succeeds();
    assert!(said.contains("2 entries, at most 256 MiB") && said.contains("auction.*, *.bids"), "{said}");
    let section = section(PAGE, "History");
    let told: Vec<&str> = rows(&section).iter().flat_map(|row| code(row[0])).collect();
    let keys = text("pusud/src/config/history.rs");
    let keys = keys.split("const KEYS").nth(1).unwrap().split(";\n").next().unwrap();
    assert_eq!(told, keys.split('"').skip(1).step_by(2).collect::<Vec<_>>());
}
