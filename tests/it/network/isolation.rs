//! A relay that stands still delays nobody: neither listeners elsewhere nor, for longer than a moment, who subscribes.

use super::status::wait_until;
use super::traffic::{peer_of, wait_until_all_is_sent, wait_until_interest_is_right};
use crate::harness::{Client, Daemon, FakeRelay, Network, Raw, ReservedPort, Setup, is_disconnect, kind};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

/// What may wait for one relay.
const QUEUE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// More than the queue for one relay holds is published while it stands still; everybody else gets all of it at once. What
/// the queue cannot take is counted, and said once at its beginning and once at its end.
#[test]
fn a_frozen_relay_costs_the_others_nothing() {
    const ATTEMPTS: usize = 4;
    assert!((0..ATTEMPTS).any(|_| freeze_one_of_three()), "it takes longer each time than a link lasts");
}

/// False if the link has ended meanwhile, as it does to somebody who takes nothing for 9 s: a busy machine may take so long
/// for what is done in one or two.
fn freeze_one_of_three() -> bool {
    // What waits for a relay comes to its listeners all at once, faster than this one may read: nobody is cut for that
    // here.
    let network =
        Network::unlinked(3, |_, setup| setup.settings("limits: {outbox_bytes: 64 MiB, max_queued_bytes: 1 GiB}"));
    let mut frozen = network.relay(2).client();
    frozen.subscribe("bulk");
    let mut listeners = [network.relay(0).client(), network.relay(1).client()];
    listeners.iter_mut().for_each(|listener| listener.subscribe("bulk"));
    wait_until_interest_is_right(&network);
    let mut source = network.relay(0).client();
    let began = Instant::now();
    network.relay(2).freeze();
    let Some(published) = publish_until_some_are_dropped(&network, &mut source, &mut listeners) else {
        assert!(began.elapsed() > LINK_LASTS, "the link has ended within {:?}", began.elapsed());
        return false;
    };
    let log = network.relay(0).log();
    let wait_for = |words: &str| log.wait_for(words, |line| line.contains(words).then_some(()));
    wait_for(SLOW);
    network.relay(2).thaw();
    let frozen_for = began.elapsed();
    let arrived = thread::scope(|scope| {
        let arrived = scope.spawn(|| numbers_up_to(published, &mut frozen));
        wait_until_interest_is_right(&network);
        wait_until_all_is_sent(&network);
        source.publish("bulk", json!([published, "the end"]));
        listeners.iter_mut().for_each(|listener| listener.expect_publish("bulk", json!([published, "the end"])));
        arrived.join().unwrap()
    });
    let status = network.relay(0).status();
    let peer = peer_of(&status, 2);
    let [sent, dropped, lost] = ["sent", "dropped", "lost"].map(|field| peer[field].as_u64().unwrap());
    println!("{published} published, {dropped} dropped, {lost} lost, frozen for {frozen_for:?}");
    assert_eq!((sent + dropped, sent - lost), (published + 1, arrived), "{peer}");
    if lost > 0 {
        assert!(frozen_for > LINK_LASTS, "the link has ended within {frozen_for:?}: {peer}");
        return false;
    }
    wait_for(ROOM);
    let said = |words: &str| log.lines().iter().filter(|line| line.contains(words)).count();
    assert_eq!([SLOW, ROOM].map(said), [1, 1], "{}", log.text());
    true
}

/// So long does a link last of which nobody takes anything, at least.
const LINK_LASTS: Duration = Duration::from_secs(8);
/// What the log says when the queue for a relay is full, and when it is not full any more.
const SLOW: &str = "more slowly than they come";
const ROOM: &str = "has room again";

