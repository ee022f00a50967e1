//! `CertificateAuthenticator` in the real relay, without TLS and with certificates of an authority of the tests' own.

mod encrypted;

use crate::harness::{Daemon, PluginsDir, Setup, certificate_plugin, password_plugin, pusud, root, run};
use encrypted::{Authority, Wanted};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Duration;

crate::in_both_isolations!(without_tls_nobody_is_let_in, certificates_decide, those_without_one_are_left_to_the_next);

const RULES: &str = "
authenticator_options:
  certificate_rules:
    - dns: '*.devices.example.com'
      issuer: CN=Device CA
      read: ['data.*']
      write: ['data.{dns_part}.*']
  certificate_denied:
    - serial: '00:FF'
";
const SENSOR: Wanted<'static> = Wanted {
    common_name: "s7",
    dns: &["other.example.org", "s7.devices.example.com"],
    serial: 7,
    life: Duration::from_secs(3600),
};

/// A relay with TLS that asks for certificates; what it needs lies in `folder`.
fn start(authority: &Authority, folder: &Path, more: &str) -> Daemon {
    let plugins = PluginsDir::with([certificate_plugin()]);
    let settings = authority.settings(folder) + more + RULES;
    Setup::on_shards(1).authenticator("CertificateAuthenticator", plugins).settings(&settings).start()
}

fn certificates_decide(isolation: &str) {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let daemon = start(&authority, folder.path(), &format!("isolation: {isolation}"));
    let mut client = authority.connect(&daemon, Some(authority.sign(&SENSOR)));
    assert_eq!(client.next(), json!({"type": "authorization_ok"}));
    client.send(&json!({"type": "subscribe", "channel": "data.s7.a"}));
    assert_eq!(client.next()["type"], "subscribe_ok");
    client.send(&json!({"type": "publish", "channel": "data.s7.a", "content": 1}));
    assert_eq!(client.next(), json!({"type": "publish", "channel": "data.s7.a", "content": 1}));
    client.send(&json!({"type": "publish", "channel": "data.s8.a", "content": 1}));
    assert_eq!(client.next()["type"], "permission_denied");
    client.expect_closed(4502);

    for (wanted, reason) in [
        (Some(Wanted { dns: &["s7.example.com"], ..SENSOR }), "no rule matches CN=s7"),
        (Some(Wanted { dns: &[], common_name: "x,O=Example", ..SENSOR }), "no rule matches CN=x\\,O=Example"),
        (Some(Wanted { serial: 255, ..SENSOR }), "the client certificate is denied: CN=s7"),
        (None, "no client certificate: the client has shown none, or the relay asks for none"),
    ] {
        let mut client = authority.connect(&daemon, wanted.map(|wanted| authority.sign(&wanted)));
        assert_eq!(client.next(), json!({"type": "authorization_failed", "reason": reason}));
        client.expect_closed(4501);
    }
    // A name that looks like a pattern may read, as the rule says for all, and write nothing.
    let star = Wanted { dns: &["*.devices.example.com"], ..SENSOR };
    let mut client = authority.connect(&daemon, Some(authority.sign(&star)));
    assert_eq!(client.next(), json!({"type": "authorization_ok"}));
    client.send(&json!({"type": "publish", "channel": "data.s7.a", "content": 1}));
    assert_eq!(client.next()["type"], "permission_denied");
}

