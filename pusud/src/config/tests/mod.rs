//! Settings files through [`Config::load`]: what they mean, and what is wrong with them.

mod bad_files;
mod examples;
mod history;
mod nats;
mod outside;

use super::*;
use crate::protocol::AllowedOrigin;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// What operators of the original have in their files.
const ORIGINAL: &str = "
authenticator: None
relays:
  - relay-1.example.com
  - relay-2.example.com
client_port: 55000
network_port: 55001
allowed_channels:
  - auction.*
  - category.*
  - product.*
  - users.*
passwords:
  - Password1:
    - valid.*
    - channels.*
  - Password2:
    - \"*\"
allow_read_by_default: true
jwt_signing_algorithms:
  - HS256
jwt_verification_key: secret
";

fn load(text: &str) -> anyhow::Result<(Config, Vec<String>)> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("settings.yaml");
    fs::write(&file, text).unwrap();
    Config::load(Some(&file), &Overrides::default())
}

fn loaded(text: &str) -> Config {
    load(text).unwrap_or_else(|error| panic!("{text:?} gave: {error:#}")).0
}

fn shown(relays: &[PeerAddress]) -> Vec<String> {
    relays.iter().map(PeerAddress::to_string).collect()
}

#[test]
fn the_originals_file_loads() {
    let (config, warnings) = load(ORIGINAL).unwrap();
    assert_eq!(config.authenticator.id, "None");
    assert_eq!(shown(&config.relays), ["relay-1.example.com:55001", "relay-2.example.com:55001"]);
    assert_eq!((config.client_port, config.network_port), (55000, 55001));
    assert_eq!(
        Value::Object(config.authenticator.original_options),
        json!({
            "allowed_channels": ["auction.*", "category.*", "product.*", "users.*"],
            "passwords": [{"Password1": ["valid.*", "channels.*"]}, {"Password2": ["*"]}],
            "allow_read_by_default": true,
            "jwt_signing_algorithms": ["HS256"],
            "jwt_verification_key": "secret",
        })
    );
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("`authenticator: None` on 0.0.0.0:55000"), "{warnings:?}");
    assert!(warnings[1].contains("`relays` without `network_key_file`: whoever reaches 0.0.0.0:55001"), "{warnings:?}");
    let mapping = loaded("authenticator: X\npasswords:\n  Password1: [a.*]\n  12345: [b.*]\n");
    assert_eq!(mapping.authenticator.original_options["passwords"], json!({"Password1": ["a.*"], "12345": ["b.*"]}));
}

#[test]
fn defaults() {
    let config = loaded("authenticator: PasswordAuthenticator");
    assert_eq!((config.client_address, config.client_port), (Ipv4Addr::UNSPECIFIED.into(), 55000));
    assert_eq!((config.network_address, config.network_port), (Ipv4Addr::UNSPECIFIED.into(), 55001));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.name, host_name::host_name());
    assert_eq!(config.shards, available_parallelism().unwrap().get().min(SHARDS_MAX));
    assert_eq!(config.http, HttpConfig::default());
    assert_eq!((config.network_name.as_str(), config.network_key_file), ("pusu", None));
    assert_eq!(config.network_encryption, Encryption::Off);
    assert_eq!(loaded("authenticator: X\nnetwork_key_file: k").network_encryption, Encryption::Preferred);
    assert!(config.relays.is_empty() && !config.authenticator.strict_permissions);
    assert_eq!(config.authenticator.on_swap, OnSwap::Keep);
    assert_eq!(config.authenticator.isolation_memory, Some(ISOLATION_MEMORY));
    assert_eq!((config.authenticator.create_timeout, config.authenticator.restarts), (Duration::from_secs(30), true));
    assert_eq!(config.authenticator.plugins_dir, config.file.unwrap().with_file_name("plugins"));
}