/// How much fits in the kernel's buffers is the machine's affair. Gives how many were published; none: the link has ended.
fn publish_until_some_are_dropped(network: &Network, source: &mut Client, listeners: &mut [Client]) -> Option<u64> {
    const AT_ONCE: u64 = 100;
    let content = "x".repeat(60_000);
    for published in (0..2_000).step_by(AT_ONCE as usize) {
        let numbers = published..published + AT_ONCE;
        numbers.clone().for_each(|number| source.publish("bulk", json!([number, content])));
        for listener in &mut *listeners {
            for number in numbers.clone() {
                let expected = format!(r#"{{"type":"publish","channel":"bulk","content":[{number},"#);
                assert!(listener.next_text().starts_with(&expected), "not number {number}");
            }
        }
        // All that was published has gone its way, or into the queue, or nowhere.
        let status = wait_until(network.relay(0), |status| {
            let peer = peer_of(status, 2);
            let count = |field: &str| peer[field].as_u64().unwrap();
            peer["state"] != "linked" || count("sent") + count("dropped") == numbers.end
        });
        let peer = peer_of(&status, 2);
        if peer["state"] != "linked" {
            return None;
        }
        assert!(peer["queue_bytes"].as_u64() <= Some(QUEUE_BYTES_MAX), "{peer}");
        if peer["dropped"] != 0 {
            assert!(peer["queue_bytes"].as_u64() > Some(QUEUE_BYTES_MAX * 9 / 10), "{peer}");
            return Some(numbers.end);
        }
    }
    panic!("120 MB were published, and nothing was dropped");
}

/// Some may be missing before that last number, but each comes at most once and in order. Gives how many have come.
fn numbers_up_to(last: u64, listener: &mut Client) -> u64 {
    let (mut next, mut arrived) = (0, 0);
    while next <= last {
        let number = listener.next_json()["content"][0].as_u64().unwrap();
        assert!(number >= next, "{number} came behind {next}");
        (next, arrived) = (number + 1, arrived + 1);
    }
    arrived
}

/// The first one waits its second for the relay that does not answer; from then on that relay counts as not linked.
#[test]
fn subscriptions_wait_for_a_frozen_relay_once() {
    let network = Network::of(3);
    let mut listener = network.relay(0).client();
    network.relay(2).freeze();
    let started = Instant::now();
    for number in 0..30 {
        let channel = format!("during.{number}");
        listener.subscribe(&channel);
        let mut source = network.relay(1).client();
        source.publish(&channel, json!(number));
        listener.expect_publish(&channel, json!(number));
    }
    assert!(started.elapsed() < Duration::from_secs(15), "it took {:?}", started.elapsed());
    // When it goes on, it learns of what it has missed.
    network.relay(2).thaw();
    network.wait_linked();
    let mut source = network.relay(2).client();
    source.publish("during.0", json!("late"));
    listener.expect_publish("during.0", json!("late"));
}

/// A listener that stops reading is cut off on its own relay, and the link to it goes on for the others.
#[test]
fn a_slow_listener_elsewhere_delays_nobody() {
    const MESSAGES: u64 = 300;
    let network =
        Network::with(2, |_, setup| setup.settings("limits: {outbox_bytes: 256 KiB, max_message_bytes: 128 KiB}"));
    let (here, there) = (network.relay(0), network.relay(1));
    let mut slow = Raw::listening_with_small_buffer(there.address(), "bulk");
    let mut listener = there.client();
    listener.subscribe("bulk");
    let mut source = here.client();
    let content = "x".repeat(100_000);
    thread::scope(|scope| {
        let told = scope.spawn(|| {
            there.log().wait_for("a client to be cut", |line| is_disconnect(line).then_some(()));
            slow.read_numbered_to_close()
        });
        for number in 0..MESSAGES {
            source.publish("bulk", json!([number, content]));
            assert_eq!(listener.next_json()["content"][0], number);
        }
        let (read, code) = told.join().unwrap();
        assert!(read < MESSAGES && code == Some(4001), "{read} {code:?}");
    });
    listener.expect_no_answer();
    let refused = |relay: &Daemon| relay.status()["refusals"]["outbox_bytes"].clone();
    assert_eq!([refused(here), refused(there)], [0, 1]);
}

/// A relay that lives and says so, and reads nothing for longer than the system waits for an acknowledgement: its link was
/// ended after 9 s.
#[test]
fn a_relay_that_lives_and_does_not_read_stays_linked() {
    const NOT_READ: Duration = Duration::from_secs(13);
    let port = ReservedPort::new();
    let relay = Setup::on_shards(1).name("relay-0").in_network(std::slice::from_ref(&port), 0).without_key().start();
    let mut fake = FakeRelay::linked("z-busy", port.port());
    fake.announce(&["bulk"]);
    let (mut source, content) = (relay.client(), "x".repeat(60_000));
    let is_full = |status: &Value| status["relays"][1]["queue_bytes"].as_u64() > Some(QUEUE_BYTES_MAX / 2);
    while !is_full(&relay.asked()) {
        source.publish("bulk", json!(content));
    }
    let began = Instant::now();
    while began.elapsed() < NOT_READ {
        fake.send(kind::PING, &[0; 16]);
        thread::park_timeout(Duration::from_secs(4));
    }
    // What waited arrives, and what was asked is answered, all over the link that there was.
    source.publish("bulk", json!("the end"));
    fake.answer_until(|frame| frame.fields.ends_with(br#""the end""#));
    let status = relay.status();
    assert_eq!(status["relays"][1]["state"], "linked", "{status:#}");
    assert!(!relay.log().text().contains("the link has ended"), "{}", relay.log().text());
}
