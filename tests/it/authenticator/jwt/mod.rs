//! `JwtAuthenticator` in the real relay, with tokens made by PyJWT.

mod fetched;
mod in_a_list;
mod providers;
mod reloaded;
mod rotation;
mod rules;
mod settings;
mod trust;

use crate::harness::{Daemon, PluginsDir, Setup, jwt_plugin, run_with_input, script};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, `seconds` from now.
fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + seconds
}

/// What a token says unless a test wants something else.
fn claims() -> Value {
    json!({"sub": "alice", "exp": in_seconds(600), "pusu": {"read": ["news.*"], "write": ["news.alice"]}})
}

/// Has PyJWT make keys and tokens; see `tests/clients/make_tokens.py`.
fn make(keys: Value, tokens: &[Value]) -> (Value, Vec<String>) {
    let wanted = json!({"keys": keys, "tokens": tokens}).to_string();
    let made: Value = serde_json::from_str(&run_with_input(&mut script("make_tokens.py"), &wanted).succeeds()).unwrap();
    let tokens = made["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap().to_owned()).collect();
    (made["keys"].clone(), tokens)
}

fn start(settings: &str) -> Daemon {
    let plugins = PluginsDir::with([jwt_plugin()]);
    Setup::on_shards(1).authenticator("JwtAuthenticator", plugins).settings(settings).start()
}

/// The client may do what [`claims`] says and no more.
fn expect_accepted(daemon: &Daemon, token: &str) {
    let mut client = daemon.client_with(token);
    client.subscribe("news.alice");
    client.publish("news.alice", json!(1));
    client.expect_publish("news.alice", json!(1));
    client.publish("news.bob", json!(1));
    client.expect_error("permission_denied");
    client.expect_closed(4502);
}

fn expect_refused(daemon: &Daemon, token: &str, reason: &str) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": token}));
    assert_eq!(client.expect_error("authorization_failed")["reason"], reason);
    client.expect_closed(4501);
}

/// The token with another signature of the same length.
fn damaged(token: &str) -> String {
    let (rest, end) = token.split_at(token.len() - 12);
    let (end, last) = end.split_at(11);
    format!("{rest}{}{last}", end.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect::<String>())
}

#[test]
fn every_algorithm_with_its_key() {
    let secret = json!({"secret": "a secret that is long enough for HS512, which takes 64 bytes or more"});
    let keys = json!({"secret": secret, "rsa": "RSA", "p256": "P-256", "p384": "P-384", "p521": "P-521", "ed": "Ed25519", "other": "RSA"});
    let families = [
        ("secret", &["HS256", "HS384", "HS512"][..]),
        ("rsa", &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        ("p256", &["ES256"]),
        ("p384", &["ES384"]),
        ("p521", &["ES512"]),
        ("ed", &["EdDSA"]),
    ];
    let signed: Vec<(&str, &str)> =
        families.iter().flat_map(|(key, algorithms)| algorithms.iter().map(|name| (*key, *name))).collect();
    let of = |(key, algorithm): &(&str, &str)| json!({"key": key, "algorithm": algorithm, "claims": claims()});
    let mut wanted: Vec<Value> = signed.iter().map(of).collect();
    wanted.push(of(&("other", "RS256")));
    let (keys, tokens) = make(keys, &wanted);
    for (key, algorithms) in families {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        fs::write(&file, keys[key]["pem"].as_str().or(secret["secret"].as_str()).unwrap()).unwrap();
        let daemon = start(&format!(
            "jwt_signing_algorithms: {algorithms:?}\nauthenticator_options:\n  jwt_verification_key_file: {file:?}"
        ));
        for ((signer, algorithm), token) in signed.iter().zip(&tokens) {
            println!("{algorithm} where {algorithms:?} are accepted");
            if *signer == key {
                expect_accepted(&daemon, token);
                expect_refused(&daemon, &damaged(token), "the token's signature is not good");
            } else {
                expect_refused(&daemon, token, "the token's algorithm is not accepted");
            }
        }
        if key == "rsa" {
            expect_refused(&daemon, tokens.last().unwrap(), "the token's signature is not good");
        }
    }
}

#[test]
fn tokens_that_are_not_good_are_refused() {
    let now = in_seconds(0);
    let with = |more: Value| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"key": "rsa", "algorithm": "RS256", "claims": claims})
    };
    let header = |headers: Value| json!({"key": "rsa", "algorithm": "RS256", "claims": claims(), "headers": headers});
    let rows = [
        (json!({"algorithm": "none", "claims": claims()}), "the token's algorithm is not accepted"),
        (
            json!({"key": "rsa", "algorithm": "HS256", "claims": claims(), "by_hand": true}),
            "the token's algorithm is not accepted",
        ),
        (json!({"key": "rsa", "algorithm": "PS256", "claims": claims()}), "the token's algorithm is not accepted"),
        (header(json!({"crit": ["exp"]})), "the token's header has `crit`, which is not understood"),
        (with(json!({"exp": now - 31})), "the token has expired"),
        (with(json!({"nbf": now + 300})), "the token is not valid yet"),
        (with(json!({"iss": "https://other.example.com"})), "the token is from another issuer"),
        (with(json!({"aud": "shop"})), "the token is for another audience"),
        (with(json!({"exp": now.to_string()})), "a claim is malformed"),
        (with(json!({"pusu": {"read": "*"}})), "a claim is malformed"),
        (with(json!({"pusu": {}})), "the token gives access to no channel"),
    ];
    let ours = json!({"iss": "https://id.example.com", "aud": ["relay"]});
    let mut wanted: Vec<Value> = rows.iter().map(|(token, _)| token.clone()).collect();
    for token in &mut wanted {
        let claims = token["claims"].as_object_mut().unwrap();
        for (claim, value) in ours.as_object().unwrap() {
            claims.entry(claim).or_insert(value.clone());
        }
    }
    wanted.push(with(ours));
    let (keys, tokens) = make(json!({"rsa": "RSA"}), &wanted);
    let pem = keys["rsa"]["pem"].as_str().unwrap().replace('\n', "\n  ");
    let daemon = start(&format!(
        "jwt_signing_algorithms: [RS256]\njwt_verification_key: |\n  {pem}\nauthenticator_options:\n  jwt_issuer: \
         https://id.example.com\n  jwt_audience: relay\nlimits: {{max_unauthorized_message_bytes: 64 KiB}}\n"
    ));
    for ((wanted, reason), token) in rows.iter().zip(&tokens) {
        println!("{wanted}");
        expect_refused(&daemon, token, reason);
    }
    expect_accepted(&daemon, tokens.last().unwrap());
    for token in ["", "..", "a.b.c", "hunter2"] {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": token}));
        client.expect_error("authorization_failed");
        client.expect_closed(4501);
    }
    expect_refused(&daemon, &".".repeat(20_000), "the token is too long");
}