/// A certificate that no rule matches, or that is denied, is refused: a password does not make up for it.
fn those_without_one_are_left_to_the_next(isolation: &str) {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let list = format!(
        "[{{id: CertificateAuthenticator, isolation: {isolation}, options: {{certificate_denied: [{{serial: '00:FF'}}], \
         certificate_rules: [{{dns: '*.devices.example.com', read: ['data.*']}}]}}}}, \
         {{id: PasswordAuthenticator, isolation: {isolation}, options: {{passwords: {{whatever: ['news']}}}}}}]"
    );
    let plugins = PluginsDir::with([certificate_plugin(), password_plugin()]);
    let daemon = Setup::on_shards(1).authenticator(&list, plugins).settings(&authority.settings(folder.path())).start();
    for (wanted, channel) in [(Some(SENSOR), "data.s7"), (None, "news")] {
        let mut client = authority.connect(&daemon, wanted.map(|wanted| authority.sign(&wanted)));
        assert_eq!(client.next(), json!({"type": "authorization_ok"}));
        client.send(&json!({"type": "subscribe", "channel": channel}));
        assert_eq!(client.next()["type"], "subscribe_ok");
        let other = if channel == "news" { "data.s7" } else { "news" };
        client.send(&json!({"type": "subscribe", "channel": other}));
        assert_eq!(client.next()["type"], "permission_denied");
    }
    for wanted in [Wanted { serial: 255, ..SENSOR }, Wanted { dns: &["s7.example.com"], ..SENSOR }] {
        let mut client = authority.connect(&daemon, Some(authority.sign(&wanted)));
        assert_eq!(client.next()["type"], "authorization_failed");
        client.expect_closed(4501);
    }
    let entries = daemon.status()["authenticator"]["entries"].take();
    let counts = |at: usize| entries[at]["decisions"].clone();
    assert_eq!(counts(0), json!({"granted": 1, "refused": 2, "abstained": 1, "unavailable": 0}));
    assert_eq!(counts(1), json!({"granted": 1, "refused": 0, "abstained": 0, "unavailable": 0}));
}

#[test]
fn permissions_end_with_the_certificate() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let daemon = start(&authority, folder.path(), "");
    let short = Wanted { life: Duration::from_secs(4), ..SENSOR };
    let mut client = authority.connect(&daemon, Some(authority.sign(&short)));
    assert_eq!(client.next(), json!({"type": "authorization_ok"}));
    client.expect_closed(4501);
}

#[test]
fn who_is_denied_at_a_reload_loses_everything() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let daemon = start(&authority, folder.path(), "on_swap: reauthorize");
    let mut client = authority.connect(&daemon, Some(authority.sign(&SENSOR)));
    assert_eq!(client.next(), json!({"type": "authorization_ok"}));
    daemon.edit_settings(|settings| settings.replace("00:FF", "07"));
    daemon.reload();
    client.expect_closed(4501);
}

fn without_tls_nobody_is_let_in(isolation: &str) {
    let settings = format!(
        "isolation: {isolation}\nauthenticator_options:\n  certificate_rules:\n    - read: ['*']\n      write: ['*']\n"
    );
    let plugins = PluginsDir::with([certificate_plugin()]);
    let daemon = Setup::on_shards(1).authenticator("CertificateAuthenticator", plugins).settings(&settings).start();
    for authorization in ["", "anything"] {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": authorization}));
        let reason = client.expect_error("authorization_failed")["reason"].clone();
        assert_eq!(reason, "no TLS: the connection is not encrypted; connect with wss://");
        client.expect_closed(4501);
    }
}

#[test]
fn every_property_is_in_the_example_and_wrong_rules_stop_the_start() {
    let plugins = PluginsDir::with([certificate_plugin()]);
    let example = fs::read_to_string(root().join("plugins/certificate/example.yaml")).unwrap();
    for name in ["certificate_denied", "common_name", "email", "ip", "issuer", "serial", "sha256", "key_sha256"] {
        assert!(example.contains(name), "{name} is not explained");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.yaml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        run(pusud(&["check", "--plugins-dir"]).arg(plugins.path()).arg("--config").arg(&file))
    };
    check(&example).succeeds();
    let wrong = example.replace("measurements.{dns_part}.*", "measurements.{dns_part}*");
    check(&wrong).fails_saying(&["`certificate_rules`, item 1: `write`, item 1: `{dns_part}` needs a dot between"]);
}
