//! Names in `relays`, and a DNS server whose answers change: a name is all of its addresses, now and later.

use super::place::can_drop_packets;
use super::status::{text_of, wait_until};
use crate::harness::{Daemon, NameServer, Network, Router, Setup, not_run};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// A server; says that `row` is not run where there can be none.
fn server_for(row: &str) -> Option<NameServer> {
    match NameServer::new() {
        Ok(server) => Some(server),
        Err(missing) => {
            not_run(&format!("names of relays: {row}"), missing);
            None
        }
    }
}

fn ip(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, host)
}

/// A relay at 127.0.0.`host` with this list.
fn setup(server: &NameServer, host: u8, relays: &str) -> Setup {
    let setup = Setup::on_shards(1).name(&format!("relay-{host}"));
    server.serves(setup.settings(&format!("network_address: {}\nrelays: [{relays}]", ip(host))))
}

/// Each address that is shown, with its state.
fn shown(status: &Value) -> Value {
    let relays = status["relays"].as_array().unwrap().iter();
    relays.map(|relay| json!([relay["resolved"], relay["state"]])).collect()
}

/// Waits until these hosts are shown, in these states, and no others.
fn wait_for(relay: &Daemon, hosts: &[(u8, &str)]) -> Value {
    let expected: Value = hosts.iter().map(|(host, state)| json!([format!("{}:55001", ip(*host)), state])).collect();
    wait_until(relay, |status| shown(status) == expected)
}

#[test]
fn one_name_of_a_whole_group_links_all_of_it() {
    let Some(server) = server_for("a group under one name") else { return };
    server.lead("all.example", &[3, 1, 2].map(ip));
    let start = |host| setup(&server, host, "all.example").start();
    let mut network = Network::of_started([1, 2, 3].map(start).into());
    network.wait_linked();
    wait_for(network.relay(0), &[(1, "itself"), (2, "linked"), (3, "linked")]);
    wait_for(network.relay(1), &[(1, "linked"), (2, "itself"), (3, "linked")]);
    let text = text_of(network.relay(0));
    assert!(text.contains("relay-2 at all.example:55001 (127.0.0.2:55001): linked, for "), "{text}");
    assert!(text.contains("all.example:55001 (127.0.0.1:55001): this relay"), "{text}");
    let checked = server.checked(network.relay(0).dir());
    let lines: Vec<String> =
        checked.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "all.example:55001 3 addresses",
        "127.0.0.1:55001 this relay itself",
        "127.0.0.2:55001 answers",
        "127.0.0.3:55001 answers",
    ] {
        assert!(lines.iter().any(|shown| shown == line), "{line} is not in\n{checked}");
    }
    assert!(checked.contains("at most 19: as many as the list has addresses (3)"), "{checked}");

    // One goes, and another one comes that knows nobody: the others have to find it.
    network.relay_mut(2).kill();
    let _fourth = setup(&server, 4, "127.0.0.4").start();
    server.lead("all.example", &[4, 2, 1].map(ip));
    for (relay, own) in network.relays()[..2].iter().zip([1, 2]) {
        let state = |host| (host, if host == own { "itself" } else { "linked" });
        wait_for(relay, &[1, 2, 4].map(state));
    }
}

/// DNS has withdrawn the address of a relay that is linked: the link stays, and goes with the relay.
#[test]
fn an_address_that_is_withdrawn_is_kept_as_long_as_its_link() {
    let Some(server) = server_for("an address that is withdrawn") else { return };
    server.lead("all.example", &[1, 2, 3].map(ip));
    let relay = setup(&server, 1, "all.example").start();
    let mut second = setup(&server, 2, "127.0.0.2").start();
    wait_until(&relay, |status| shown(status)[1][1] == "linked");
    server.lead("all.example", &[1].map(ip));
    // Nobody is at the third address, so that it is dialled, and gone when the name has been resolved again.
    wait_for(&relay, &[(1, "itself"), (2, "linked")]);
    second.kill();
    wait_for(&relay, &[(1, "itself")]);
}

#[test]
fn a_name_that_led_to_the_relay_itself_is_dialled_when_it_leads_elsewhere() {
    let Some(server) = server_for("a name that led to the relay itself") else { return };
    server.lead("moving.example", &[ip(1)]);
    let relay = setup(&server, 1, "moving.example").start();
    let _other = setup(&server, 2, "127.0.0.2").start();
    wait_for(&relay, &[(1, "itself")]);
    server.lead("moving.example", &[ip(2)]);
    wait_for(&relay, &[(2, "linked")]);
}