#[test]
fn every_key_is_read() {
    let sha256 = "0123456789ABCDEF".repeat(4);
    let config = loaded(&format!(
        "authenticator: Mine\nauthenticator_options: {{secrets: [a, 1], nested: {{b: null}}}}\n\
         authenticator_sha256: '{sha256}'\nisolation: process\nisolation_memory: 16 GiB\nauthenticator_create_timeout: 1min\nauthenticator_restart: false\nplugin_data_dir: data\nplugins_dir: /opt/plugins\nstrict_plugin_permissions: true\n\
         max_authorization_life: 30days\non_swap: reauthorize\nauthenticator_sees: [Cookie, x-a]\nclient_address: '::1'\nclient_port: 0\nnetwork_address: 10.0.0.1\nnetwork_port: 7\nname: relay-7\nshards: 3\n\
         relays: [a, 'b:1', 10.0.0.2, '[::1]:9', '::1', '[::1]', a]\nnetwork_name: lab\nnetwork_key_file: /etc/key\nstrict_key_permissions: false\nnetwork_encryption: required\nnetwork_tls: {{certificate: a.pem, key: a.key, ca: /ca.pem}}\n\
         limits: {{max_message_bytes: 2 MiB, max_header_bytes: 4096, handshake_timeout: 500ms, \
         authorize_call_timeout: 1.5, outbox_bytes: 4 MiB, max_fragments: 7, message_timeout: 3s, ping_interval: 0, \
         keep_alive_timeout: 80, pong_timeout: 4s, outbox_soft_bytes: 3 MiB, outbox_soft_time: 6s, write_deadline: 8s, max_subscriptions: 10000, \
         max_channel_bytes: 9, max_json_depth: 11, max_queued_bytes: 8 GiB, publish_rate: 12, publish_burst: 13, \
         max_unauthorized_message_bytes: 1 KiB, authorize_timeout: 2, \
         max_authorize_attempts: 5, max_handshakes: 77, max_connections: 700, max_unauthorized: 600, max_unauthorized_per_address: 0, \
         max_connections_per_address: 500, allowed_origins: ['https://a.example', 'null', 'https://*.B'], drain_grace: 0, \
         drain_spread: 1m}}\n\
         http: {{publish: false, events: false, history: false}}\ncontrol_socket: run/p.sock\nrevocations_file: r.json\nremembered_decisions: 7"
    ));
    assert_eq!(Value::Object(config.authenticator.options), json!({"secrets": ["a", 1], "nested": {"b": null}}));
    assert_eq!(config.authenticator.sha256, Some(sha256.to_lowercase()));
    assert_eq!(config.authenticator.plugins_dir, Path::new("/opt/plugins"));
    assert_eq!(
        (config.authenticator.isolation, config.authenticator.isolation_memory),
        (Isolation::Process, Some(16 << 30))
    );
    assert_eq!(config.revocations_file, config.file.as_ref().map(|file| file.with_file_name("r.json")));
    assert_eq!((config.remembered_decisions, loaded("authenticator: X").remembered_decisions), (7, 1000));
    assert_eq!(config.authenticator.max_life, Some(Duration::from_secs(30 * 24 * 3600)));
    assert_eq!(loaded("authenticator: X\nmax_authorization_life: 0").authenticator.max_life, None);
    assert_eq!(loaded("authenticator: X\nisolation_memory: 0").authenticator.isolation_memory, None);
    assert_eq!((config.authenticator.create_timeout, config.authenticator.restarts), (Duration::from_secs(60), false));
    let settings_dir = config.file.as_ref().and_then(|file| file.parent()).unwrap();
    assert_eq!(config.authenticator.data_dir, Some(settings_dir.join("data")));
    assert_eq!(config.authenticator.settings_dir.as_deref(), Some(settings_dir));
    assert_eq!(config.authenticator.relay_name, "relay-7");
    assert!(config.authenticator.strict_permissions);
    assert_eq!(config.authenticator.on_swap, OnSwap::Reauthorize);
    assert_eq!(config.authenticator_sees.iter().collect::<Vec<_>>(), ["cookie", "x-a"]);
    assert!(loaded("authenticator: X\nauthenticator_sees:").authenticator_sees.is_empty());
    assert_eq!((config.client_address.to_string(), config.client_port), ("::1".to_owned(), 0));
    assert_eq!((config.network_address.to_string(), config.network_port), ("10.0.0.1".to_owned(), 7));
    assert_eq!((config.name.as_str(), config.shards, config.network_name.as_str()), ("relay-7", 3, "lab"));
    assert_eq!(shown(&config.relays), ["a:7", "b:1", "10.0.0.2:7", "[::1]:9", "[::1]:7"]);
    assert_eq!(config.network_key_file.as_deref(), Some(Path::new("/etc/key")));
    assert_eq!(config.network_encryption, Encryption::Required);
    let files = config.network_tls.unwrap();
    assert_eq!([files.certificate, files.key], [settings_dir.join("a.pem"), settings_dir.join("a.key")]);
    assert_eq!(files.ca, Path::new("/ca.pem"));
    assert!(!config.strict_key_permissions && loaded("authenticator: X").strict_key_permissions);
    let limits = Limits {
        max_message_bytes: 2 << 20,
        max_unauthorized_message_bytes: 1 << 10,
        max_header_bytes: 4096,
        handshake_timeout: Duration::from_millis(500),
        max_handshakes: 77,
        authorize_timeout: Duration::from_secs(2),
        max_authorize_attempts: 5,
        authorize_call_timeout: Duration::from_millis(1500),
        keep_alive_timeout: Duration::from_secs(80),
        outbox_bytes: 4 << 20,
        max_fragments: 7,
        message_timeout: Duration::from_secs(3),
        ping_interval: Duration::ZERO,
        pong_timeout: Duration::from_secs(4),
        outbox_soft_bytes: 3 << 20,
        outbox_soft_time: Duration::from_secs(6),
        write_deadline: Duration::from_secs(8),
        max_subscriptions: 10_000,
        max_channel_bytes: 9,
        max_json_depth: 11,
        max_queued_bytes: 8 << 30,
        publish_rate: 12,
        publish_burst: 13,
        max_connections: 700,
        max_unauthorized: 600,
        max_unauthorized_per_address: 0,
        max_connections_per_address: 500,
        allowed_origins: ["https://a.example:443", "null", "https://*.b"]
            .map(|origin| AllowedOrigin::parse(origin).unwrap())
            .into(),
        drain_grace: Duration::ZERO,
        drain_spread: Duration::from_secs(60),
    };
    assert_eq!(config.limits, limits);
    assert_eq!(config.http, HttpConfig { publish: false, events: false, history: false });
    let ControlSocket::At(socket) = &config.control_socket else { panic!("{:?}", config.control_socket) };
    assert!(socket.is_absolute() && socket.ends_with("run/p.sock"), "{}", socket.display());
    assert_eq!(loaded("authenticator: X\ncontrol_socket: None").control_socket, ControlSocket::None);
}

