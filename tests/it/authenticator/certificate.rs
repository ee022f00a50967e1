//! `CertificateAuthenticator` in the real relay, for clients that have shown no certificate.

use crate::harness::{PluginsDir, Setup, certificate_plugin, pusud, root, run};
use serde_json::json;
use std::fs;

crate::in_both_isolations!(without_tls_nobody_is_let_in);

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
