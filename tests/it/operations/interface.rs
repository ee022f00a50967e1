//! The JSON interface: what operators are shown, and what they have done.

use crate::harness::{DEADLINE, Daemon, Setup, operations_request};
use serde_json::json;
use std::time::Instant;

fn daemon() -> Daemon {
    Setup::on_shards(2).with_operations().start()
}

#[test]
fn the_status_is_that_of_the_shell() {
    let daemon = daemon();
    let client = daemon.client();
    // One that is asked for again at once may be the one of before.
    let began = Instant::now();
    let overview = loop {
        let overview = daemon.look("/api/v1/status");
        let connections = &overview["status"]["connections"];
        if connections["total"] == 1 && connections["unauthorized"] == 0 {
            break overview;
        }
        assert!(began.elapsed() < DEADLINE, "{overview}");
    };
    let (mut seen, mut said) = (overview["status"].clone(), daemon.status());
    for status in [&mut seen, &mut said] {
        status["uptime_seconds"] = json!(0);
    }
    assert_eq!(seen["connections"], said["connections"]);
    let keys = |status: &serde_json::Value| status.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&seen), keys(&said));
    assert!(overview["problems"].is_array() && overview["recent"]["seconds"].is_number(), "{overview}");
    drop(client);
}

#[test]
fn live_figures_come_every_second() {
    let daemon = daemon();
    let mut events = daemon.operations_events("/api/v1/live");
    let (first, second) = (events.next(), events.next());
    assert_eq!((first.0.as_str(), second.0.as_str()), ("status", "status"));
    let time = |event: &(String, serde_json::Value)| event.1["time_ms"].as_u64().unwrap();
    assert!(time(&second) - time(&first) >= 900, "{} and {}", time(&first), time(&second));
    assert_eq!(second.1["status"]["name"], "test-relay");
}

#[test]
fn a_channel_is_listened_to_and_a_message_published() {
    let daemon = daemon();
    let mut events = daemon.operations_events("/api/v1/tail?channel=news%201");
    let mut listener = daemon.client();
    listener.subscribe("news 1");
    let said = daemon.change("/api/v1/publish", &json!({"channel": "news 1", "content": {"a": [1, null]}}));
    assert_eq!(said.expect(200).json(), json!({"published": true}));
    listener.expect_publish("news 1", json!({"a": [1, null]}));
    let (kind, data) = events.next();
    assert_eq!(
        (kind.as_str(), &data["channel"], &data["content"]),
        ("message", &json!("news 1"), &json!({"a": [1, null]}))
    );
    assert!(data["time_ms"].as_u64().unwrap() > 1_600_000_000_000);
}

#[test]
fn clients_and_channels_are_listed() {
    let daemon = daemon();
    let mut client = daemon.client();
    client.subscribe("news");
    let clients = daemon.look("/api/v1/clients?sort=age&limit=10&channel=news");
    assert_eq!((&clients["count"], &clients["matching"]), (&json!(1), &json!(1)), "{clients}");
    let id = clients["clients"][0]["id"].as_str().unwrap();
    let page = daemon.look(&format!("/api/v1/client?id={id}"));
    assert_eq!(page["channels"], json!(["news"]));
    let channels = daemon.look("/api/v1/channels?search=ew");
    assert_eq!(channels["channels"][0]["channel"], "news");
    assert_eq!(daemon.look("/api/v1/channel?name=news")["listeners"], 1);
    assert_eq!(daemon.look("/api/v1/channel?name=other")["listeners"], 0);
    let gone = operations_request("GET", "/api/v1/client?id=0-999999").bearer(&daemon.token("read"));
    daemon.ask_operations(&gone).expect_problem(404);
}

