//! Positions that clients bring: those that hold, and those that are told as lost, with a connection that goes on.

use crate::harness::{Client, Daemon};
use serde_json::{Value, json};

crate::on_1_and_3_shards!(with_history:
    positions_run,
    what_is_no_position_is_lost_and_the_connection_goes_on,
    positions_that_nobody_gave_are_lost,
);

/// Nobody is harmed by it, itself included: it hears what comes, and its new position is good.
#[track_caller]
fn expect_lost_and_alive(daemon: &Daemon, client: &mut Client, channel: &str, since: &Value) {
    client.expect_lost(channel, since);
    daemon.client().publish_all(channel, ["it goes on"]);
    let position = client.expect_at(channel, json!("it goes on"));
    client.expect_no_answer();
    client.unsubscribe(channel);
    assert_eq!(client.recover(channel, &position), 0, "the position behind {since}");
    client.unsubscribe(channel);
}

fn positions_run(daemon: Daemon) {
    let channel = "h.runs";
    let (mut listener, mut source) = (daemon.client(), daemon.client());
    let mut positions = vec![listener.subscribe_at(channel)];
    for number in 0..20 {
        source.publish(channel, json!(number));
        positions.push(listener.expect_at(channel, json!(number)));
    }
    for (seen, position) in positions.iter().enumerate() {
        let mut client = daemon.client();
        assert_eq!(client.recover(channel, position), 20 - seen as u64);
        for number in seen..20 {
            assert_eq!(client.expect_at(channel, json!(number)), positions[number + 1]);
        }
        client.expect_no_answer();
    }
}

fn what_is_no_position_is_lost_and_the_connection_goes_on(daemon: Daemon) {
    let channel = "h.malformed";
    daemon.client().publish_all(channel, 0..3);
    let good = daemon.position_of(channel);
    let mut client = daemon.client();
    for since in [
        json!(""),
        json!("x"),
        json!(1),
        json!(-1.5e300),
        json!(null),
        json!(true),
        json!([]),
        json!({"a": [1]}),
        json!("x".repeat(600)),
        json!("\u{0}\"\\ä"),
        json!(format!("{good}-")),
        json!(format!(" {good}")),
        json!(format!("{good}\n")),
        json!(format!("{good}.1")),
        json!(format!("{good}*x")),
        json!(good.replace('.', ".0")),
        json!(format!("{good}-AAAAAF.99999999999999999999")),
        json!(format!("{good}{}", "-AAAAAF.1".repeat(16))),
        json!(good.chars().rev().collect::<String>()),
    ] {
        expect_lost_and_alive(&daemon, &mut client, channel, &since);
    }
    // A lone surrogate has no text.
    client.send_text(&format!(r#"{{"type":"subscribe","channel":"{channel}","since":"\ud800"}}"#));
    assert_eq!(client.joined(channel).recovered, Some(false));
}

fn positions_that_nobody_gave_are_lost(daemon: Daemon) {
    let channel = "h.forged";
    daemon.client().publish_all(channel, 0..3);
    let good = daemon.position_of(channel);
    let (minute, own) = good.split_once('-').unwrap();
    let (own, number) = own.split_once('.').unwrap();
    assert_eq!(number, "3");
    let (elsewhere, other_relay) = ("h.elsewhere", Daemon::with_history(1));
    daemon.client().publish_all(elsewhere, 0..100);
    other_relay.client().publish_all(channel, 0..2);
    let mut client = daemon.client();
    for since in [
        format!("{minute}-{own}.4"),
        format!("{minute}-{own}.9007199254740992"),
        // Of another channel, of another network.
        daemon.position_of(elsewhere),
        other_relay.position_of(channel),
        other_relay.position_of("h.empty"),
        // Of a relay that nobody knows, beside one that is good.
        format!("{good}-AAAAAF.1"),
        // It does not say all.
        format!("{minute}*"),
    ] {
        client.expect_lost(channel, &json!(since));
        client.expect_no_answer();
        client.unsubscribe(channel);
    }
    expect_lost_and_alive(&daemon, &mut client, channel, &json!(format!("{good}-AAAAAF.1")));
}
