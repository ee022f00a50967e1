//! History in the console: what is kept, a channel's kept messages, and what is wrong with it.

use super::browser::Browser;
use super::crowd::MARKUP;
use super::relays::Relays;
use crate::harness::Client;
use serde_json::json;

fn subscribe(client: &mut Client, message: serde_json::Value) {
    client.send(message);
    assert_eq!(client.next_json()["type"], "subscribe_ok");
}

#[test]
fn what_is_kept_is_shown_and_a_relay_that_keeps_something_else_is_named() {
    let Some(mut browser) = Browser::start("history in the console") else { return };
    // The two others have none.
    let relays =
        Relays::start(Relays::good_certificate(), "history: [{channels: ['bids.*'], size: 3, ttl: 10m, for: bids}]");
    let mut listener = relays.first().client();
    subscribe(&mut listener, json!({"type": "subscribe", "channel": "bids.1"}));
    let mut source = relays.first().client();
    for content in [json!("gone"), json!({"text": MARKUP}), json!("second"), json!("x".repeat(3000))] {
        source.publish("bids.1", content);
    }
    browser.sign_in(&relays.url(), &relays.token("read"));
    browser.see("Kept messages");
    browser.see_row("Messages kept", "3 of 1");
    browser.see_row("bids", "3 each");
    subscribe(&mut relays.first().client(), json!({"type": "subscribe", "channel": "bids.1", "since": "nowhere"}));
    browser.see_row("Came back and were told of a loss", "1");
    browser.inspect("history");

    let line = browser.see_problem("second keeps other messages");
    assert!(line.contains("it has another `history`"), "{line}");
    browser.follow_problem("second keeps other messages");
    browser.see_heading("Network");
    browser.see_row("second", "keeps other history: it has another `history`");

    browser.go("Channels");
    browser.see_row("bids.1", "3");
    browser.follow("bids.1");
    browser.see_row("History", "3 of at most 3 messages");
    browser.press("Show");
    browser.see("3 messages of 3.");
    browser.see_row("first", &json!({"text": MARKUP}).to_string());
    browser.see_row("first", "cut, of 2.9 KiB");
    browser.inspect("channel-history");
}
