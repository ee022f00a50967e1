//! Keys that are fetched from an issuer: answers that are none, and what is said of them.

use super::{claims, expect_accepted, expect_nowhere, expect_refused, make};
use crate::harness::{DEADLINE, Daemon, PluginsDir, Setup, TokenServer, jwt_plugin, pusud, run};
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

/// Settings that fetch keys from a server.
pub(super) fn settings(server: &TokenServer, more: &str) -> String {
    format!(
        "jwt_signing_algorithms: [ES256]\nauthenticator_options:\n  jwt_jwks_ca_file: {:?}\n{more}",
        server.ca_file.to_str().unwrap()
    )
}

pub(super) fn setup(settings: &str) -> Setup {
    Setup::on_shards(1).authenticator("JwtAuthenticator", PluginsDir::with([jwt_plugin()])).settings(settings)
}

/// A key set of these keys of [`make`], each under its name.
pub(super) fn key_set(keys: &Value, names: &[&str]) -> Value {
    let named = names.iter().map(|name| {
        let mut jwk = keys[*name]["jwk"].clone();
        jwk["kid"] = json!(name);
        jwk
    });
    json!({"keys": named.collect::<Vec<_>>()})
}

/// A token of `claims` that names its key.
pub(super) fn token(key: &str, algorithm: &str, claims: Value) -> Value {
    json!({"key": key, "algorithm": algorithm, "claims": claims, "headers": {"kid": key}})
}

pub(super) fn metric(daemon: &Daemon, name: &str) -> f64 {
    let status = daemon.status();
    let metrics = status["authenticator"]["metrics"].as_array().unwrap().clone();
    let found = metrics.iter().find(|metric| metric.to_string().contains(name));
    let found = found.unwrap_or_else(|| panic!("no {name} in {metrics:?}"));
    let value = found["value"].as_object().and_then(|kind| kind.values().next()?.as_f64());
    value.unwrap_or_else(|| panic!("{found}"))
}

