//! Each view of the console, against three relays with traffic: what it shows, and that it shows it as text.

use super::browser::Browser;
use super::crowd::{CHANNEL, MARKUP, Traffic, long_named, refused, sends_too_much, slow_listener};
use super::gone::says_that_the_relay_is_gone;
use super::relays::Relays;
use crate::harness::DEADLINE;
use serde_json::json;
use std::time::Instant;

/// An authorization that is typed into the console and may be nowhere afterwards.
const CANARY: &str = "both=news.*";

#[test]
fn every_view_shows_what_it_should() {
    let Some(mut browser) = Browser::start("the console, view by view") else { return };
    let mut relays = Relays::start(
        Relays::good_certificate(),
        "limits: {max_message_bytes: 100 KiB, outbox_bytes: 64 MiB, outbox_soft_bytes: 64 MiB, write_deadline: 5m}",
    );
    let _traffic = Traffic::on(&relays);
    let _long = long_named(relays.first());
    let token = relays.token("operate");
    signs_in(&mut browser, &relays, &token);
    shows_now(&mut browser, &relays);
    shows_the_network(&mut browser, &relays);
    shows_clients(&mut browser, &relays);
    shows_channels(&mut browser);
    shows_why(&mut browser, &relays);
    shows_settings(&mut browser);
    keeps_nothing(&mut browser, &token);
    says_that_the_relay_is_gone(&mut browser, &mut relays, &token);
}

fn signs_in(browser: &mut Browser, relays: &Relays, token: &str) {
    browser.tell("open", json!({"url": relays.url()}));
    browser.see_heading("Sign in");
    browser.see("operations_token_file");
    browser.see("operators' tokens are here");
    browser.inspect("sign-in");
    browser.tell("sign_in", json!({"token": "not-the-token"}));
    browser.see("This is not a token of this relay");
    browser.see("operations.token has those that are right");
    browser.tell("sign_in", json!({"token": token}));
    browser.see_heading("Now");
    // By the keyboard: the first stop leads past everything that each view has.
    browser.tell("reload", json!({}));
    browser.see_heading("Now");
    assert_eq!(browser.tell("tab", json!({})), "Skip to the content");
    browser.tell("tab", json!({"key": "Enter"}));
}

fn shows_now(browser: &mut Browser, relays: &Relays) {
    sends_too_much(relays.first());
    browser.see("first serves");
    browser.see_row("max_message_bytes", "+1");
    browser.see_row("Disconnected with 1009", "+1");
    browser.see_row("Decides", "ScriptedAuthenticator");
    browser.see_row("Since", "20");
    browser.see_row("secure", "valid until");
    browser.see("Messages that wait");
    knows_its_rows_and_its_clock(browser);
    let began = Instant::now();
    loop {
        let chart = browser.tell("chart", json!({"title": "Messages delivered"}));
        if !["–", "0", ""].contains(&chart["number"].as_str().unwrap()) {
            assert!(chart["words"].as_str().unwrap().contains("in the last 15 minutes: now "), "{chart}");
            break;
        }
        assert!(began.elapsed() < DEADLINE, "{chart}");
    }
    browser.inspect("now");
}

/// Rows that are alike are as many as they are, also when they are shown again; and when the clock is set back, the charts begin
/// anew.
fn knows_its_rows_and_its_clock(browser: &mut Browser) {
    let found = browser.tell("of_modules", json!({}));
    assert_eq!(found["rows"], json!(["a b c", "a b", "b b b"]), "{found}");
    assert_eq!(found["figures"], 180, "{found}");
    assert_eq!((&found["known"], &found["published"]), (&json!([101]), &json!(1)), "{found}");
}

fn shows_the_network(browser: &mut Browser, relays: &Relays) {
    browser.go("Network");
    browser.see("linked with all 2 others");
    browser.see_row("second", "for ");
    browser.see_row("third", "for ");
    browser.inspect("network");
    relays.cut(true);
    browser.see("Not with second");
    browser.see_row("second", "not linked");
    // The third one is linked with both, and says so: that is where the relays differ.
    browser.see_row("third", "second");
    browser.see_problem("second");
    browser.inspect("network-cut");
    relays.cut(false);
    browser.see("linked with all 2 others");
}

