//! `pusud kick`: connections that the operator ends, by each way to name them, and nobody else's.

use crate::harness::{Client, DEADLINE, Daemon, Raw, Request, Setup, upgrade_request};
use serde_json::json;
use std::time::Instant;

crate::on_1_and_3_shards!(whoever_is_named_goes_and_nobody_else, requests_and_streams_end_too,);

const ALICE: &str = "subject=alice both=*";

fn alice(daemon: &Daemon) -> Client {
    daemon.client_with(ALICE)
}

fn whoever_is_named_goes_and_nobody_else(daemon: Daemon) {
    let mut others: Vec<Client> = (0..5).map(|_| daemon.client_with("subject=bob both=*")).collect();
    others.iter_mut().for_each(|other| other.subscribe("b"));
    let mut kicked = alice(&daemon);
    let address = daemon.last_decision_about("alice")["address"].as_str().unwrap().to_owned();
    assert_eq!(daemon.operate(&["kick", "--client", &address]).succeeds(), "1 connection ended");
    kicked.expect_closed(4504);
    let mut two = [alice(&daemon), alice(&daemon)];
    assert_eq!(daemon.operate(&["kick", "--subject", "alice"]).succeeds(), "2 connections ended");
    two.iter_mut().for_each(|kicked| kicked.expect_closed(4504));
    let mut listener = alice(&daemon);
    listener.subscribe("a");
    let said = daemon.operate_json(&["kick", "--channel", "a"]);
    assert_eq!(said, [json!({"connections": 1, "relays": []})]);
    listener.expect_closed(4504);
    for nobody in [["--subject", "carol"], ["--channel", "nothing"], ["--client", &address], ["--address", "192.0.2.1"]]
    {
        assert_eq!(daemon.operate(&[&["kick"], &nobody[..]].concat()).succeeds(), "0 connections ended");
    }
    others[0].publish("b", json!(1));
    others.iter_mut().for_each(|other| other.expect_publish("b", json!(1)));
    let network = daemon.operate(&["kick", "--address", "127.0.0.0/8"]).succeeds();
    assert_eq!(network, "5 connections ended");
    others.iter_mut().for_each(|other| other.expect_closed(4504));
    let status = daemon.status();
    assert_eq!(status["disconnects"], json!([{"code": 4504, "reason": "disconnected by the operator", "count": 9}]));
}

fn requests_and_streams_end_too(daemon: Daemon) {
    let mut stream = daemon.events_with(ALICE, &["a"]);
    let mut source = daemon.http();
    let request = Request::post("/publish/a", "1").bearer(ALICE);
    source.ask(&request).expect_accepted();
    stream.expect_publish("a", json!(1));
    assert_eq!(daemon.operate(&["kick", "--subject", "alice"]).succeeds(), "2 connections ended");
    stream.expect_end(4504);
    source.expect_end();
    daemon.http().ask(&request).expect_accepted();
}

/// The ids of the clients from there, when there are so many.
fn ids(daemon: &Daemon, address: &str, count: usize) -> Vec<String> {
    let began = Instant::now();
    loop {
        let clients = daemon.operate_json(&["clients", "--sort", "age", "--address", address]).remove(0);
        let rows = clients["clients"].as_array().unwrap();
        if rows.len() == count {
            return rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        }
        assert!(began.elapsed() < DEADLINE, "{count} clients are waited for: {clients:#}");
    }
}

#[test]
fn an_id_is_one_client_and_never_another_one() {
    let listener = "listeners:\n  - {address: 127.0.0.1, port: 0, trusted_proxies: [127.0.0.1]}\n";
    let daemon = Setup::on_shards(1).settings(listener).start();
    // The proxy says no port.
    let connect = || {
        let mut raw = daemon.raw();
        raw.send(upgrade_request("X-Forwarded-For: 192.0.2.7\r\n"));
        raw.read_head();
        raw.expect_hello();
        raw
    };
    let [mut goes, _stays]: [Raw; 2] = std::array::from_fn(|_| connect());
    let before = ids(&daemon, "192.0.2.7", 2);
    assert_eq!(daemon.operate(&["kick", "--id", &before[0]]).succeeds(), "1 connection ended");
    goes.read_to_end();
    drop(goes);
    assert_eq!(ids(&daemon, "192.0.2.7", 1), before[1..]);
    // Its number is given out anew, and the id is not.
    let _comes = connect();
    let after = ids(&daemon, "192.0.2.7", 2);
    assert!(!after.contains(&before[0]) && after.contains(&before[1]), "{before:?}, then {after:?}");
    assert_eq!(daemon.operate(&["kick", "--id", &before[0]]).succeeds(), "0 connections ended");
    daemon.operate(&["clients", "--id", &before[0]]).fails_saying(&["there is no client"]);
    assert_eq!(ids(&daemon, "192.0.2.7", 2), after);
    // As the log names them, both are meant.
    assert_eq!(daemon.operate(&["kick", "--client", "192.0.2.7"]).succeeds(), "2 connections ended");
}

#[test]
fn a_subject_that_has_ended_is_nobodys() {
    let daemon = Daemon::on_shards(1);
    let mut client = daemon.client_with("subject=bob read=b");
    client.authorize("subject=alice read=a expires=3000");
    client.subscribe("a");
    client.expect(json!({"type": "authorization_expiring", "seconds": 1}));
    client.expect(json!({"type": "subscription_ended", "channel": "a", "reason": "expired"}));
    assert_eq!(daemon.operate(&["kick", "--subject", "alice"]).succeeds(), "0 connections ended");
    assert_eq!(daemon.operate(&["kick", "--subject", "bob"]).succeeds(), "1 connection ended");
    client.expect_closed(4504);
}

#[test]
fn a_mistake_is_pointed_out() {
    let daemon = Daemon::on_shards(1);
    daemon.operate(&["kick", "--address", "127.0.0.1:80"]).fails_saying(&["it has a port", "127.0.0.1"]);
    daemon.operate(&["kick", "--channel", ""]).fails_saying(&["found nothing"]);
    daemon.operate(&["kick", "--subject", &"x".repeat(1025)]).fails_saying(&["at most 1024 bytes", "1025"]);
    daemon.operate(&["kick", "--id", "alice"]).fails_saying(&["the id of a client", "alice"]);
    let elsewhere = daemon.operate(&["kick", "--id", "0-1", "--network"]);
    assert_eq!(elsewhere.status.code(), Some(2), "{elsewhere:?}");
    let none = daemon.operate(&["kick"]);
    assert_eq!(none.status.code(), Some(2), "{none:?}");
    let two = daemon.operate(&["kick", "--subject", "a", "--channel", "b"]);
    assert_eq!(two.status.code(), Some(2), "{two:?}");
}
