//! Rules about claims through the door: what `pusud authorize` explains, what the log says and does not say, and a key file
//! that changes.

use super::fetched::{metric, setup, wait_for_condition};
use super::{expect_accepted, expect_nowhere, expect_refused, in_seconds, make, start};
use crate::harness::{PluginsDir, jwt_plugin, pusud, run};
use serde_json::{Value, json};
use std::fs;

const SECRET: &str = "canary-key-which-is-long-enough-to-be-one";

fn signed(claims: &[Value]) -> Vec<String> {
    let token = |claims: &Value| {
        let mut all = json!({"exp": in_seconds(600)});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        json!({"key": "secret", "algorithm": "HS256", "claims": all})
    };
    make(json!({"secret": {"secret": SECRET}}), &claims.iter().map(token).collect::<Vec<_>>()).1
}

const RULES: &str = "authenticator_options:\n  jwt_grants:\n    - {when: {claim: scope, contains: news}, read: ['news.*']}\n    \
                     - {write: ['users.{sub}.*'], read: ['users.{sub}.*']}\n    - {read: ['mail.{email}']}\n";

#[test]
fn the_command_explains_which_rule_gave_what() {
    let tokens = signed(&[
        json!({"sub": "alice", "scope": "openid news", "email": "a@b.example"}),
        json!({"sub": "bob", "scope": "openid"}),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let (settings, file) = (dir.path().join("settings.yaml"), dir.path().join("token"));
    let head =
        format!("authenticator: JwtAuthenticator\njwt_signing_algorithms: [HS256]\njwt_verification_key: {SECRET}\n");
    fs::write(&settings, format!("{head}{RULES}")).unwrap();
    fs::write(&file, &tokens[0]).unwrap();
    let plugins = PluginsDir::with([jwt_plugin()]);
    let ask = |arguments: &[&str]| {
        let mut command = pusud(&["authorize", "--authorization-file"]);
        let command = command.arg(&file).arg("--plugins-dir").arg(plugins.path()).arg("--config").arg(&settings);
        run(command.args(arguments)).succeeds()
    };
    let said = ask(&["--channel", "users.alice.a"]);
    fs::write(&file, &tokens[1]).unwrap();
    let of_other = ask(&["--channel", "users.bob.a"]);
    assert!(of_other.contains("rule 1 gives nothing: `scope` does not contain what `when` wants"), "{of_other}");
    fs::write(&file, &tokens[0]).unwrap();
    let detail = serde_json::from_str::<Value>(&ask(&["--json"])).unwrap()["entries"][0]["detail"].take();
    assert!(detail.as_str().unwrap().starts_with("rule 1 gives read `news.*`"), "{detail}");
    for part in [
        "granted",
        "alice",
        "yes, by `users.alice.*`",
        "rule 1 gives read `news.*`",
        "rule 2 gives read `users.{sub}.*`, write `users.{sub}.*`",
        "rule 3 gives nothing: `{email}` has a dot, and the rule does not say `dots: true`",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn the_log_names_claims_and_no_value() {
    let tokens = signed(&[
        json!({"sub": "alice", "scope": "canary-scope", "email": "canary.mail", "canary": "canary-claim"}),
        json!({"sub": "*", "scope": "canary-scope"}),
        json!({"sub": "a", "exp": (in_seconds(600) * 1000)}),
        json!({"sub": "a", "nbf": "canary-nbf"}),
    ]);
    let settings = format!("jwt_signing_algorithms: [HS256]\njwt_verification_key: {SECRET}\n{RULES}");
    let daemon = setup(&settings).log_level("trace").start();
    let mut client = daemon.client_with(&tokens[0]);
    client.subscribe("users.alice.a");
    expect_refused(&daemon, &tokens[1], "the token gives access to no channel");
    expect_refused(&daemon, &tokens[2], "a claim is malformed");
    expect_refused(&daemon, &tokens[3], "a claim is malformed");
    for said in [
        "`{email}` has a dot",
        "rule 1 gives nothing: `scope` does not contain what `when` wants; rule 2 gives nothing: `{sub}` has a `*`",
        "exp: expected a time in seconds since 1970, found one in milliseconds",
        "nbf: expected a number",
    ] {
        daemon.log().wait_for(said, |line| line.contains(said).then_some(()));
    }
    expect_nowhere(&daemon, "canary");
    tokens.iter().flat_map(|token| token.split('.').skip(1)).for_each(|part| expect_nowhere(&daemon, part));
    let status = daemon.status().to_string();
    assert!(!status.contains("canary"), "{status}");
    // What was refused is explained afterwards too, to the operator alone.
    let refused = daemon.operate_json(&["decisions", "--refused"]);
    let details: Vec<_> = refused.iter().map(|decision| decision["detail"].as_str().unwrap()).collect();
    assert_eq!(
        details[1..],
        ["exp: expected a time in seconds since 1970, found one in milliseconds", "nbf: expected a number",]
    );
    assert!(
        details[0].contains("rule 2 gives nothing: `{sub}` has a `*`") && details[0].len() <= 256,
        "{}",
        details[0]
    );
    let shown = daemon.operate(&["decisions"]).succeeds();
    assert!(shown.contains("\n    detail: nbf: expected a number\n") && !shown.contains("canary"), "{shown}");
}

/// What is secret in an address of keys, and what a server answers, is in no log.
#[test]
fn addresses_of_keys_are_not_in_the_log() {
    let server = crate::harness::TokenServer::start();
    server.serve(&json!({"/keys?canary-key": {"text": "canary-answer"}}));
    let url = server.url("/keys?canary-key");
    let settings = super::fetched::settings(&server, &format!("  jwt_jwks_url: {url}\n"));
    let daemon = setup(&settings).log_level("trace").start();
    daemon.log().wait_for("the fault", |line| line.contains("there are no keys yet").then_some(()));
    expect_nowhere(&daemon, "canary");
    assert!(!daemon.status().to_string().contains("canary"));
    assert_eq!(server.asked(), ["/keys?canary-key"]);
}

#[test]
fn a_key_file_is_read_again_without_a_signal() {
    let claims = json!({"sub": "alice", "exp": in_seconds(600), "pusu": {"read": ["news.*"], "write": ["news.alice"]}});
    let token = |key: &str| json!({"key": key, "algorithm": "ES256", "claims": claims});
    let (keys, tokens) = make(json!({"old": "P-256", "new": "P-256"}), &[token("old"), token("new")]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key.pem");
    fs::write(&file, keys["old"]["pem"].as_str().unwrap()).unwrap();
    let daemon = start(&format!(
        "jwt_signing_algorithms: [ES256]\nauthenticator_options:\n  jwt_verification_key_file: {file:?}"
    ));
    expect_accepted(&daemon, &tokens[0]);
    let read_at = metric(&daemon, "file_read_timestamp_seconds");
    fs::write(&file, keys["new"]["pem"].as_str().unwrap()).unwrap();
    expect_accepted(&daemon, &tokens[1]);
    expect_refused(&daemon, &tokens[0], "the token's signature is not good");
    assert!(metric(&daemon, "file_read_timestamp_seconds") > read_at);
    // Nobody has to ask for it to be seen.
    fs::write(&file, "-----BEGIN PUBLIC KEY-----").unwrap();
    daemon
        .log()
        .wait_for("the broken file", |line| line.contains("what was read before goes on to hold").then_some(()));
    assert_eq!(metric(&daemon, "file_failures_total"), 1.0);
    expect_accepted(&daemon, &tokens[1]);
    assert!(wait_for_condition(&daemon, "degraded").contains("option `jwt_verification_key_file`: "));
}
