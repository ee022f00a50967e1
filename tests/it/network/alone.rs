//! A relay whose peers are down, or that is the only one in its own list, serves at once.

use crate::harness::{Network, ReservedPort, Setup, pusud, run};
use serde_json::json;
use std::time::{Duration, Instant};

/// Nobody listens on two of the ports, and a name of the list does not exist.
#[test]
fn peers_that_are_down_keep_nobody_waiting() {
    let ports: Vec<_> = (0..3).map(|_| ReservedPort::new()).collect();
    let relay = Setup::on_shards(1).in_network(&ports, 0).start();
    let started = Instant::now();
    let mut client = relay.client();
    for number in 0..100 {
        let channel = format!("own.{number}");
        client.subscribe(&channel);
        client.publish(&channel, json!(number));
        client.expect_publish(&channel, json!(number));
    }
    // Had any subscription waited for a relay, it would have been for a second.
    assert!(started.elapsed() < Duration::from_secs(10), "it took {:?}", started.elapsed());
}

#[test]
fn a_relay_finds_itself_in_its_list_under_any_name() {
    let port = ReservedPort::new();
    let number = port.port();
    let relay = Setup::on_shards(1)
        .settings(&format!(
            "network_address: 127.0.0.1\nnetwork_port: {number}\nrelays: ['127.0.0.1:{number}', 'localhost:{number}', 'localhost:{number}']"
        ))
        .start();
    let mut client = relay.client();
    client.subscribe("a");
    for round in 0..50 {
        client.publish("a", json!(round));
        client.expect_publish("a", json!(round));
    }
    client.expect_no_answer();
}

#[test]
fn without_relays_the_port_stays_closed() {
    let port = ReservedPort::new();
    let _relay = Setup::on_shards(1).settings(&format!("network_port: {}", port.port())).start();
    let refused = std::net::TcpStream::connect(("127.0.0.1", port.port())).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_taken_port_is_named_with_a_way_out() {
    let network = Network::of(1);
    let port = network.port(0);
    let file = network.relay(0).dir().join("again.yaml");
    let settings = std::fs::read_to_string(network.relay(0).dir().join("settings.yaml")).unwrap();
    std::fs::write(&file, settings).unwrap();
    run(pusud(&["run", "--config"]).arg(file)).fails_saying(&[
        &port.to_string(),
        "network_port",
        "network_address",
        "ip_local_reserved_ports",
    ]);
}

#[test]
fn check_says_who_answers_and_who_does_not() {
    let ports: Vec<_> = (0..3).map(|_| ReservedPort::new()).collect();
    let relays: Vec<_> =
        (0..2).map(|at| Setup::on_shards(1).name(&format!("relay-{at}")).in_network(&ports, at).start()).collect();
    let shown = run(pusud(&["check", "--config"]).arg(relays[0].dir().join("settings.yaml"))).succeeds();
    let line = |at: usize| {
        let relay = format!("127.0.0.1:{}", ports[at].port());
        shown
            .lines()
            .rfind(|line| line.trim_start().starts_with(&relay))
            .unwrap_or_else(|| panic!("{shown}"))
            .to_owned()
    };
    assert!(line(0).contains("this relay itself"), "{shown}");
    assert!(line(1).contains("answers") && !line(1).contains("not"), "{shown}");
    assert!(line(2).contains("does not answer"), "{shown}");
}
