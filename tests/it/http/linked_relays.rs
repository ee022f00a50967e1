//! Publishing over HTTP to one of several linked relays: who listens on any of them has what was accepted.

use crate::harness::{Client, Network, Request};
use serde_json::{Value, json};

#[test]
fn what_one_relay_accepts_is_heard_on_all() {
    const ROUNDS: usize = 30;
    let network = Network::of(3);
    let mut listeners: Vec<Client> = network.relays().iter().map(|relay| relay.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("a"));
    let mut sources: Vec<_> = network.relays().iter().map(|relay| relay.http()).collect();
    for round in 0..ROUNDS {
        for (at, http) in sources.iter_mut().enumerate() {
            http.post("/publish/a", json!([at, round, "one"]).to_string()).expect_accepted();
            let item = |number: usize| json!({"channel": "a", "content": [at, round, number]});
            let items: Value = (0..3).map(item).collect();
            http.post("/publish", items.to_string()).expect(202);
        }
    }
    for listener in &mut listeners {
        let mut heard = vec![Vec::new(); sources.len()];
        for _ in 0..ROUNDS * sources.len() * 4 {
            let content = listener.next_json()["content"].clone();
            heard[content[0].as_u64().unwrap() as usize].push((content[1].clone(), content[2].clone()));
        }
        // Each source's in its order.
        for heard in heard {
            let expected = (0..ROUNDS)
                .flat_map(|round| [json!("one"), json!(0), json!(1), json!(2)].map(|one| (json!(round), one)));
            assert!(heard.into_iter().eq(expected));
        }
        listener.expect_no_answer();
    }
}

/// An answer stands for all relays that are linked: the connections of the one that gave it may end right behind it.
#[test]
fn what_was_accepted_arrives_though_the_relay_stops_then() {
    let mut network = Network::of(2);
    let mut listener = network.relay(1).client();
    listener.subscribe("a");
    let mut http = network.relay(0).http();
    let numbers = 0..200;
    http.raw().send(
        numbers.clone().flat_map(|number| Request::post("/publish/a", number.to_string()).bytes()).collect::<Vec<_>>(),
    );
    numbers.clone().for_each(|_| drop(http.answer().expect_accepted()));
    network.relay(0).terminate();
    numbers.for_each(|number| listener.expect_content("a", &number.to_string()));
    assert!(network.relay_mut(0).wait().success());
}

#[test]
fn a_key_is_known_to_the_relay_that_was_told_it() {
    let network = Network::of(2);
    let mut listener = network.relay(1).client();
    listener.subscribe("a");
    let keyed = Request::post("/publish/a", "1").header("Idempotency-Key: k");
    let mut http = network.relay(0).http();
    http.ask(&keyed).expect_accepted();
    for _ in 0..3 {
        let again = http.ask(&keyed).expect(202);
        assert_eq!(again.header("Idempotency-Replayed"), Some("true"));
    }
    listener.expect_content("a", "1");
    listener.expect_no_answer();
}
