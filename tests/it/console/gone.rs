//! A relay that does not answer: the console says so, asks again, and nobody is told that they are signed out who are not.

use super::browser::{Browser, pictures};
use super::relays::Relays;
use serde_json::json;

pub(super) fn says_that_the_relay_is_gone(browser: &mut Browser, relays: &mut Relays, token: &str) {
    browser.tell("allow_failures", json!({}));
    let first = relays.network_mut().relay_mut(0);
    first.freeze();
    browser.tell("see_anywhere", json!({"text": "The relay does not answer. It is asked again in"}));
    let picture = pictures().join("gone-1280-light.png");
    browser.tell("picture", json!({"file": picture, "width": 1280, "height": 860}));
    browser.tell("see_anywhere", json!({"text": "The relay does not answer. It is being asked."}));
    // It does not wait for ever.
    browser.tell("see_anywhere", json!({"text": "The relay does not answer. It is asked again in"}));
    first.thaw();
    browser.tell("see_gone", json!({"text": "The relay does not answer"}));
    signs_nobody_out_who_is_not(browser);
    asks_no_more_than_it_should(browser, relays, token);
}

/// The cookie is in the browser still, and the relay would take it.
fn signs_nobody_out_who_is_not(browser: &mut Browser) {
    browser.tell("offline", json!({"is": true}));
    browser.press("Sign out");
    browser.tell("see_anywhere", json!({"text": "You may still be signed in: the relay did not answer."}));
    browser.see_heading("Settings");
    browser.tell("offline", json!({"is": false}));
    browser.go("Now");
    browser.tell("see_gone", json!({"text": "The relay does not answer"}));
    browser.tell("see_gone", json!({"text": "You may still be signed in"}));
    browser.go("Settings");
}

/// It is signed out while it asks whether the session holds: the answer, that it does, opens nothing any more.
fn asks_no_more_than_it_should(browser: &mut Browser, relays: &mut Relays, token: &str) {
    let first = relays.network_mut().relay_mut(0);
    browser.tell("hold", json!({}));
    first.freeze();
    browser.tell("see_anywhere", json!({"text": "It is being asked."}));
    first.thaw();
    browser.tell("see_held", json!({}));
    browser.press("Sign out");
    browser.see_heading("Sign in");
    browser.tell("let_go", json!({}));
    browser.tell("sign_in", json!({"token": token}));
    browser.see_heading("Settings");
    browser.go("Now");
    browser.see("first serves");
    assert_eq!(browser.tell("streams", json!({})), 1);
    browser.tell("see_gone", json!({"text": "The relay does not answer"}));
}
