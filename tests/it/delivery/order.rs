//! Order: what one source sends to one channel reaches every listener in that order, whatever shard each is on.

use crate::harness::{Client, Daemon};
use serde_json::json;
use std::collections::HashMap;
use std::thread;

crate::on_1_and_3_shards!(
    one_source_and_many_listeners,
    interleaved_channels_keep_their_order,
    several_sources_keep_their_own_order,
);

crate::on_1_and_3_relays!(
    one_source_and_many_listeners,
    interleaved_channels_keep_their_order,
    several_sources_keep_their_own_order
);

const MESSAGES: u64 = 10_000;
const LISTENERS: usize = 50;

fn one_source_and_many_listeners(daemon: Daemon) {
    thread::scope(|scope| {
        for _ in 0..LISTENERS {
            let mut listener = daemon.client();
            listener.subscribe("ticks");
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    listener.expect_text(&format!(r#"{{"type":"publish","channel":"ticks","content":{number}}}"#));
                }
                listener.expect_no_answer();
            });
        }
        let mut source = daemon.client();
        for number in 0..MESSAGES {
            source.publish("ticks", json!(number));
        }
        source.expect_no_answer();
    });
}

fn interleaved_channels_keep_their_order(daemon: Daemon) {
    let channels = ["a", "b", "c"];
    let mut listeners: Vec<Client> = (0..4).map(|_| daemon.client()).collect();
    for listener in &mut listeners {
        channels.iter().for_each(|channel| listener.subscribe(channel));
    }
    let mut source = daemon.client();
    let sent: Vec<(&str, u64)> = (0..600).map(|number| (channels[(number * 7 % 11 % 3) as usize], number)).collect();
    for (channel, number) in &sent {
        source.publish(channel, json!(number));
    }
    for listener in &mut listeners {
        let mut last: HashMap<String, u64> = HashMap::new();
        for _ in &sent {
            let message = listener.next_json();
            let channel = message["channel"].as_str().unwrap().to_owned();
            let number = message["content"].as_u64().unwrap();
            if let Some(before) = last.insert(channel, number) {
                assert!(before < number, "{number} came after {before}");
            }
        }
        listener.expect_no_answer();
    }
}

fn several_sources_keep_their_own_order(daemon: Daemon) {
    let (sources, each) = (5, 500);
    let mut listeners: Vec<Client> = (0..6).map(|_| daemon.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("shared"));
    thread::scope(|scope| {
        for source in 0..sources {
            let mut client = daemon.client();
            scope.spawn(move || {
                for number in 0..each {
                    client.publish("shared", json!([source, number]));
                }
                client.expect_no_answer();
            });
        }
        for listener in &mut listeners {
            let mut next = vec![0; sources];
            for _ in 0..sources * each {
                let (source, number): (usize, usize) =
                    serde_json::from_value(listener.next_json()["content"].take()).unwrap();
                assert_eq!(number, next[source], "of source {source}");
                next[source] += 1;
            }
            listener.expect_no_answer();
        }
    });
}
