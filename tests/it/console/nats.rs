//! The console of a relay that reaches another one over NATS: the server, the relay that is heard, and what there is to see when
//! NATS goes away and comes back.

use super::browser::Browser;
use crate::harness::{Daemon, Named, NatsCluster, Setup};
use serde_json::json;

const CHANNEL: &str = "over-nats";

#[test]
fn it_shows_nats_and_what_it_is_to_be_without() {
    let Some(mut cluster) = NatsCluster::of(1) else { return };
    let Some(mut browser) = Browser::start("the console over NATS") else { return };
    let relays = ["first", "second"]
        .map(|name| Setup::on_shards(1).name(name).with_operations().over(&cluster, Named::All).start());
    let mut listeners = relays.each_ref().map(Daemon::client);
    listeners.iter_mut().for_each(|listener| listener.subscribe(CHANNEL));
    let token = std::fs::read_to_string(relays[0].dir().join("operations.token")).unwrap();
    let token = token.lines().find_map(|line| line.strip_prefix("read: ")).expect("a token for reading");
    browser.sign_in(&format!("http://{}/", relays[0].operations()), token);
    shows_the_network(&mut browser);
    knows_no_other_listeners(&mut browser);
    cluster.kill(0);
    shows_that_it_is_away(&mut browser);
    cluster.restart(0);
    browser.see("linked with all 1 others");
    browser.tell("see_gone", json!({"text": "no connection to NATS"}));
}

fn shows_the_network(browser: &mut Browser) {
    browser.go("Network");
    browser.see("linked with all 1 others");
    browser.see_row("second", "at the same NATS server");
    browser.see_row("Connection", "nats://127.0.0.1:");
    browser.see_row("Server", "nats-0, version 2.");
    browser.see_row("Cluster", "pusu-tests");
    browser.see_row("Joined", "yes");
    browser.see_row("Barriers passed", "the longest in");
    assert_eq!(browser.tell("network_picture", json!({})), "NATS and first: linked. NATS and second: linked");
    browser.inspect("network-nats");
}

/// The servers alone know which relays have listeners, and that is not said to be none.
fn knows_no_other_listeners(browser: &mut Browser) {
    browser.go("Channels");
    browser.see_row(CHANNEL, "1");
    browser.tell("see_gone", json!({"text": "Other relays with listeners"}));
    browser.follow(CHANNEL);
    browser.see_row("Other relays with listeners", "not known");
}

fn shows_that_it_is_away(browser: &mut Browser) {
    let line = browser.see_problem("no connection to NATS");
    assert!(line.contains("Error") && line.contains("the clients of this relay are served"), "{line}");
    browser.go("Now");
    browser.see("There is no connection to NATS");
    browser.follow_problem("no connection to NATS");
    browser.see_heading("Network");
    browser.see("other relays are not reached");
    browser.see_row("Connection", "none for");
    browser.see_row("second", "not heard");
    assert_eq!(browser.tell("network_picture", json!({})), "NATS and first: not linked. NATS and second: not linked");
    browser.inspect("network-nats-away");
}