#[test]
fn a_connection_is_ended_and_an_authorization_taken_back() {
    let daemon = daemon();
    let mut client = daemon.client();
    let id = daemon.look("/api/v1/clients")["clients"][0]["id"].clone();
    let kicked = daemon.change("/api/v1/kick", &json!({"whom": {"id": id}})).expect(200).json();
    assert_eq!(kicked, json!({"connections": 1, "relays": []}));
    client.expect_closed(4504);
    daemon.wait_for_connections(0);
    let everywhere = json!({"whom": {"id": id}, "network": true});
    let refused = daemon.change("/api/v1/kick", &everywhere).expect_problem(400);
    assert!(refused["detail"].as_str().unwrap().contains("of this relay alone"), "{refused}");
    let mut client = daemon.client();
    let kicked = daemon.change("/api/v1/kick", &json!({"whom": {"address": "127.0.0.1"}})).expect(200).json();
    assert_eq!(kicked, json!({"connections": 1, "relays": []}));
    client.expect_closed(4504);
    let revoked =
        daemon.change("/api/v1/revoke", &json!({"whom": {"subject": "alice"}, "for": null})).expect(200).json();
    assert_eq!((&revoked["until_ms"], &revoked["is_saved"]), (&json!(0), &json!(null)));
    let listed = daemon.look("/api/v1/revocations");
    assert_eq!(listed["revocations"][0]["whom"], json!({"subject": "alice"}));
    daemon.change("/api/v1/lift", &json!({"whom": {"subject": "alice"}})).expect(200);
    daemon.change("/api/v1/lift", &json!({"whom": {"subject": "alice"}})).expect_problem(404);
    assert_eq!(daemon.look("/api/v1/revocations"), json!({"revocations": []}));
}

/// What is to be done stands in the body alone: nobody is to think that a wish in the query was heard.
#[test]
fn a_change_with_something_in_its_query_is_not_carried_out() {
    let daemon = daemon();
    let client = daemon.client();
    let body = json!({"whom": {"address": "127.0.0.1"}});
    let problem = daemon.change("/api/v1/kick?network=false&dry=1", &body).expect_problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("in the query is unknown"), "{problem}");
    assert_eq!(daemon.status()["connections"]["total"], 1);
    drop(client);
}

#[test]
fn decisions_are_found_and_an_authorization_is_explained() {
    let daemon = daemon();
    let client = daemon.client();
    let found = daemon.look("/api/v1/decisions?last=1&refused=false");
    assert_eq!((&found["is_on"], &found["count"]), (&json!(true), &json!(1)));
    assert_eq!(daemon.look("/api/v1/decisions?refused=true")["count"], 0);
    let body = json!({"authorization": crate::harness::ALL, "address": "192.0.2.1:7", "channels": ["news.1"]});
    let explained = daemon.change("/api/v1/authorize", &body).expect(200).json();
    assert_eq!((&explained["decision"], &explained["channels"][0]["channel"]), (&json!("granted"), &json!("news.1")));
    assert_eq!(daemon.look("/api/v1/decisions?last=5")["count"], 1, "an explanation is not remembered");
    drop(client);
}

#[test]
fn the_settings_are_read_again() {
    let daemon = daemon();
    let reloaded = daemon.change("/api/v1/reload", &json!({"new_instance": false})).expect(200).json();
    assert_eq!(reloaded["outcome"], "a new instance of the authenticator has taken over");
    daemon.edit_settings(|text| text.replace("shards:", "shardss:"));
    let problem = daemon.change("/api/v1/reload", &json!({})).expect_problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("nothing was changed"), "{problem}");
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let daemon = daemon();
    let token = daemon.token("read");
    for (target, expected) in [
        ("/api/v1/clients?sort=size", "expected one of waiting, rate, subscriptions, age"),
        ("/api/v1/clients?limit=0", "1 to 1000"),
        ("/api/v1/clients?limit=x", "a whole number"),
        ("/api/v1/clients?other=1", "\"other\" in the query is unknown"),
        ("/api/v1/client", "expected `id`"),
        ("/api/v1/channel?name=", "expected `name`"),
        ("/api/v1/decisions?address=x", "address"),
        ("/api/v1/status?x=%zz", "cannot be decoded"),
    ] {
        let problem = daemon.ask_operations(&operations_request("GET", target).bearer(&token)).expect_problem(400);
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{target}: {problem}");
    }
    daemon.ask_operations(&operations_request("GET", "/api/v1/nothing").bearer(&token)).expect_problem(404);
    let answer = daemon.ask_operations(&operations_request("PUT", "/api/v1/session").bearer(&token));
    assert_eq!(answer.header("Allow"), Some("POST, GET, HEAD, DELETE"));
}