#[test]
fn what_is_commented_out_below_a_key_leaves_the_default() {
    let config = loaded(
        "authenticator: X\nrelays:\n  # - a\nlimits:\n  # x: 1\nhttp:\n  # y: 1\nauthenticator_options:\npasswords:\nname: r\nshards: 0\n",
    );
    assert!(config.relays.is_empty() && config.authenticator.options.is_empty());
    assert!(config.authenticator.original_options.is_empty(), "an empty option is one that is not set");
    assert_eq!((config.limits, config.http), (Limits::default(), HttpConfig::default()));
    assert_eq!(
        loaded("authenticator: X\nhttp: {events: false}").http,
        HttpConfig { events: false, ..HttpConfig::default() }
    );
}

#[test]
fn without_a_file_only_this_machine_is_served() {
    let (config, warnings) = Config::without_file();
    assert_eq!(config.authenticator.id, "None");
    assert_eq!(config.client_address, Ipv4Addr::LOCALHOST);
    assert_eq!(config.file, None);
    assert!(warnings[0].contains("there is no settings.yaml"), "{warnings:?}");
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
}

#[test]
fn warnings_are_for_what_is_hardly_meant() {
    for (text, expected) in [
        ("authenticator: None\nclient_address: 127.0.0.1", None),
        ("authenticator: None\nclient_address: '::ffff:127.0.0.1'", None),
        ("authenticator: None\nclient_address: '::'", Some("on [::]:55000")),
        ("authenticator: A\nclient_address: 0.0.0.0", None),
        (
            "authenticator: None\nclient_address: 127.0.0.1\nauthenticator_options: {a: 1}",
            Some("`authenticator_options`"),
        ),
        ("authenticator: A\nisolation_memory: 8 GiB", Some("`isolation_memory` has no effect without")),
        ("authenticator: A\nisolation: process\nisolation_memory: 8 GiB", None),
        // An empty outbox takes any message: a small limit cuts nobody who reads.
        ("authenticator: A\nlimits: {outbox_bytes: 1 KiB}", None),
    ] {
        let warnings = load(text).unwrap().1;
        assert_eq!(warnings.len(), usize::from(expected.is_some()), "{text:?} gave {warnings:?}");
        assert!(expected.is_none_or(|expected| warnings[0].contains(expected)), "{text:?} gave {warnings:?}");
    }
}

#[test]
fn the_command_line_has_the_last_word_on_plugins_dir() {
    let overrides = Overrides { plugins_dir: Some("elsewhere".into()) };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("settings.yaml");
    fs::write(&file, "authenticator: A\nplugins_dir: here").unwrap();
    let (config, _) = Config::load(Some(&file), &overrides).unwrap();
    // From the working directory, as whoever typed it means it.
    assert_eq!(config.authenticator.plugins_dir, std::env::current_dir().unwrap().join("elsewhere"));
    assert_eq!(loaded("authenticator: A\nplugins_dir: ../p").authenticator.plugins_dir.file_name(), Some("p".as_ref()));
}

#[test]
fn debug_shows_no_option() {
    let config = loaded("authenticator: A\npasswords: {s3cret: [a]}\nauthenticator_options: {key: s3cret}");
    let shown = format!("{config:?}");
    assert!(shown.contains("passwords") && shown.contains("[redacted]") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn keys_that_need_a_restart_are_named() {
    let before = loaded("authenticator: A");
    let after = loaded(
        "authenticator: B\nauthenticator_options: {a: 1}\non_swap: reauthorize\nclient_port: 1\nname: another\n\
         authenticator_sees: [cookie]\nhttp: {publish: false}\nlimits: {keep_alive_timeout: 1s, authorize_call_timeout: 1s, outbox_bytes: 2 MiB}",
    );
    let limits = ["limits.keep_alive_timeout", "limits.outbox_bytes", "limits.outbox_soft_bytes"];
    let expected = [&["authenticator_sees", "client_port", "listeners", "http", "name"][..], &limits].concat();
    assert_eq!(before.restart_keys(&after), expected);
    assert!(before.restart_keys(&before).is_empty());
}
