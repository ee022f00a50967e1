//! Tokens and sessions: who is let in, and as what.

use crate::harness::{Answer, Daemon, Setup, operations_order, operations_request};
use serde_json::json;

fn daemon() -> Daemon {
    Setup::on_shards(1).with_operations().start()
}

fn sign_in(daemon: &Daemon, token: &str) -> Answer {
    daemon.ask_operations(&operations_order("/api/v1/session", &json!({ "token": token })))
}

/// The cookie of an answer, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    let cookie = answer.header("Set-Cookie").expect("there is a cookie");
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn a_token_is_shown_once_and_a_cookie_stands_for_it() {
    let daemon = daemon();
    daemon.get_operations("/api/v1/session").expect_problem(401);
    let signed_in = sign_in(&daemon, &daemon.token("operate")).expect(200);
    assert_eq!(signed_in.json(), json!({"role": "operate", "relay": "test-relay"}));
    let attributes = signed_in.header("Set-Cookie").unwrap();
    for attribute in ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=43200"] {
        assert!(attributes.split("; ").any(|found| found == attribute), "{attributes}");
    }
    let with_cookie = |method: &str, target: &str| {
        let line = format!("Cookie: other=1; {}", cookie(&signed_in));
        operations_request(method, target).also(&line).also("Pusu-Operation: 1")
    };
    let seen = daemon.ask_operations(&with_cookie("GET", "/api/v1/session")).expect(200);
    assert_eq!(seen.json(), json!({"role": "operate", "relay": "test-relay"}));
    let gone = daemon.ask_operations(&with_cookie("DELETE", "/api/v1/session")).expect(204);
    assert!(gone.header("Set-Cookie").unwrap().contains("Max-Age=0"));
    daemon.ask_operations(&with_cookie("GET", "/api/v1/session")).expect_problem(401);
}

#[test]
fn whoever_may_only_look_changes_nothing() {
    let daemon = daemon();
    let client = daemon.client();
    let read = daemon.token("read");
    for (target, body) in [
        ("/api/v1/kick", json!({"whom": {"address": "127.0.0.1"}})),
        ("/api/v1/revoke", json!({"whom": {"subject": "alice"}})),
        ("/api/v1/lift", json!({"whom": {"subject": "alice"}})),
        ("/api/v1/publish", json!({"channel": "a", "content": 1})),
        ("/api/v1/reload", json!({})),
    ] {
        let answer = daemon.ask_operations(&operations_order(target, &body).bearer(&read));
        assert!(answer.expect_problem(403)["detail"].as_str().unwrap().contains("`operate`"), "{target}");
    }
    assert_eq!(daemon.status()["connections"]["total"], 1);
    drop(client);
}

#[test]
fn without_the_header_that_pages_of_others_cannot_send_nothing_is_changed() {
    let daemon = daemon();
    let order = operations_order("/api/v1/kick", &json!({"whom": {"address": "127.0.0.1"}}));
    let order = order.bearer(&daemon.token("operate"));
    let client = daemon.client();
    daemon.ask_operations(&order.clone().without("Pusu-Operation")).expect_problem(403);
    daemon.ask_operations(&order.clone().header("Content-Type: text/plain")).expect_problem(415);
    let without = operations_order("/api/v1/session", &json!({"token": "x"})).without("Pusu-Operation");
    daemon.ask_operations(&without).expect_problem(403);
    assert_eq!(daemon.status()["connections"]["total"], 1);
    drop(client);
}

#[test]
fn wrong_tokens_are_refused_and_soon_not_even_looked_at() {
    let daemon = daemon();
    let signed_in = sign_in(&daemon, &daemon.token("read")).expect(200);
    for number in 1..=4 {
        sign_in(&daemon, &format!("hunter2-hunter2-hunter2-{number}")).expect_problem(401);
    }
    let bearer = operations_request("GET", "/api/v1/status").bearer("hunter2-hunter2-hunter2");
    daemon.ask_operations(&bearer).expect_problem(401);
    let throttled = sign_in(&daemon, &daemon.token("operate"));
    let wait: u64 = throttled.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    throttled.expect_problem(429);
    // Those who are signed in notice nothing.
    let line = format!("Cookie: {}", cookie(&signed_in));
    daemon.ask_operations(&operations_request("GET", "/api/v1/session").also(&line)).expect(200);
    assert!(!daemon.log().text().contains("hunter2"));
}

/// A program that goes on with a token of yesterday guesses nothing, and those who guess lock nobody out who has been there.
#[test]
fn whoever_has_the_right_token_is_let_in_beside_others_with_wrong_ones() {
    let daemon = daemon();
    let status = |token: &str| {
        let request = operations_request("GET", "/api/v1/session").bearer(token);
        daemon.ask_operations(&request).status
    };
    for _ in 0..10 {
        assert_eq!(status("hunter2-hunter2-hunter2"), 401);
    }
    assert_eq!(daemon.log().text().matches("operator: show a token").count(), 1, "it is written down once a minute");
    let (read, operate) = (daemon.token("read"), daemon.token("operate"));
    assert_eq!(status(&read), 200);
    let guesses: Vec<u16> = (1..=5).map(|number| status(&format!("hunter2-hunter2-hunter2-{number}"))).collect();
    assert_eq!(guesses, [401, 401, 401, 401, 429]);
    assert_eq!((status(&read), status(&operate)), (200, 429));
    sign_in(&daemon, &read).expect(200);
}

#[test]
fn credentials_of_another_kind_are_not_looked_at() {
    let daemon = daemon();
    let line = format!("Cookie: {}", cookie(&sign_in(&daemon, &daemon.token("read")).expect(200)));
    let request = operations_request("GET", "/api/v1/session").also("Authorization: Basic aHVudGVyMjpodW50ZXIy");
    for _ in 0..6 {
        daemon.ask_operations(&request.clone().also(&line)).expect(200);
        daemon.ask_operations(&request).expect_problem(401);
    }
    let both = request.also(&format!("Authorization: Bearer {}", daemon.token("operate")));
    assert_eq!(daemon.ask_operations(&both).expect(200).json()["role"], "operate");
    daemon.ask_operations(&operations_request("GET", "/api/v1/session").also("Authorization: Bearer")).expect(401);
}
