//! The files in `config/` load, and `settings.example.yaml` says the truth about every key and its default.

use crate::config::outside::Reading;
use crate::config::place::Place;
use crate::config::{Config, ControlSocket, LIMITS, NatsCredentials, Overrides, keys, units, yaml};
use crate::protocol::Limits;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name)
}

/// The example with everything switched on: what stands in a comment without a space after the `#`, or with two, is YAML.
fn uncommented() -> String {
    let text = std::fs::read_to_string(path("settings.example.yaml")).unwrap();
    let switch_on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with("  ") && !rest.starts_with("   ") || rest.starts_with("    -") => {
            rest.to_owned()
        }
        Some(rest) if rest.starts_with(char::is_alphabetic) => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|line| switch_on(line) + "\n").collect()
}

#[test]
fn the_example_of_nats_is_good() {
    let text = without(&uncommented(), &["listeners:", "relays:", "network_", "backplane:"]);
    let text = format!("{text}\nbackplane: nats\n");
    let config = Config::from_text(&text, &path("settings.yaml")).unwrap();
    let nats = config.backplane.nats().unwrap();
    assert_eq!((nats.servers.len(), nats.servers.iter().all(|server| nats.encrypts(server))), (2, true));
    assert_eq!(nats.credentials, NatsCredentials::CredentialsFile(path("relay.creds")));
}

/// The text without the keys that begin so, and without the lines below them.
fn without(text: &str, keys: &[&str]) -> String {
    let mut is_left_out = false;
    let keep = |line: &&str| {
        if line.starts_with(char::is_alphabetic) {
            is_left_out = keys.iter().any(|key| line.starts_with(key));
        }
        !is_left_out
    };
    text.lines().filter(keep).map(|line| format!("{line}\n")).collect()
}

#[test]
fn both_files_load() {
    let (example, warnings) = Config::load(Some(&path("settings.example.yaml")), &Overrides::default()).unwrap();
    assert_eq!((example.authenticator.id.as_str(), warnings.len()), ("PasswordAuthenticator", 0));
    let (quickstart, warnings) = Config::load(Some(&path("quickstart.yaml")), &Overrides::default()).unwrap();
    assert_eq!((quickstart.authenticator.id.as_str(), warnings.len()), ("PasswordAuthenticator", 0));
    assert!(quickstart.client_address.is_loopback());
    assert_eq!(quickstart.authenticator.plugins_dir, path("../target/plugins"));
    let options = &quickstart.authenticator.original_options;
    assert!(options.contains_key("passwords") && options.contains_key("allow_read_by_default"), "{options:?}");
}

#[test]
fn the_relays_of_run_network_know_each_other() {
    let load = |n| Config::load(Some(&path(&format!("network/relay-{n}.yaml"))), &Overrides::default()).unwrap();
    let loaded = [1, 2, 3].map(load);
    for (at, (config, warnings)) in loaded.iter().enumerate() {
        assert!(warnings.is_empty() && config.client_address.is_loopback(), "{warnings:?}");
        assert_eq!(config.relays, loaded[0].0.relays);
        assert_eq!(config.relays[at].to_string(), format!("127.0.0.1:{}", config.network_port));
        assert_eq!(config.name, format!("relay-{}", at + 1));
        assert_eq!(usize::from(config.client_port), 55000 + 10 * at);
    }
}

#[test]
fn the_example_names_every_key_in_order() {
    let text = uncommented();
    let reading = Reading::new(Path::new(""), None);
    let settings = yaml::parse(&text, Place::SETTINGS, &reading).unwrap();
    assert_eq!(settings.len(), keys::TOP.len(), "{:?}", settings.keys());
    let place = |key: &&str| text.find(&format!("\n{key}:")).unwrap_or_else(|| panic!("`{key}` is not in the example"));
    assert!(keys::TOP.iter().map(place).is_sorted(), "the order of keys::TOP is the example's");
    let Value::Object(limits) = &settings["limits"] else { panic!("limits is a mapping") };
    assert_eq!(limits.len(), LIMITS.len());
    assert!(LIMITS.iter().all(|key| limits.contains_key(*key)), "{limits:?}");
}

#[test]
fn the_examples_defaults_are_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        let file = directory.path().join("settings.yaml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file), &Overrides::default()).unwrap().0
    };
    let listeners = without(&uncommented(), &["client_", "nats:"]);
    let simple = without(&uncommented(), &["listeners:", "nats:"]);
    assert_eq!(load(&listeners).listeners.len(), 3, "the example of the full form");
    let (shown, default) = (load(&simple), load("authenticator: PasswordAuthenticator"));
    assert!(shown.client_tls.is_some() && default.client_tls.is_none());
    assert_eq!(shown.client_address, default.client_address);
    assert_eq!(shown.client_port, default.client_port);
    assert_eq!(shown.backplane, default.backplane);
    assert_eq!(shown.network_address, default.network_address);
    assert_eq!(shown.network_port, default.network_port);
    assert_eq!(shown.network_name, default.network_name);
    assert_eq!((shown.history.bytes_max, shown.history.rules.len()), (default.history.bytes_max, 2));
    assert_eq!(shown.shards, default.shards);
    assert_eq!(shown.authenticator.plugins_dir, default.authenticator.plugins_dir);
    assert_eq!(shown.authenticator.strict_permissions, default.authenticator.strict_permissions);
    assert_eq!(shown.authenticator.on_swap, default.authenticator.on_swap);
    assert_eq!(shown.authenticator_sees, default.authenticator_sees);
    assert_eq!((&shown.limits, shown.http), (&Limits::default(), default.http));
    assert_eq!(default.control_socket, ControlSocket::ByPort);
    let text = uncommented();
    for line in [
        format!("  max_message_bytes: {}\n", units::format_bytes(Limits::default().max_message_bytes)),
        format!("  handshake_timeout: {}\n", units::format_duration(Limits::default().handshake_timeout)),
    ] {
        assert!(text.contains(&line), "the example says the default as the daemon prints it: {line}");
    }
}