fn shows_clients(browser: &mut Browser, relays: &Relays) {
    let (_slow, address) = slow_listener(relays.first(), "sleepy");
    browser.go("Clients");
    browser.see_row(MARKUP, "open");
    browser.see_row(&address, "does not read");
    // Somebody was disconnected for a limit, with a long name, which is cut in the list alone.
    browser.see_row("(1009)", "past max_message_bytes");
    browser.inspect("clients");
    browser.follow("long-");
    browser.see("1 of 1 client that fit");
    browser.go("Clients");
    browser.tell("choose", json!({"label": "Most of", "value": "their rates"}));
    browser.see_row("news-desk", "/s");
    browser.fill("Subject", "news-desk");
    browser.press("Show");
    browser.see("1 of 1 client that fit");
    browser.fill("Subject", "");
    browser.fill("Listens to", CHANNEL);
    browser.press("Show");
    browser.see("2 of 2 clients that fit");
    browser.fill("Listens to", "");
    browser.fill("Address", &address);
    browser.press("Show");
    browser.see("1 of 1 client that fit");
    browser.follow(&address);
    browser.see_heading(&address);
    browser.see_row("Subject", "sleepy");
    browser.see_row("Has not read for", "s");
    browser.see_row("*", "read and write");
    browser.see("slow");
    browser.inspect("client");
}

fn shows_channels(browser: &mut Browser) {
    browser.go("Channels");
    browser.see_row(CHANNEL, "2");
    browser.see_row(CHANNEL, "second");
    browser.inspect("channels");
    browser.follow(CHANNEL);
    browser.see_heading(CHANNEL);
    browser.see_row("Listeners here", "2");
    browser.press("Listen");
    browser.see(&json!({"text": MARKUP}).to_string());
    browser.press("Pause");
    browser.see("not shown");
    browser.press("Go on");
    browser.fill("Content", "hello from the console");
    browser.press("Publish");
    browser.see("Published at");
    // The page itself listens too.
    browser.see_row("Listeners here", "3 (1 of them an operator’s tail)");
    browser.see_row("operator", "(an operator’s tail)");
    browser.see("hello from the console");
    browser.inspect("channel");
    // However many come, no more than 200 are kept.
    let began = Instant::now();
    loop {
        let tail = browser.tell("tail", json!({}));
        assert!(tail["rows"].as_u64().unwrap() <= 200, "{tail}");
        if tail["came"].as_u64().unwrap() > 250 {
            assert_eq!(tail["rows"], 200, "{tail}");
            break;
        }
        assert!(began.elapsed() < DEADLINE, "{tail}");
    }
    browser.press("Stop");
}

fn shows_why(browser: &mut Browser, relays: &Relays) {
    let _refused = refused(relays.first());
    browser.go("Why");
    browser.see_row("refused", MARKUP);
    browser.tell("tick", json!({"label": "Only those that granted nothing"}));
    browser.press("Show");
    browser.see_row("refused", MARKUP);
    browser.fill("Authorization", CANARY);
    browser.fill("May it read and write", "news.1, other, news.1");
    browser.press("Explain");
    browser.see_row("Decision", "granted");
    browser.see_row("news.1", "yes, by news.*");
    browser.see_row("other", "no: no pattern");
    assert_eq!(browser.tell("rows", json!({"of": "yes, by news.*"})), 1);
    assert_eq!(browser.tell("value", json!({"label": "Authorization"})), "");
    browser.inspect("why");
}

fn shows_settings(browser: &mut Browser) {
    browser.go("Settings");
    browser.see_row("operations_token_file", "operations.token");
    browser.see_row("max_message_bytes", "100");
    browser.see("A reload would change nothing");
    browser.inspect("settings");
    browser.tell("tick", json!({"label": "Only what differs"}));
    browser.fill("Part of the key", "max_message_bytes");
    browser.see("1 of ");
    browser.fill("Part of the key", "");
}

/// Neither a token nor an authorization is in an address, or kept where scripts can read it.
fn keeps_nothing(browser: &mut Browser, token: &str) {
    let kept = browser.tell("kept", json!({})).to_string();
    assert!(!kept.contains(token) && !kept.contains(CANARY), "{kept}");
    assert!(kept.contains("#/settings?differs=true"), "{kept}");
}
