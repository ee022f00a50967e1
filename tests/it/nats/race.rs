//! The race that NATS alone loses a third of the time: somebody publishes elsewhere in the instant in which a listener has
//! its `subscribe_ok`. Here it is lost never.

use crate::harness::{Client, NatsCluster, NatsSettings, Network, on_each_program};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Races at the same time, and how many of each.
const PAIRS: usize = 6;
const ROUNDS: usize = 500;

/// A listener on one relay and a source on another one, round by round on a channel that others have as well, or have just
/// given up.
fn race(listener: &mut Client, source: &mut Client, pair: usize) {
    for round in 0..ROUNDS {
        let channel = format!("race.{}.{}", pair / 2, round % 7);
        listener.send(json!({"type": "subscribe", "channel": channel}));
        // The other pair's may come as soon as it is asked for.
        while listener.next_json()["type"] != "subscribe_ok" {}
        source.publish(&channel, json!([pair, round]));
        loop {
            let content = listener.next_json()["content"].take();
            if content[0] == pair {
                assert_eq!(content[1], round, "the first one that comes is another one");
                break;
            }
        }
        listener.unsubscribe(&channel);
        listener.discard_what_came();
    }
}

/// Publishes until it is over.
fn load(source: &mut Client, at: usize, published: &AtomicU64, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        (0..20).for_each(|number| source.publish(&format!("load.{}", number % 4), json!([at, "load"])));
        source.expect_no_answer();
        published.fetch_add(20, Ordering::Relaxed);
    }
}

/// Subscribes and unsubscribes until it is over.
fn churn(client: &mut Client, is_over: &AtomicBool) {
    for number in 0u64.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let channel = format!("churn.{}", number % 100);
        client.subscribe(&channel);
        client.unsubscribe(&channel);
    }
}

#[test]
fn three_thousand_times_under_load_the_first_message_is_the_first() {
    on_each_program(|program| {
        let cluster = NatsCluster::running(program, 3, NatsSettings::open());
        let network = Network::over(cluster, 3, |at, setup| setup.shards(1 + at % 2));
        let client = |at: usize| network.relay(at % 3).client();
        let (is_over, published) = (AtomicBool::new(false), AtomicU64::new(0));
        let mut readers: Vec<Client> = (0..3).map(client).collect();
        readers.iter_mut().enumerate().for_each(|(at, reader)| reader.subscribe(&format!("load.{at}")));
        thread::scope(|scope| {
            for (at, mut reader) in readers.into_iter().enumerate() {
                let (mut source, is_over, published) = (client(at), &is_over, &published);
                scope.spawn(move || load(&mut source, at, published, is_over));
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        reader.next_json_within(std::time::Duration::from_millis(50));
                    }
                });
            }
            for at in 0..2 {
                let (mut client, is_over) = (client(at), &is_over);
                scope.spawn(move || churn(&mut client, is_over));
            }
            let pairs: Vec<_> = (0..PAIRS)
                .map(|pair| {
                    let (mut listener, mut source) = (client(pair), client(pair + 1 + pair / 3));
                    scope.spawn(move || race(&mut listener, &mut source, pair))
                })
                .collect();
            let ended: Vec<_> = pairs.into_iter().map(thread::ScopedJoinHandle::join).collect();
            is_over.store(true, Ordering::Relaxed);
            ended.into_iter().for_each(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        });
        println!("{} races over {}, beside {published:?} messages", PAIRS * ROUNDS, program.version());
    });
}
