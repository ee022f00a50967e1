//! An issuer that rotates its keys twice under a crowd of clients, and is then away for longer than its keys hold.
//!
//! Time is compressed by `jwt_jwks_max_age: 20s`, so that keys are fetched every 10 s, and too old after 20 s.

use super::fetched::{key_set, metric, settings, setup, token, wait_for_condition};
use super::{claims, damaged, expect_refused, make};
use crate::harness::{Client, DEADLINE, Daemon, TokenServer};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CLIENTS: usize = 1000;

/// The answer to a token: `ok`, `unavailable`, or the reason of a refusal.
fn answer(daemon: &Daemon, token: &str) -> String {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": token}));
    let answer = client.next_json();
    match answer["type"].as_str() {
        Some("authorization_ok") => "ok".to_owned(),
        _ => answer["reason"].as_str().unwrap_or_default().to_owned(),
    }
}

/// Asks until the answer is as wanted; until then it may be one of `meanwhile` alone. How long it took.
fn wait_for(daemon: &Daemon, what: &str, token: &str, wanted: &str, meanwhile: &[&str]) -> Duration {
    let began = Instant::now();
    loop {
        let answer = answer(daemon, token);
        if answer == wanted {
            return began.elapsed();
        }
        assert!(meanwhile.contains(&answer.as_str()), "{what}: {answer}");
        assert!(began.elapsed() < 3 * DEADLINE, "waited in vain for {what}: {answer}");
        // A crowd of clients that try again at once would only fill the log.
        std::thread::sleep(Duration::from_millis(20));
    }
}

const UNKNOWN: &str = "the key that the token names (`kid`) is not known";
const UNAVAILABLE: &str = "unavailable";

fn documents(server: &TokenServer, keys: &Value, names: &[&str]) -> Value {
    json!({
        "/realm/.well-known/openid-configuration": {
            "answer": {"issuer": server.url("/realm"), "jwks_uri": server.url("/realm/keys")},
        },
        "/realm/keys": {"answer": key_set(keys, names), "headers": {"Cache-Control": "public, max-age=3600"}},
    })
}

#[test]
fn keys_are_rotated_and_lost_and_nobody_is_cut_or_let_in_wrongly() {
    let server = TokenServer::start();
    let mut claims = claims();
    claims["iss"] = json!(server.url("/realm"));
    let kinds = json!({"one": "P-256", "two": "P-256", "three": "P-256", "four": "P-256"});
    let signed = ["one", "two", "three", "four"].map(|name| token(name, "ES256", claims.clone()));
    let (keys, tokens) = make(kinds, &signed);
    server.serve(&documents(&server, &keys, &["one"]));
    let options = format!("  jwt_oidc_issuer: {}\n  jwt_jwks_max_age: 20s\n", server.url("/realm"));
    // A call has its usual time; the crowd reads at the end alone, and would leave pings unanswered until then.
    let limits = "limits: {authorize_call_timeout: 5s, ping_interval: 0}\n";
    let daemon = setup(&settings(&server, &format!("{options}{limits}"))).start();
    let mut crowd: Vec<Client> = (0..CLIENTS).map(|_| daemon.client_with(&tokens[0])).collect();
    crowd.iter_mut().for_each(|client| client.subscribe("news.alice"));

    // The first rotation: no token of the new key is refused, however soon it comes.
    server.serve(&documents(&server, &keys, &["one", "two"]));
    wait_for(&daemon, "the second key", &tokens[1], "ok", &[UNAVAILABLE]);
    assert_eq!(answer(&daemon, &tokens[0]), "ok");
    expect_refused(&daemon, &damaged(&tokens[1]), "the token's signature is not good");

    // The second: the first key is withdrawn, and its tokens are refused from the fetch on.
    server.serve(&documents(&server, &keys, &["two", "three"]));
    wait_for(&daemon, "the third key", &tokens[2], "ok", &[UNAVAILABLE]);
    wait_for(&daemon, "the first key to be withdrawn", &tokens[0], UNKNOWN, &[UNAVAILABLE]);
    assert_eq!(answer(&daemon, &tokens[1]), "ok");

    // The issuer is away: known keys hold on for their time, and unknown ones are not called bad.
    let fetched = metric(&daemon, "key_set_timestamp_seconds");
    server.serve(&Value::Null);
    daemon.log().wait_for("the failure", |line| line.contains("go on to hold for").then_some(()));
    assert_eq!(answer(&daemon, &tokens[2]), "ok");
    assert_eq!(answer(&daemon, &tokens[3]), UNAVAILABLE);
    expect_refused(&daemon, &damaged(&tokens[2]), "the token's signature is not good");
    assert!(wait_for_condition(&daemon, "degraded").contains("hold until they are 20s old"));
    wait_for(&daemon, "the keys to be too old", &tokens[2], UNAVAILABLE, &["ok"]);
    let lost = Instant::now();
    assert!(wait_for_condition(&daemon, "bad").contains("too old"));
    daemon.log().wait_for("the end of the keys", |line| line.contains("so that nobody is let in").then_some(()));
    while lost.elapsed() < Duration::from_secs(5) {
        assert_eq!(answer(&daemon, &tokens[2]), UNAVAILABLE);
        std::thread::sleep(Duration::from_millis(20));
    }

    // It is back, with yet another key.
    server.serve(&documents(&server, &keys, &["three", "four"]));
    wait_for(&daemon, "the fourth key", &tokens[3], "ok", &[UNAVAILABLE]);
    assert_eq!(answer(&daemon, &tokens[2]), "ok");
    wait_for(&daemon, "the second key to be withdrawn", &tokens[1], UNKNOWN, &[UNAVAILABLE]);
    assert!(metric(&daemon, "key_set_timestamp_seconds") > fetched);
    assert_eq!(metric(&daemon, "key_set_keys"), 2.0);

    // Whoever was connected all the time has missed nothing.
    let mut source = daemon.client_with(&tokens[3]);
    source.publish("news.alice", json!("still here"));
    crowd.iter_mut().for_each(|client| client.expect_publish("news.alice", json!("still here")));
}