/// Waits until the authenticator says that it is in this state; why.
pub(super) fn wait_for_condition(daemon: &Daemon, state: &str) -> String {
    let began = Instant::now();
    loop {
        let condition = daemon.status()["authenticator"]["condition"].clone();
        if condition["state"] == state {
            return condition["why"].as_str().unwrap_or_default().to_owned();
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain for {state}: {condition}");
    }
}

pub(super) fn expect_unavailable(daemon: &Daemon, token: &str) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": token}));
    client.expect_text(r#"{"type":"authorization_failed","reason":"unavailable"}"#);
    client.expect_closed(1013);
}

/// A relay that is started while its issuer is down comes up, decides nothing, and says why.
#[test]
fn answers_that_are_no_keys_are_named_and_let_nobody_in() {
    let (keys, tokens) = make(json!({"a": "P-256"}), &[token("a", "ES256", claims())]);
    let good = json!({"answer": key_set(&keys, &["a"])});
    let server = TokenServer::start();
    let port = server.url("");
    let elsewhere = |location: &str| json!({"status": 302, "headers": {"Location": location}, "text": "canary"});
    for (document, wanted) in [
        (json!({"status": 503, "text": "canary"}), "expected status 200, found 503"),
        (json!({"text": "<html>canary</html>"}), "expected a JSON Web Key Set, such as"),
        (
            json!({"answer": {"keys": [{"kid": "odd", "kty": "oct", "k": "canary"}]}}),
            "found none: key 1, `odd`: is a secret (`oct`) that everybody can read",
        ),
        (json!({"answer": {"keys": []}}), "expected a key for ES256, found none: there is none in it"),
        (json!({"answer": good["answer"], "padding": 1_100_000}), "expected an answer of at most 1048576 bytes"),
        (elsewhere("http://localhost/canary"), "redirects to another place, and there: expected a URL such as"),
        (elsewhere("/keys"), "redirects more than 5 times"),
        (Value::Null, "cannot connect over TLS"),
    ] {
        println!("{document}");
        server.serve(&if document.is_null() { Value::Null } else { json!({"/keys": document}) });
        let daemon = setup(&settings(&server, &format!("  jwt_jwks_url: {}\n", server.url("/keys")))).start();
        let line =
            daemon.log().wait_for("the fault", |line| line.contains("there are no keys yet").then(|| line.to_owned()));
        let host = port.strip_prefix("https://").unwrap();
        assert!(line.contains(wanted) && line.contains(host) && line.contains("`jwt_jwks_url`"), "{line}");
        expect_unavailable(&daemon, &tokens[0]);
        expect_refused(&daemon, "hunter2", "not a token: expected three parts with dots between them");
        expect_nowhere(&daemon, "canary");
        assert_eq!(metric(&daemon, "key_set_failures_total"), 1.0);
        assert_eq!(metric(&daemon, "key_set_timestamp_seconds"), 0.0);
        // The condition is asked for every few seconds alone.
        if wanted.contains("503") {
            let why = wait_for_condition(&daemon, "bad");
            assert!(why.contains(wanted) && why.contains("there are no keys yet"), "{why}");
        }
    }
}

/// An issuer that publishes what it signs with: a secret is never taken, a private key is said once, and neither is shown.
#[test]
fn published_secrets_are_pointed_out_once() {
    let (keys, tokens) = make(json!({"a": "P-256"}), &[token("a", "ES256", claims())]);
    let mut set = key_set(&keys, &["a"]);
    set["keys"][0]["d"] = json!("canary");
    let secret = json!({"kty": "oct", "kid": "s", "k": "Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LWNhbmFyeQ"});
    set["keys"].as_array_mut().unwrap().push(secret);
    let server = TokenServer::start();
    server.serve(&json!({"/keys": {"answer": set}}));
    let more = format!("  jwt_jwks_url: {}\n  jwt_jwks_max_age: 20s\n", server.url("/keys"));
    let daemon = setup(&settings(&server, &more)).start();
    expect_accepted(&daemon, &tokens[0]);
    let (began, fetched) = (Instant::now(), metric(&daemon, "key_set_timestamp_seconds"));
    while metric(&daemon, "key_set_timestamp_seconds") == fetched {
        assert!(began.elapsed() < 2 * DEADLINE, "the keys are not fetched again");
    }
    let said = |part: &str| daemon.log().lines().iter().filter(|line| line.contains(part)).count();
    assert_eq!(said("key 1, `a`: the issuer publishes private members of it (`d`)"), 1);
    assert_eq!(said("left out: key 2, `s`: is a secret (`oct`) that everybody can read"), 1);
    expect_nowhere(&daemon, "canary");
    expect_nowhere(&daemon, "Y2FuYXJ5");
}

#[test]
fn redirects_over_tls_are_followed_and_another_authority_is_not_trusted() {
    let (keys, tokens) = make(json!({"a": "P-256"}), &[token("a", "ES256", claims())]);
    let (server, other) = (TokenServer::start(), TokenServer::start());
    server.serve(&json!({
        "/old": {"status": 301, "headers": {"Location": server.url("/new")}, "text": ""},
        "/new": {"status": 307, "headers": {"Location": "/keys?x"}, "text": ""},
        "/keys?x": {"answer": key_set(&keys, &["a"])},
    }));
    let daemon = setup(&settings(&server, &format!("  jwt_jwks_url: {}\n", server.url("/old")))).start();
    expect_accepted(&daemon, &tokens[0]);
    assert_eq!(server.asked(), ["/old", "/new", "/keys?x"]);
    let distrustful = setup(&settings(&other, &format!("  jwt_jwks_url: {}\n", server.url("/old")))).start();
    distrustful.log().wait_for("the fault", |line| line.contains("cannot connect over TLS").then_some(()));
    expect_unavailable(&distrustful, &tokens[0]);
    // The file with the authority is read again when it changes; the fetch after that is good.
    fs::copy(&server.ca_file, &other.ca_file).unwrap();
    let began = Instant::now();
    while metric(&distrustful, "key_set_timestamp_seconds") == 0.0 {
        assert!(began.elapsed() < 2 * DEADLINE, "the new authority is not trusted");
    }
    expect_accepted(&distrustful, &tokens[0]);
}

#[test]
fn checking_asks_nobody_and_says_what_would_be_asked() {
    let server = TokenServer::start();
    let plugins = PluginsDir::with([jwt_plugin()]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.yaml");
    let check = |settings: String| {
        fs::write(&file, format!("authenticator: JwtAuthenticator\n{settings}")).unwrap();
        run(pusud(&["check", "--plugins-dir"]).arg(plugins.path()).arg("--config").arg(&file))
    };
    let shown = check(settings(&server, &format!("  jwt_oidc_issuer: {}\n", server.url("/realm"))));
    let said = format!("{}{}", shown.stdout, shown.stderr);
    assert!(said.contains("everything is in order") && said.contains("would be fetched from localhost:"), "{said}");
    let missing = settings(&server, "  jwt_jwks_url: https://localhost/\n").replace(".pem", ".missing");
    for (settings, wanted) in [
        (missing, "option `jwt_jwks_ca_file`: "),
        (settings(&server, "  jwt_jwks_url: http://localhost/\n"), "option `jwt_jwks_url`: expected a URL such as"),
        (
            settings(&server, "  jwt_jwks_url: https://localhost/\n  jwt_grants: [{read: ['{sub']}]\n"),
            "option `jwt_grants`, item 1: `read`, item 1: has a `{` without `}`",
        ),
    ] {
        let shown = check(settings.clone());
        let said = format!("{}{}", shown.stdout, shown.stderr);
        assert!(said.contains(wanted) && !said.contains("everything is in order"), "{settings}\n{said}");
    }
    assert_eq!(server.asked(), Vec::<String>::new());
}
