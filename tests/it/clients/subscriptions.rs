//! Subscriptions: what `subscribe_ok` promises, twice is once, and what ends with unsubscribing.

use crate::harness::Daemon;
use serde_json::json;

crate::on_1_and_3_shards!(
    from_subscribe_ok_on_nothing_is_missed,
    subscribing_twice_delivers_once,
    unsubscribing_ends_delivery,
    one_unsubscribes_and_others_stay,
    a_channel_is_used_again_and_again,
);

crate::on_1_and_3_relays!(from_subscribe_ok_on_nothing_is_missed, one_unsubscribes_and_others_stay);

/// The listener and the source are on different shards where there are several: connections go to them in turn.
fn from_subscribe_ok_on_nothing_is_missed(daemon: Daemon) {
    let mut source = daemon.client();
    let mut listener = daemon.client();
    for round in 0..500 {
        let channel = format!("race.{round}");
        listener.subscribe(&channel);
        source.publish(&channel, json!(round));
        listener.expect_publish(&channel, json!(round));
        // Subscriptions of one client are bounded, and the shard's last listener of a channel goes each time.
        listener.unsubscribe(&channel);
    }
}

fn subscribing_twice_delivers_once(daemon: Daemon) {
    let mut source = daemon.client();
    let mut listener = daemon.client();
    for _ in 0..3 {
        listener.subscribe("news");
    }
    source.publish("news", json!(1));
    source.publish("news", json!(2));
    listener.expect_publish("news", json!(1));
    listener.expect_publish("news", json!(2));
    listener.expect_no_answer();
    // However often it subscribed, unsubscribing once is enough.
    listener.unsubscribe("news");
    listener.expect_no_answer();
    source.publish("news", json!(3));
    source.expect_no_answer();
    listener.subscribe("news");
    source.publish("news", json!(4));
    listener.expect_publish("news", json!(4));
}

fn unsubscribing_ends_delivery(daemon: Daemon) {
    let mut source = daemon.client();
    let mut listener = daemon.client();
    listener.subscribe("kept");
    for round in 0..20 {
        listener.subscribe("dropped");
        source.publish("dropped", json!(round));
        listener.expect_publish("dropped", json!(round));
        listener.unsubscribe("dropped");
        listener.expect_no_answer();
        source.publish("dropped", json!("nobody hears this"));
        source.publish("kept", json!(round));
        listener.expect_publish("kept", json!(round));
    }
    listener.expect_no_answer();
}

fn one_unsubscribes_and_others_stay(daemon: Daemon) {
    let mut clients: Vec<_> = (0..6).map(|_| daemon.client()).collect();
    clients.iter_mut().for_each(|client| client.subscribe("news"));
    let mut source = daemon.client();
    while let Some(mut leaving) = clients.pop() {
        leaving.unsubscribe("news");
        leaving.expect_no_answer();
        let left = clients.len();
        source.publish("news", json!(left));
        clients.iter_mut().for_each(|staying| staying.expect_publish("news", json!(left)));
        leaving.expect_no_answer();
    }
}

fn a_channel_is_used_again_and_again(daemon: Daemon) {
    let mut source = daemon.client();
    for round in 0..50 {
        let mut listener = daemon.client();
        listener.subscribe("again");
        source.publish("again", json!(round));
        listener.expect_publish("again", json!(round));
        listener.close();
        source.publish("again", json!("nobody is there"));
        source.expect_no_answer();
    }
}
