//! Permissions that are taken away from a stream: what is not permitted ends, with what waited of it, and the rest goes on.

use super::source::Source;
use crate::harness::{
    Daemon, EventListener, Raw, Setup, bearer, channels_query, events_request, grants_setup, library_name,
    scripted_version,
};
use serde_json::{Value, json};

crate::on_1_and_3_shards!(what_waits_of_a_channel_that_was_taken_away_never_comes);

fn ended(channel: &str, reason: &str) -> Value {
    json!({"type": "subscription_ended", "channel": channel, "reason": reason})
}

/// The stream has nothing left, for this reason.
#[track_caller]
fn expect_out(listener: &mut EventListener, reason: &str) {
    listener.expect_event("authorization_failed", json!({"type": "authorization_failed", "reason": reason}));
    listener.expect_end(4501);
}

fn swap(daemon: &Daemon, version: &str) {
    daemon.plugins().replace(&library_name("scripted_plugin"), &scripted_version(version));
    let line = daemon.reload();
    assert!(line.contains("another authenticator has taken over"), "{line}");
}

fn reauthorizing(shards: usize) -> Daemon {
    Setup::on_shards(shards).settings("on_swap: reauthorize").start()
}

#[test]
fn after_a_swap_streams_are_asked_again() {
    for shards in [1, 3] {
        let daemon = reauthorizing(shards);
        let mut shrinks = daemon.events_with("when=1.0.0 read=a read=b read=c when=2 read=b", &["a", "b", "c"]);
        let mut refused = daemon.events_with("read=a when=2 refuse=revoked", &["a"]);
        let mut undecided = daemon.events_with("when=1.0.0 read=b when=2 unavailable", &["b"]);
        let mut expires = daemon.events_with("read=b when=2 expires=1000", &["b"]);
        let mut stays = daemon.events_with("read=b", &["b"]);
        swap(&daemon, "2");
        expect_out(&mut refused, "revoked");
        let mut events = [shrinks.next_event(), shrinks.next_event()];
        events.sort_by(|one, other| one.data.cmp(&other.data));
        for (event, channel) in events.iter().zip(["a", "c"]) {
            assert_eq!(event.name, "subscription_ended");
            assert_eq!(event.json(), ended(channel, "no longer permitted"));
        }
        expires.expect_event("authorization_expiring", json!({"type": "authorization_expiring", "seconds": 0}));
        expect_out(&mut expires, "expired");
        let mut source = Source::of(&daemon);
        for number in 0..10 {
            ["a", "b", "c"].iter().for_each(|channel| source.publish(channel, &number.to_string()));
        }
        for number in 0..10 {
            for listener in [&mut shrinks, &mut undecided, &mut stays] {
                listener.expect_publish("b", json!(number));
            }
        }
        assert_eq!(daemon.asked()["subscriptions"], 3);
    }
}

/// It does not read, and what waits for it is of both channels.
fn what_waits_of_a_channel_that_was_taken_away_never_comes(daemon: Daemon) {
    const MESSAGES: u64 = 150;
    let shards = daemon.asked()["shards"].as_u64().unwrap() as usize;
    drop(daemon);
    let limits = "on_swap: reauthorize\nlimits: {outbox_bytes: 64 MiB, write_deadline: 1day}";
    let daemon = Setup::on_shards(shards).settings(limits).start();
    let mut raw = Raw::connect_with_small_buffer(daemon.address());
    let words = bearer("when=1.0.0 read=goes read=stays when=2 read=stays");
    raw.send(events_request(&channels_query(&["goes", "stays"]), &words));
    let mut slow = EventListener::read(raw);
    let mut source = daemon.client();
    // Line ends within the content: an event is whole only with all of its lines.
    let content = format!("[\n\n\"{}\"]", "x".repeat(32 * 1024));
    for number in 1..=MESSAGES {
        for channel in ["goes", "stays"] {
            source.send_text(&format!(
                r#"{{"type":"publish","channel":"{channel}","content":{{"n":{number},"c":{content}}}}}"#
            ));
        }
    }
    source.expect_no_answer();
    swap(&daemon, "2");
    // It has been asked again before a stream that begins now gets what is published after that.
    let mut asked = 0;
    while daemon.asked()["subscriptions"] != 1 {
        asked += 1;
        assert!(asked < 10_000, "it is never asked again");
    }
    // What the kernel has taken cannot be taken back; all else of the channel is gone, and nothing of the other one.
    let mut last = [0, 0];
    let mut has_ended = false;
    while last[1] < MESSAGES || !has_ended {
        let event = slow.next_event();
        let data = event.json();
        if event.name.is_empty() {
            let at = usize::from(data["channel"] == "stays");
            let number = data["content"]["n"].as_u64().unwrap();
            assert!(at == 1 || !has_ended, "{number} of the channel comes after its end");
            assert_eq!(number, last[at] + 1, "of {}", data["channel"]);
            last[at] = number;
        } else {
            assert_eq!(data, ended("goes", "no longer permitted"));
            has_ended = true;
        }
    }
    println!("{} of {MESSAGES} had left in time", last[0]);
    assert!(last[0] < MESSAGES, "nothing waited");
    source.publish("goes", json!(1));
    source.publish("stays", json!(1));
    slow.expect_publish("stays", json!(1));
}