#[test]
fn two_addresses_of_one_relay_are_shown_as_one_relay() {
    let Some(server) = server_for("two addresses of one relay") else { return };
    server.lead("double.example", &[2, 3].map(ip));
    let relay = setup(&server, 1, "'double.example:55002'").start();
    let everywhere = Setup::on_shards(1)
        .name("relay-2")
        .settings("network_address: 0.0.0.0\nnetwork_port: 55002\nrelays: [double.example]");
    let other = server.serves(everywhere).start();
    let status = wait_until(&relay, |status| {
        let same: Vec<&Value> = status["relays"].as_array().unwrap().iter().map(|relay| &relay["same_as"]).collect();
        shown(status) == json!([["127.0.0.2:55002", "linked"], ["127.0.0.3:55002", "linked"]])
            && same.iter().filter(|same| same.is_string()).count() == 1
    });
    let relays = status["relays"].as_array().unwrap();
    let second = relays.iter().find(|relay| relay["same_as"].is_string()).unwrap();
    let first = relays.iter().find(|relay| relay["same_as"].is_null()).unwrap();
    assert_eq!(second["same_as"], first["resolved"], "{status:#}");
    assert_eq!([&second["next_attempt_in"], &second["last_error"]], [&Value::Null; 2], "{second:#}");
    let text = text_of(&relay);
    let expected = format!(
        "relay-2 at double.example:55002 ({}): the same relay as at {}",
        second["resolved"].as_str().unwrap(),
        first["resolved"].as_str().unwrap()
    );
    assert!(text.contains(&expected) && !text.contains("NOT LINKED"), "{expected} is not in\n{text}");
    // Both lead the other relay to itself.
    wait_until(&other, |status| shown(status)[0][1] == "itself" && shown(status)[1][1] == "itself");
}

#[test]
fn a_dns_server_that_does_not_answer_holds_up_nothing() {
    let Some(server) = server_for("a DNS server that does not answer") else { return };
    server.fall_silent();
    let relay = setup(&server, 1, "hanging.example, 127.0.0.2").start();
    let _second = setup(&server, 2, "127.0.0.2").start();
    let status = wait_until(&relay, |status| {
        let relays = &status["relays"];
        relays[1]["state"] == "linked" && relays[0]["last_error"].as_str() == Some("resolving the name takes too long")
    });
    assert_eq!([&status["relays"][0]["state"], &status["relays"][0]["resolved"]], [&json!("down"), &Value::Null]);
    let mut third = setup(&server, 3, "127.0.0.3").start();
    server.lead("hanging.example", &[ip(3)]);
    wait_for(&relay, &[(3, "linked"), (2, "linked")]);
    // A known address is dialled again, whatever DNS says of it.
    server.fall_silent();
    third.kill();
    wait_for(&relay, &[(3, "down"), (2, "linked")]);
    third.restart();
    wait_for(&relay, &[(3, "linked"), (2, "linked")]);
    let (mut relay, began) = (relay, Instant::now());
    relay.terminate();
    assert!(relay.wait().success());
    assert!(began.elapsed() < Duration::from_secs(10), "the stop took {:?}", began.elapsed());
}

#[test]
fn addresses_beyond_the_bound_are_told() {
    let Some(server) = server_for("too many addresses of one name") else { return };
    let many: Vec<Ipv4Addr> = (1..=34).map(|host| Ipv4Addr::new(127, 0, 1, host)).collect();
    server.lead("many.example", &many);
    let relay = setup(&server, 1, "many.example").start();
    relay.log().wait_for("the warning", |line| {
        (line.contains("more than 32 addresses of one name") && line.contains("\"beyond\":2")).then_some(())
    });
    assert_eq!(relay.status()["relays"].as_array().unwrap().len(), 32);
    let checked = server.checked(relay.dir());
    assert!(checked.contains("34 addresses, of which at most 32 are dialled at a time"), "{checked}");
    // A name may have that many: files are kept for all of them.
    assert!(checked.contains("at most 48: as many as the list has addresses (32)"), "{checked}");
}

/// A firewall lets one relay dial the other, and not the other way round.
#[test]
fn a_relay_that_only_dials_is_shown_as_linked_where_it_is_listed() {
    const ROW: &str = "a relay that can only be dialled from the other side";
    if !can_drop_packets(ROW) {
        return;
    }
    let router = Router::between(2).unwrap();
    router.forbid_dialling(0, 1);
    let network = router.network(|_, setup| setup);
    let status = wait_until(network.relay(0), |status| {
        status["relays"][1]["state"] == "linked" && status["relays"][1]["last_error"].is_string()
    });
    let relays = status["relays"].as_array().unwrap();
    assert_eq!(relays.len(), 2, "{status:#}");
    let relay = &relays[1];
    assert_eq!([&relay["name"], &relay["address"]], [&json!("relay-1"), &json!("10.77.1.2:55001")], "{relay:#}");
    assert!(relay["remote"].as_str().unwrap().starts_with("10.77.1.2:"), "{relay:#}");
    assert!(!text_of(network.relay(0)).contains("NOT LINKED"), "{status:#}");
}

/// Nothing is dialled, so it takes until the name is resolved again.
#[test]
fn a_quiet_relay_finds_a_new_address_too() {
    let Some(server) = server_for("a new address while nothing is dialled") else { return };
    server.lead("all.example", &[2].map(ip));
    let relay = setup(&server, 1, "all.example").start();
    let _second = setup(&server, 2, "127.0.0.2").start();
    let _third = setup(&server, 3, "127.0.0.3").start();
    wait_for(&relay, &[(2, "linked")]);
    // Until what was asked when the address was dialled is answered.
    let (mut asked, mut since) = (server.questions(), Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        if server.questions() != asked {
            (asked, since) = (server.questions(), Instant::now());
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    server.lead("all.example", &[2, 3].map(ip));
    let began = Instant::now();
    while shown(&relay.status()) != json!([["127.0.0.2:55001", "linked"], ["127.0.0.3:55001", "linked"]]) {
        assert!(began.elapsed() < Duration::from_secs(45), "{:#}", relay.status());
        std::thread::park_timeout(Duration::from_millis(100));
    }
}
