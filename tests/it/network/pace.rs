//! Subscriptions that wait for other relays wait side by side, and not for one that is always too slow.

use super::status::wait_until;
use super::traffic::peer_of;
use crate::harness::{Client, Detour, Network, time_without_stalls};
use serde_json::json;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// The time of a round trip, over both ways.
fn takes(detours: &[Detour; 2], round_trip: Duration) {
    detours.iter().for_each(|detour| detour.takes(round_trip / 2));
}

fn subscribe(client: &mut Client, channel: &str) {
    client.send(json!({"type": "subscribe", "channel": channel}));
}

/// It took a round trip for each channel: 20 s.
#[test]
fn a_page_with_256_channels_is_subscribed_in_about_one_round_trip() {
    const ROUND_TRIP: Duration = Duration::from_millis(80);
    for shards in [1, 3] {
        let (network, detours) = Network::of_two_with_detours_on(shards);
        takes(&detours, ROUND_TRIP);
        let mut page = network.relay(0).client();
        let channels: Vec<String> = (0..256).map(|number| format!("page.{number}")).collect();
        let ((), took) = time_without_stalls(|| {
            channels.iter().for_each(|channel| subscribe(&mut page, channel));
            for channel in &channels {
                page.expect(json!({"type": "subscribe_ok", "channel": channel}));
            }
        });
        println!("256 channels on {shards} shards: {took:?}");
        assert!(took >= ROUND_TRIP, "it has waited for nobody: {took:?}");
        assert!(took < ROUND_TRIP * 12, "{took:?}");
        let mut source = network.relay(1).client();
        channels.iter().for_each(|channel| source.publish(channel, json!(1)));
        channels.iter().for_each(|channel| page.expect_publish(channel, json!(1)));
    }
}

/// Answers come in the order of what they answer, and a message that follows a subscription finds it confirmed.
#[test]
fn what_is_sent_behind_subscriptions_waits_for_all_of_them() {
    for shards in [1, 3] {
        let (network, detours) = Network::of_two_with_detours_on(shards);
        takes(&detours, Duration::from_millis(100));
        let confirmed = |client: &mut Client, channel: &str| {
            client.expect(json!({"type": "subscribe_ok", "channel": channel}));
        };
        let mut first = network.relay(0).client();
        // The third one is known already when the first two are not.
        ["a", "b", "a"].iter().for_each(|channel| subscribe(&mut first, channel));
        first.publish("a", json!("behind"));
        first.send_message(Message::Ping("behind".into()));
        subscribe(&mut first, "c");
        first.unsubscribe("c");
        first.publish("c", json!("nobody"));
        first.send(json!({"type": "authorize", "authorization": "both=*"}));
        ["a", "b", "a"].iter().for_each(|channel| confirmed(&mut first, channel));
        first.expect_publish("a", json!("behind"));
        first.expect_pong("behind");
        confirmed(&mut first, "c");
        first.expect_text(r#"{"type":"authorization_ok"}"#);

        let mut last = network.relay(0).client();
        subscribe(&mut last, "d");
        last.send_text("nonsense");
        confirmed(&mut last, "d");
        last.expect_error("unknown_message_received");
        last.expect_closed(4500);

        let mut denied = network.relay(0).client_with("read=e");
        ["e", "f"].iter().for_each(|channel| subscribe(&mut denied, channel));
        confirmed(&mut denied, "e");
        denied.expect_error("permission_denied");
        denied.expect_closed(4502);
    }
}

#[test]
fn one_subscription_too_many_is_refused_behind_the_others() {
    let limits = "limits: {max_subscriptions: 2}";
    let network = Network::with(2, |_, setup| setup.settings(limits));
    let mut client = network.relay(0).client();
    ["a", "b", "a", "b", "c", "d"].iter().for_each(|channel| subscribe(&mut client, channel));
    for channel in ["a", "b", "a", "b"] {
        client.expect(json!({"type": "subscribe_ok", "channel": channel}));
    }
    assert_eq!(client.expect_error("limit_exceeded")["channel"], "c");
    client.expect_closed(4503);
    wait_until(network.relay(0), |status| status["refusals"]["max_subscriptions"] == 1);
}

/// A relay that acknowledges just too late was waited for a second at each subscription: it seemed to have caught up as
/// soon as it had acknowledged. Where it is fast again, it is waited for again.
#[test]
fn a_relay_that_is_always_too_slow_delays_one_subscription() {
    const SUBSCRIPTIONS: u32 = 6;
    let (network, detours) = Network::of_two_with_detours_on(1);
    wait_until(network.relay(1), |status| peer_of(status, 0)["interest"] == 0);
    takes(&detours, Duration::from_millis(1200));
    let (mut listener, mut source) = (network.relay(0).client(), network.relay(1).client());
    let mut took = Vec::new();
    for number in 0..SUBSCRIPTIONS {
        let channel = format!("slow.{number}");
        took.push(time_without_stalls(|| listener.subscribe(&channel)).1);
        wait_until(network.relay(1), |status| peer_of(status, 0)["interest"] == number + 1);
        // It comes behind the acknowledgement.
        source.publish(&channel, json!("known"));
        listener.expect_publish(&channel, json!("known"));
    }
    println!("the subscriptions took {took:?}");
    assert!(took.iter().sum::<Duration>() < Duration::from_secs(2), "{took:?}");
    takes(&detours, Duration::ZERO);
    wait_until(network.relay(0), |status| peer_of(status, 1)["lagging"] == false);
    // From here on nothing is missed again.
    for number in 0..100 {
        let channel = format!("fast.{number}");
        listener.subscribe(&channel);
        source.publish(&channel, json!(number));
        listener.expect_publish(&channel, json!(number));
    }
}
