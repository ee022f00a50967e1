//! Who answers at an address decides nothing before it has proven the key: neither that the address is the relay's own nor
//! who is there.

use super::keys::KeyFiles;
use super::status::wait_until;
use crate::harness::{DEADLINE, Daemon, FakeRelay, ReservedPort, Setup, frame, hello, kind};
use serde_json::{Value, json};
use std::net::TcpListener;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// REFUSE 5 in seven bytes: "this is the relay itself".
const ITSELF: &[u8] = &[0, 0, 0, 3, kind::REFUSE, 0, 5];

fn states(relay: &Daemon, states: Value) {
    wait_until(relay, |status| {
        let relays = status["relays"].as_array().unwrap().iter();
        relays.map(|relay| relay["state"].clone()).collect::<Value>() == states
    });
}

/// At the second address of a relay somebody else answers first, and then another relay that knows nobody but itself. It is
/// linked: whatever was said before has not ended dialling.
fn answers_and_gives_way(files: Option<&KeyFiles>, answer: impl FnOnce(&mut FakeRelay)) {
    let ports = [ReservedPort::new(), ReservedPort::new()];
    let with_key = |setup: Setup| match files {
        Some(files) => files.set_up("key", &[KEY], setup),
        None => setup.without_key(),
    };
    let somebody = TcpListener::bind(("127.0.0.1", ports[1].port())).unwrap();
    let relay = with_key(Setup::on_shards(1).name("relay-0").in_network(&ports, 0)).start();
    let mut fake = FakeRelay::accept(&somebody);
    fake.expect(kind::HELLO);
    answer(&mut fake);
    drop((fake, somebody));
    states(&relay, json!(["itself", "down"]));
    let _there = with_key(Setup::on_shards(1).name("relay-1").in_network(&ports[1..], 0)).start();
    states(&relay, json!(["itself", "linked"]));
}

#[test]
fn seven_bytes_from_anybody_do_not_end_dialling() {
    let files = KeyFiles::new();
    for files in [None, Some(&files)] {
        answers_and_gives_way(files, |fake| assert!(fake.try_send(ITSELF)));
    }
}

/// It says to be a relay that is linked, over another connection, and that there is no need for this one.
#[test]
fn a_copied_name_does_not_end_dialling() {
    let files = KeyFiles::new();
    let ports = [(); 3].map(|()| ReservedPort::new());
    let start = |name: &str, ports: &[ReservedPort]| {
        files.set_up("key", &[KEY], Setup::on_shards(1).name(name).in_network(ports, 0)).start()
    };
    let somebody = TcpListener::bind(("127.0.0.1", ports[1].port())).unwrap();
    let relay = start("relay-0", &ports[..2]);
    // It is in no list of the first relay, which it dials.
    let settings = [&ports[2], &ports[0]].map(|port| format!("'127.0.0.1:{}'", port.port())).join(", ");
    let linked = Setup::on_shards(1)
        .name("relay-2")
        .settings(&format!("network_address: 127.0.0.1\nnetwork_port: {}\nrelays: [{settings}]", ports[2].port()));
    let _linked = files.set_up("key", &[KEY], linked).start();
    states(&relay, json!(["itself", "down", "linked"]));
    // Anybody may ask who it is.
    let mut stranger = FakeRelay::dial(ports[2].port());
    stranger.send(kind::HELLO, &hello("stranger", [7; 16], true));
    let copied = stranger.expect(kind::HELLO).fields;
    let mut fake = FakeRelay::accept(&somebody);
    let refusal = frame(kind::REFUSE, &[0, 7]);
    let mut said = Vec::new();
    for _ in 0..2 {
        // It may have dialled long before, and have given up: then it dials again.
        fake.expect(kind::HELLO);
        said.push(fake.try_send(&[frame(kind::HELLO, &copied), refusal.clone()].concat()));
        fake = FakeRelay::accept(&somebody);
    }
    assert!(said.contains(&true));
    drop((fake, somebody));
    let _there = start("relay-1", &ports[1..2]);
    states(&relay, json!(["itself", "linked", "linked"]));
    assert!(DEADLINE.as_secs() < 60, "it was not the question that is asked every minute");
}
