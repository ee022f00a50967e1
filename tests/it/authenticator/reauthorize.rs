//! `on_swap: reauthorize`: whoever is connected is asked again after a swap, and what is no longer permitted ends.

use super::hot_swap::{expect_decided_by, swap};
use crate::harness::{Client, Daemon, Running, Setup, many_open_files, pusud, scripted_version};
use serde_json::json;

fn reauthorizing(shards: usize) -> Daemon {
    Setup::on_shards(shards).settings("on_swap: reauthorize").start()
}

#[test]
fn with_reauthorize_permissions_shrink_and_grow() {
    for shards in [1, 3] {
        let daemon = reauthorizing(shards);
        let mut shrinks = daemon.client_with("when=1.0.0 read=a.* write=a.* when=2 read=a.2 write=a.2");
        let mut grows = daemon.client_with("read=a when=2 both=b");
        let mut refused = daemon.client_with("both=* when=2 refuse=revoked");
        let mut one_of_two = daemon.client_with("both=a.1");
        one_of_two.authorize("both=a.2 when=2 refuse=revoked");
        for client in [&mut shrinks, &mut one_of_two] {
            client.subscribe("a.1");
            client.subscribe("a.2");
        }
        shrinks.publish("a.0", json!(0));
        refused.subscribe("a.1");
        swap(&daemon, &scripted_version("2"));
        refused.expect_text(r#"{"type":"authorization_failed","reason":"revoked"}"#);
        refused.expect_closed(4501);
        shrinks.expect_text(r#"{"type":"subscription_ended","channel":"a.1","reason":"no longer permitted"}"#);
        one_of_two.expect_text(r#"{"type":"subscription_ended","channel":"a.2","reason":"revoked"}"#);
        one_of_two.publish("a.1", json!(1));
        one_of_two.expect_publish("a.1", json!(1));
        shrinks.publish("a.2", json!(2));
        shrinks.expect_publish("a.2", json!(2));
        one_of_two.expect_no_answer();
        // A remembered permission to write does not outlive the permission.
        shrinks.publish("a.0", json!(0));
        assert_eq!(shrinks.expect_error("permission_denied")["channel"], "a.0");
        shrinks.expect_closed(4502);
        // It was asked again before those who have joined after it.
        grows.subscribe("b");
        grows.publish("b", json!(1));
        grows.expect_publish("b", json!(1));
    }
}

#[test]
fn with_reauthorize_an_end_that_is_set_anew_counts() {
    let daemon = reauthorizing(1);
    let mut client = daemon.client_with("both=* when=2 expires=1000");
    client.subscribe("a");
    swap(&daemon, &scripted_version("2"));
    client.expect_text(r#"{"type":"authorization_expiring","seconds":0}"#);
    client.expect_text(r#"{"type":"authorization_failed","reason":"expired"}"#);
    client.expect_closed(4501);
}

#[test]
fn the_listen_command_says_which_subscription_has_ended() {
    let daemon = reauthorizing(1);
    let words = "read=b when=1.0.0 read=a";
    let listener = Running::start(&mut pusud(&["listen", "--url", &daemon.url(), "--authorization", words, "a", "b"]));
    listener.stderr.wait_for("it to listen", |line| line.contains("listening to").then_some(()));
    swap(&daemon, &scripted_version("2"));
    listener.finish().fails_saying(&["the relay ended the subscription to \"a\": no longer permitted"]);
}

/// Nobody loses anything because nobody can be asked, and the question is put again.
#[test]
fn with_reauthorize_an_authenticator_that_cannot_decide_changes_nothing() {
    let daemon = reauthorizing(3);
    let mut client = daemon.client_with("when=1.0.0 both=* when=2 unavailable when=3 both=a");
    client.subscribe("a");
    client.subscribe("b");
    swap(&daemon, &scripted_version("2"));
    daemon.log().wait_for("the question", |line| line.contains("could not decide: no reason given").then_some(()));
    client.publish("b", json!(1));
    client.expect_publish("b", json!(1));
    let mut new = daemon.connect();
    new.send(json!({"type": "authorize", "authorization": "unavailable"}));
    new.expect_error("authorization_failed");
    new.expect_closed(1013);
    swap(&daemon, &scripted_version("3"));
    client.expect_text(r#"{"type":"subscription_ended","channel":"b","reason":"no longer permitted"}"#);
    client.expect_no_answer();
}

#[test]
fn with_reauthorize_a_thousand_are_asked_while_new_ones_are_served() {
    many_open_files();
    let daemon = reauthorizing(3);
    let mut clients: Vec<Client> =
        (0..1000).map(|_| daemon.client_with("read=a read=b when=2 refuse=revoked when=3 read=a")).collect();
    for client in &mut clients {
        client.subscribe("a");
    }
    swap(&daemon, &scripted_version("3"));
    for _ in 0..20 {
        expect_decided_by(&daemon, "3");
    }
    swap(&daemon, &scripted_version("2"));
    for client in &mut clients {
        client.expect_text(r#"{"type":"authorization_failed","reason":"revoked"}"#);
        client.expect_closed(4501);
    }
}