/// Names in a token are names, whatever they look like: only `read` and `write` hold patterns.
#[test]
fn names_in_a_token_are_no_patterns() {
    let claims = json!({
        "sub": "*", "jti": "news.*", "channel": "*", "exp": in_seconds(600),
        "pusu": {"read": ["news.alice"], "write": ["news.alice"]},
    });
    let (_, tokens) = make(
        json!({"secret": {"secret": "a secret that is long enough"}}),
        &[json!({"key": "secret", "algorithm": "HS256", "claims": claims})],
    );
    let daemon = start("jwt_signing_algorithms: [HS256]\njwt_verification_key: a secret that is long enough");
    for channel in ["*", "news.*", "news.bob"] {
        let mut client = daemon.client_with(&tokens[0]);
        client.subscribe("news.alice");
        client.send(json!({"type": "subscribe", "channel": channel}));
        assert_eq!(client.expect_error("permission_denied")["channel"], channel);
        client.expect_closed(4502);
    }
}

#[test]
fn no_token_and_no_key_gets_into_the_log() {
    let secret = "canary-key-which-is-long-enough-to-be-one";
    let token = |claims: Value| json!({"key": "secret", "algorithm": "HS256", "claims": claims});
    let mut unknown = claims();
    unknown["canary"] = json!("canary-claim");
    let wanted = [token(unknown), token(json!({"exp": "canary-claim"})), token(json!({"canary": "canary-claim"}))];
    let (_, mut tokens) = make(json!({"secret": {"secret": secret}}), &wanted);
    tokens.push("canary-text".into());
    tokens.push(damaged(&tokens[0]));
    let plugins = PluginsDir::with([jwt_plugin()]);
    let daemon = Setup::on_shards(1)
        .authenticator("JwtAuthenticator", plugins)
        .log_level("trace")
        .settings(&format!("jwt_signing_algorithms: [HS256]\njwt_verification_key: {secret}"))
        .start();
    for token in &tokens {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": token}));
        let answer = client.next_json();
        assert!(!answer.to_string().contains("canary"), "{answer}");
    }
    expect_nowhere(&daemon, "canary");
    tokens.iter().flat_map(|token| token.split('.')).for_each(|part| expect_nowhere(&daemon, part));
}

fn expect_nowhere(daemon: &Daemon, secret: &str) {
    let log = daemon.log().text();
    assert!(log.contains("serving clients") && !log.contains(secret), "{secret} is in the log:\n{log}");
    for file in ["cmdline", "environ"] {
        let path = Path::new("/proc").join(daemon.pid().to_string()).join(file);
        let shown = fs::read(path).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&shown).contains(secret), "{secret} is in {file}");
    }
}
