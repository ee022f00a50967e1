//! Changes through the console: a client is disconnected, a subject revoked and let in again, and who may only read can do
//! neither.

use super::browser::Browser;
use super::crowd::MARKUP;
use super::relays::Relays;
use crate::harness::ALL;
use serde_json::json;

#[test]
fn clients_are_disconnected_and_revoked() {
    let Some(mut browser) = Browser::start("changes through the console") else { return };
    let relays = Relays::start(Relays::good_certificate(), "");
    browser.sign_in(&relays.url(), &relays.token("operate"));
    disconnects(&mut browser, &relays);
    revokes_and_lifts(&mut browser, &relays);
    reloads(&mut browser, &relays);
    is_for_operators_alone(&mut browser, &relays);
}

fn disconnects(browser: &mut Browser, relays: &Relays) {
    let authorization = format!("{ALL} subject={MARKUP}");
    let [mut goes, mut stays] = [0, 1].map(|_| relays.first().client_with(&authorization));
    goes.subscribe("only one");
    browser.go("Clients");
    browser.fill("Listens to", "only one");
    browser.press("Show");
    browser.see("1 of 1 client that fit");
    browser.follow("127.0.0.1:");
    browser.press("Disconnect");
    // Nothing has happened before the answer.
    let question = browser.tell("question", json!({}));
    assert!(question.as_str().unwrap().contains("is closed with code 4504"), "{question}");
    goes.expect_no_answer();
    browser.press("Cancel");
    browser.tell("no_question", json!({}));
    goes.expect_no_answer();
    // A question goes with the page that it is about.
    browser.press("Disconnect");
    browser.tell("question", json!({}));
    browser.tell("back", json!({}));
    browser.tell("no_question", json!({}));
    browser.see_heading("Clients");
    browser.follow("127.0.0.1:");
    browser.press("Disconnect");
    browser.confirm("It may come back at once", "Disconnect");
    browser.see("Disconnected: 1 connection here.");
    goes.expect_closed(4504);
    browser.see("This client is not here any more");
    // Its buttons are gone, and the focus is where it says what has become of it.
    browser.tell("see_focused", json!({"text": "Disconnected: 1 connection here."}));
    stays.expect_no_answer();
}

fn revokes_and_lifts(browser: &mut Browser, relays: &Relays) {
    let authorization = format!("{ALL} subject={MARKUP}");
    let mut here = relays.first().client_with(&authorization);
    let mut there = relays.second().client_with(&authorization);
    here.subscribe("to be revoked");
    browser.go("Clients");
    browser.fill("Listens to", "to be revoked");
    browser.press("Show");
    browser.see("1 of 1 client that fit");
    browser.follow("127.0.0.1:");
    browser.see_row("Subject", MARKUP);
    browser.press("Revoke subject");
    browser.tell("choose", json!({"label": "It holds", "value": "1 hour"}));
    let question = browser.tell("question", json!({}));
    assert!(question.as_str().unwrap().contains("no other authorization are closed with code 4504"), "{question}");
    browser.confirm(&format!("All authorizations of {MARKUP} are taken back"), "Revoke");
    browser.see("on second");
    for client in [&mut here, &mut there] {
        client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
        client.expect_closed(4504);
    }
    let refused = |relays: &Relays| {
        let mut client = relays.first().connect();
        client.send(json!({"type": "authorize", "authorization": authorization}));
        client.next_json()["type"].clone()
    };
    assert_eq!(refused(relays), "authorization_failed");
    browser.go("Clients");
    browser.see_row(MARKUP, "a subject");
    browser.inspect("clients-revoked");
    browser.press_in_row(MARKUP, "Lift");
    browser.confirm("is let in again", "Lift it");
    browser.see("Nothing is revoked.");
    browser.see(&format!("{MARKUP} is not revoked any more. Lifted on this relay and on second, third."));
    assert_eq!(refused(relays), "authorization_ok");
}

fn reloads(browser: &mut Browser, relays: &Relays) {
    relays.first().edit_settings(|text| format!("{text}remembered_decisions: 7\n"));
    browser.go("Settings");
    browser.see_row("remembered_decisions", "7");
    browser.press("Reload the settings");
    browser.confirm("No client is disconnected", "Reload");
    browser.see("authenticator");
}

fn is_for_operators_alone(browser: &mut Browser, relays: &Relays) {
    browser.tell("press", json!({"button": "Sign out"}));
    browser.see_heading("Sign in");
    let mut client = relays.first().client();
    client.subscribe("looked at");
    browser.tell("sign_in", json!({"token": relays.token("read")}));
    browser.go("Clients");
    browser.fill("Listens to", "looked at");
    browser.press("Show");
    browser.see("1 of 1 client that fit");
    browser.follow("127.0.0.1:");
    browser.see_row("*", "read and write");
    for (view, button) in
        [("", "Disconnect"), ("", "Revoke subject"), ("Settings", "Reload the settings"), ("Why", "Revoke")]
    {
        if !view.is_empty() {
            browser.go(view);
        }
        assert_eq!(browser.tell("has_button", json!({"button": button})), false, "{button}");
    }
    browser.inspect("why-read");
}