/// Makes three tests of each named function: with the plugin in a thread, on 1 shard and on 3, and in a process.
macro_rules! in_both_modes {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::harness::grants_setup;

            #[test]
            fn in_a_thread_on_1_shard() {
                super::$name(grants_setup("thread", 1).start());
            }

            #[test]
            fn in_a_thread_on_3_shards() {
                super::$name(grants_setup("thread", 3).start());
            }

            #[test]
            #[cfg(unix)]
            fn in_a_process_on_3_shards() {
                super::$name(grants_setup("process", 3).start());
            }
        }
    )+};
}

in_both_modes!(the_plugin_ends_what_it_has_granted);

fn the_plugin_ends_what_it_has_granted(daemon: Daemon) {
    let mut alice = daemon.events_with("subject=alice read=a", &["a"]);
    let ticket = daemon.ticket_of("alice");
    let mut again = daemon.events_with("subject=alice read=a", &["a"]);
    let mut narrowed = daemon.events_with("subject=narrowed read=a read=b again read=a", &["b", "a"]);
    let mut gone = daemon.events_with("subject=gone read=a again refuse=gone", &["a"]);
    let mut bob = daemon.events_with("subject=bob read=a", &["a"]);
    let mut source = daemon.client_with("subject=carol read=a write=a write=b");
    daemon.order(&[&format!("revoke-ticket:{ticket}:one")]);
    expect_out(&mut alice, "one");
    daemon.wait_for_end(ticket, "revoked");
    source.publish("a", json!(1));
    again.expect_publish("a", json!(1));
    daemon.order(&["revoke:alice"]);
    expect_out(&mut again, "revoked");
    daemon.order(&["recheck:narrowed", "recheck:gone"]);
    narrowed.expect_publish("a", json!(1));
    narrowed.expect_event("subscription_ended", ended("b", "no longer permitted"));
    gone.expect_publish("a", json!(1));
    expect_out(&mut gone, "gone");
    source.publish("b", json!(2));
    source.publish("a", json!(2));
    narrowed.expect_publish("a", json!(2));
    bob.expect_publish("a", json!(1));
    bob.expect_publish("a", json!(2));
    // The end of a stream is told to the plugin as well.
    let ticket = daemon.ticket_of("bob");
    drop(bob);
    daemon.wait_for_end(ticket, "closed");
}

#[test]
fn a_grant_that_is_ended_while_it_is_given_makes_no_stream() {
    let daemon = grants_setup("thread", 1).start();
    for round in 0..20 {
        let mut raw = daemon.raw();
        raw.send(events_request("channel=a", &bearer(&format!("subject=s{round} read=a then=revoke:s{round}:out"))));
        expect_out(&mut EventListener::read(raw), "out");
        daemon.wait_for_end(daemon.ticket_of(&format!("s{round}")), "revoked");
    }
    assert_eq!(daemon.asked()["subscriptions"], 0);
}
