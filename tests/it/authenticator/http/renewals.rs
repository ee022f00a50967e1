//! Permissions that end, and clients that renew them, where answers are remembered.

use super::{Service, answering, everything, start};
use serde_json::json;
use std::time::{Duration, Instant};

/// The answer is remembered for ten minutes, but whoever renews wants a new end.
#[test]
fn a_renewal_is_not_answered_with_the_old_end() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "");
    let answer = everything(json!({"cache_seconds": 600}));
    let authorization = json!({"answer": answer, "expires_in": [4, 600]}).to_string();
    let mut client = daemon.client_with(&authorization);
    let past_the_end = Instant::now() + Duration::from_millis(4500);
    client.subscribe("a.b");
    assert_eq!(client.next_json()["type"], "authorization_expiring");
    client.authorize(&authorization);
    assert_eq!(service.requests().len(), 2);
    while Instant::now() < past_the_end {
        client.publish("a.b", json!(1));
        client.expect_publish("a.b", json!(1));
    }
    // The new answer is remembered too.
    daemon.client_with(&authorization).subscribe("a.b");
    assert_eq!(service.requests().len(), 2);
}

/// A newcomer's question was sent before the renewal came, and has the answer from before.
#[test]
fn a_renewal_does_not_wait_for_an_older_question() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "  http_timeout: 20\nlimits: {authorize_call_timeout: 20s}\n");
    let authorization = json!({"delays": [0, 60, 0], "answer": everything(json!({}))}).to_string();
    let mut client = daemon.client_with(&authorization);
    let _newcomer = super::ask(&daemon, &authorization);
    service.wait_for_requests(2);
    client.authorize(&authorization);
    assert_eq!(service.requests().len(), 3);
}

/// Where nothing is remembered for long, nobody is let in to be sent away at once.
#[test]
fn what_is_about_to_end_is_asked_about_again() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "");
    let answer = everything(json!({"cache_seconds": 600}));
    let authorization = json!({"answer": answer, "expires_in": [6, 600]}).to_string();
    let begun = Instant::now();
    let _first = daemon.client_with(&authorization);
    while service.requests().len() == 1 {
        assert!(begun.elapsed() < Duration::from_millis(5500), "still remembered, and about to end");
        daemon.client_with(&authorization);
    }
    let mut client = daemon.client_with(&authorization);
    client.subscribe("a.b");
    assert_eq!(service.requests().len(), 2);
    assert!(client.has_nothing_to_read(), "told that it ends");
    let known = answering(everything(json!({"cache_seconds": 600})));
    (0..2).for_each(|_| daemon.client_with(&known).subscribe("a.b"));
    assert_eq!(service.requests().len(), 3);
}
