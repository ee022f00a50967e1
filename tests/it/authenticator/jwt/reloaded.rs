//! Keys that were fetched, at a reload with other options while the issuer is down: they go on to hold for whoever would fetch
//! the same, with their age, and for nobody else.

use super::fetched::{expect_unavailable, key_set, metric, settings, setup, token, wait_for_condition};
use super::{claims, expect_accepted, expect_refused, make};
use crate::harness::{Daemon, TokenServer};
use serde_json::{Value, json};
use std::fs;

/// Has the relay make a new instance, with one part of the settings changed.
fn renew(daemon: &Daemon, from: &str, to: &str) {
    daemon.edit_settings(|settings| {
        assert!(settings.contains(from), "{from:?} is not in\n{settings}");
        settings.replace(from, to)
    });
    let line = daemon.reload();
    assert!(line.contains("has taken over"), "{line}");
}

fn serve(server: &TokenServer, keys: &Value, names: &[&str]) {
    let issuer = json!({"issuer": server.url("/realm"), "jwks_uri": server.url("/keys")});
    server.serve(&json!({
        "/keys": {"answer": key_set(keys, names)},
        "/realm/.well-known/openid-configuration": {"answer": issuer},
    }));
}

#[test]
fn keys_outlive_a_reload_while_the_issuer_is_down() {
    let server = TokenServer::start();
    let mut claims = claims();
    claims["iss"] = json!(server.url("/realm"));
    let kinds = json!({"a": "P-256", "b": "P-256", "c": "P-384"});
    let signed = [("a", "ES256"), ("b", "ES256"), ("c", "ES384")].map(|(key, name)| token(key, name, claims.clone()));
    let (keys, tokens) = make(kinds, &signed);
    serve(&server, &keys, &["a", "c"]);
    let options = format!("  jwt_oidc_issuer: {}\n  jwt_leeway: 30s\n", server.url("/realm"));
    // Shorter than the pause between two fetches, so that no token waits for the next one.
    let limits = "limits: {authorize_call_timeout: 5s}\n";
    let daemon = setup(&settings(&server, &format!("{options}{limits}"))).start();
    expect_accepted(&daemon, &tokens[0]);
    let fetched = metric(&daemon, "key_set_timestamp_seconds");

    server.serve(&Value::Null);
    renew(&daemon, "jwt_leeway: 30s", "jwt_leeway: 31s");
    daemon.log().wait_for("the keys of before", |line| line.contains("by the instance before").then_some(()));
    expect_accepted(&daemon, &tokens[0]);
    assert_eq!(metric(&daemon, "key_set_timestamp_seconds"), fetched, "they are as old as they were");
    assert_eq!(metric(&daemon, "key_set_keys"), 1.0);
    assert!(wait_for_condition(&daemon, "degraded").contains("hold until they are 1day old"));
    expect_unavailable(&daemon, &tokens[1]);
    expect_refused(&daemon, &super::damaged(&tokens[0]), "the token's signature is not good");
    // Other algorithms pick other keys of the same set.
    renew(&daemon, "[ES256]", "[ES384]");
    expect_accepted(&daemon, &tokens[2]);
    expect_unavailable(&daemon, &tokens[0]);
    renew(&daemon, "[ES384]", "[ES256]");
    expect_accepted(&daemon, &tokens[0]);

    // The issuer is back, and has rotated its keys meanwhile.
    serve(&server, &keys, &["b"]);
    renew(&daemon, "jwt_leeway: 31s", "jwt_leeway: 32s");
    expect_accepted(&daemon, &tokens[1]);
    expect_refused(&daemon, &tokens[0], "the key that the token names (`kid`) is not known");
}

/// Whoever names another issuer, or others to trust, wants nothing of what was fetched before.
#[test]
fn keys_do_not_outlive_their_issuer_nor_those_who_vouched_for_it() {
    let server = TokenServer::start();
    let mut claims = claims();
    claims["iss"] = json!(server.url("/realm"));
    let (keys, tokens) = make(json!({"a": "P-256"}), &[token("a", "ES256", claims)]);
    serve(&server, &keys, &["a"]);
    let daemon = setup(&settings(&server, &format!("  jwt_jwks_url: {}\n", server.url("/keys")))).start();
    expect_accepted(&daemon, &tokens[0]);
    server.serve(&Value::Null);
    let (set, issuer) = (server.url("/keys"), server.url("/realm"));
    for (from, to) in [
        (format!("jwt_jwks_url: {set}"), format!("jwt_jwks_url: {set}2")),
        (format!("jwt_jwks_url: {set}2"), format!("jwt_oidc_issuer: {issuer}")),
    ] {
        renew(&daemon, &from, &to);
        expect_unavailable(&daemon, &tokens[0]);
    }
    renew(&daemon, &format!("jwt_oidc_issuer: {issuer}"), &format!("jwt_jwks_url: {set}"));
    expect_accepted(&daemon, &tokens[0]);
    let other = TokenServer::start();
    let copy = daemon.dir().join("others.pem");
    fs::copy(&other.ca_file, &copy).unwrap();
    renew(&daemon, server.ca_file.to_str().unwrap(), copy.to_str().unwrap());
    expect_unavailable(&daemon, &tokens[0]);
    // The same authorities by another name are the same.
    fs::copy(&server.ca_file, daemon.dir().join("same.pem")).unwrap();
    renew(&daemon, "others.pem", "same.pem");
    expect_accepted(&daemon, &tokens[0]);
}
