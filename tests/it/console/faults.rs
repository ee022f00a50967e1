//! Five faults of a network of three relays: the console says that something is wrong, and within two clicks it names the culprit.

use super::browser::Browser;
use super::crowd::slow_listener;
use super::relays::Relays;
use crate::harness::{ALL, DAY, root};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long the charts in the picture of the page go back.
const CHARTS_TAKE: Duration = Duration::from_secs(90);

#[test]
fn a_newcomer_finds_each_of_five_faults_within_two_clicks() {
    let Some(mut browser) = Browser::start("five faults, found by the console") else { return };
    let limits =
        "outbox_bytes: 64 MiB, outbox_soft_bytes: 64 MiB, write_deadline: 5m, publish_rate: 100, publish_burst: 1000";
    let relays = Relays::start(3 * DAY + DAY / 2, &format!("limits: {{{limits}}}"));
    browser.sign_in(&relays.url(), &relays.token("read"));
    finds_a_certificate_that_expires(&mut browser);
    finds_a_link_that_is_cut(&mut browser, &relays);
    finds_a_failing_authenticator(&mut browser, &relays);
    finds_a_publisher_past_its_rate(&mut browser, &relays);
    finds_a_slow_listener(&mut browser, &relays);
    browser.inspect("faults");
    takes_the_picture_of_the_page(&mut browser, &relays);
}

fn finds_a_certificate_that_expires(browser: &mut Browser) {
    let line = browser.see_problem("certificate");
    assert!(line.contains("secure") && line.contains("3 days"), "{line}");
    browser.follow_problem("certificate");
    browser.see_row("secure", "(3 days)");
    browser.see_row("secure", "relay.test");
}

fn finds_a_link_that_is_cut(browser: &mut Browser, relays: &Relays) {
    // Before it has been linked a relay is called by its address.
    browser.go("Network");
    browser.see("linked with all 2 others");
    browser.go("Now");
    relays.cut(true);
    let line = browser.see_problem("no link with");
    assert!(line.contains("second"), "{line}");
    browser.follow_problem("no link with");
    browser.see_heading("Network");
    browser.see("Not with second");
    browser.see_row("second", "not linked");
    relays.cut(false);
    browser.see("linked with all 2 others");
}

fn finds_a_failing_authenticator(browser: &mut Browser, relays: &Relays) {
    // It answers, and says that it cannot: all counts but that of what was not decided stay as they are.
    fails_to_authorize(relays, "unavailable");
    let line = browser.see_problem("could not decide");
    assert!(line.contains("ScriptedAuthenticator"), "{line}");
    browser.go("Now");
    browser.see_row("Failed in the last minute", "1 not decided");
    browser.see_row("Failed since it took over", "1 not decided");
    browser.see_row("Not decided", "1");
    fails_to_authorize(relays, "error");
    browser.see_row("Failed in the last minute", "1 failed");
    browser.follow_problem("could not decide");
    browser.see_heading("Why");
    browser.see_row("unavailable", "ScriptedAuthenticator");
}

fn finds_a_publisher_past_its_rate(browser: &mut Browser, relays: &Relays) {
    publishes_past_its_rate(relays);
    browser.see_problem("publish_rate");
    browser.follow_problem("publish_rate");
    // Who was disconnected for it is in no list of clients: it leads to those who are gone.
    browser.tell("see_focused", json!({"text": "Disconnected by the relay"}));
    browser.see_row("hasty", "limit exceeded (4503)");
    browser.see_row("hasty", "past publish_rate");
}

fn finds_a_slow_listener(browser: &mut Browser, relays: &Relays) {
    let (mut slow, address) = slow_listener(relays.first(), "sleepy");
    browser.see_problem("not take what comes");
    browser.follow_problem("not take what comes");
    browser.see_heading("Clients");
    browser.see_row(&address, "does not read");
    browser.see_row(&address, "sleepy");
    // One of the row's links leads to all that is known of it; whoever may only read is offered no change.
    browser.follow(&address);
    browser.see_row("Subject", "sleepy");
    assert_eq!(browser.tell("has_button", json!({"button": "Disconnect"})), false);
    assert!(slow.stream().peer_addr().is_ok());
}

fn fails_to_authorize(relays: &Relays, authorization: &str) {
    let mut client = relays.first().connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    client.expect_error("authorization_failed");
}

fn publishes_past_its_rate(relays: &Relays) {
    let mut hasty = relays.first().client_with(&format!("{ALL} subject=hasty"));
    for number in 0..3000 {
        let message: Value = json!({"type": "publish", "channel": "a", "content": number});
        if hasty.try_send(message.to_string().into()).is_err() {
            break;
        }
    }
}

/// The picture in docs/operating/console.md is of these relays: `PUSU_CONSOLE_PICTURE=1` has it made anew.
fn takes_the_picture_of_the_page(browser: &mut Browser, relays: &Relays) {
    if std::env::var_os("PUSU_CONSOLE_PICTURE").is_none() {
        return;
    }
    let _traffic = super::crowd::Traffic::on(relays);
    browser.go("Now");
    let began = Instant::now();
    // Charts with something in them.
    while began.elapsed() < CHARTS_TAKE {
        browser.tell("chart", json!({"title": "Connections"}));
        std::thread::park_timeout(Duration::from_secs(1));
    }
    // All five at once: what was counted is told for a minute alone.
    relays.cut(true);
    browser.see_problem("no link with");
    let _slow = slow_listener(relays.first(), "sleepy");
    fails_to_authorize(relays, "error");
    publishes_past_its_rate(relays);
    browser.see_problem("publish_rate");
    let file = root().join("docs/images/console.png");
    browser.tell("picture", json!({"file": file, "width": 1280, "height": 1000}));
}
