//! `pusud clients` and `pusud channels`: whoever is there is found, in the order that is wanted, and shown as it is.

use crate::harness::{Client, DEADLINE, Daemon, Network, Raw, Setup};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

crate::on_1_and_3_shards!(
    clients_are_found,
    channels_are_found,
    names_are_data,
    all_of_one_client,
    rates_are_measured,
    who_is_named_is_who_is_revoked,
    an_earlier_subject_that_holds_is_shown,
    those_alike_are_in_the_order_of_their_ids,
);

/// The one answer of a command.
fn answer(daemon: &Daemon, words: &[&str]) -> Value {
    let mut lines = daemon.operate_json(words);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

fn clients(daemon: &Daemon, words: &[&str]) -> Vec<Value> {
    answer(daemon, &[&["clients"], words].concat())["clients"].as_array().unwrap().clone()
}

fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a Value> {
    rows.iter().map(|row| &row[name]).collect()
}

fn client(daemon: &Daemon, subject: &str, channels: &[&str]) -> Client {
    let mut client = daemon.client_with(&format!("subject={subject} both=*"));
    channels.iter().for_each(|channel| client.subscribe(channel));
    client
}

/// Asks until the answer is like this.
fn wait_for<T>(what: &str, mut ask: impl FnMut() -> T, holds: impl Fn(&T) -> bool) -> T
where
    T: std::fmt::Debug,
{
    let began = Instant::now();
    loop {
        let answer = ask();
        if holds(&answer) {
            return answer;
        }
        assert!(began.elapsed() < DEADLINE, "{what} is waited for: {answer:?}");
    }
}

fn clients_are_found(daemon: Daemon) {
    let _alice = client(&daemon, "alice", &["a", "b", "c"]);
    let _bob = client(&daemon, "bob", &["a"]);
    let mut carol = client(&daemon, "carol", &["c", "d"]);
    let _stream = daemon.events_with("subject=dave both=*", &["a"]);
    let _nobody = daemon.connect();
    let all = answer(&daemon, &["clients", "--sort", "subscriptions"]);
    assert_eq!((&all["count"], &all["matching"]), (&json!(5), &json!(5)), "{all:#}");
    assert_eq!((&all["sampled_seconds"], &all["hanging_shards"]), (&Value::Null, &json!([])), "{all:#}");
    let rows = all["clients"].as_array().unwrap();
    assert_eq!(column(rows, "subscriptions"), [3, 2, 1, 1, 0]);
    assert_eq!(column(&rows[..2], "subject"), ["alice", "carol"]);
    let of = |subject: &str| rows.iter().find(|row| row["subject"] == subject).unwrap();
    let bob = of("bob");
    assert_eq!((&bob["transport"], &bob["state"], &bob["authorized"]), (&json!("ws"), &json!("open"), &json!(true)));
    assert_eq!((&bob["waiting_bytes"], &bob["blocked_for"]), (&json!(0), &Value::Null), "{bob}");
    assert_eq!((&bob["published_per_second"], &bob["delivered_per_second"]), (&Value::Null, &Value::Null), "{bob}");
    assert!(bob["connected_for"].as_f64().is_some_and(|seconds| seconds < DEADLINE.as_secs_f64()), "{bob}");
    assert_eq!(of("dave")["transport"], "sse");
    assert_eq!((&rows[4]["authorized"], &rows[4]["subject"]), (&json!(false), &Value::Null));
    assert_eq!(column(&clients(&daemon, &["--subject", "bob"]), "subject"), ["bob"]);
    assert_eq!(column(&clients(&daemon, &["--channel", "d"]), "subject"), ["carol"]);
    let address = bob["address"].as_str().unwrap();
    assert_eq!(column(&clients(&daemon, &["--address", address]), "subject"), ["bob"]);
    assert_eq!(clients(&daemon, &["--address", "127.0.0.0/8"]).len(), 5);
    assert_eq!(clients(&daemon, &["--address", "127.0.0.2"]).len(), 0);
    let some = answer(&daemon, &["clients", "--channel", "a", "--limit", "2"]);
    assert_eq!((some["clients"].as_array().unwrap().len(), &some["matching"]), (2, &json!(3)), "{some:#}");
    let text = daemon.operate(&["clients", "--channel", "a", "--limit", "2"]).succeeds();
    assert!(text.ends_with("2 of 3 that fit, 5 in all; --limit N shows more"), "{text}");
    // Who ends an authorization is shown as that no more.
    assert_eq!(daemon.operate(&["kick", "--subject", "carol"]).succeeds(), "1 connection ended");
    carol.expect_closed(4504);
    drop(carol);
    wait_for("carol's end", || clients(&daemon, &["--subject", "carol"]), Vec::is_empty);
}

fn channels_are_found(daemon: Daemon) {
    let _listeners: Vec<Client> = (0..4)
        .map(|at| client(&daemon, "x", &["all", "news.1", "news.2", "only.0"][..2 + usize::from(at == 0) * 2]))
        .collect();
    let all = answer(&daemon, &["channels"]);
    assert_eq!((&all["count"], &all["matching"]), (&json!(4), &json!(4)), "{all:#}");
    let rows = all["channels"].as_array().unwrap();
    assert_eq!(column(rows, "channel"), ["all", "news.1", "news.2", "only.0"]);
    assert_eq!(column(rows, "listeners"), [4, 4, 1, 1]);
    assert_eq!((&rows[0]["messages_per_second"], &rows[0]["relays"]), (&Value::Null, &json!([])));
    let found = answer(&daemon, &["channels", "--search", "ws.", "--limit", "1", "--sort", "name"]);
    assert_eq!((&found["count"], &found["matching"]), (&json!(4), &json!(2)), "{found:#}");
    assert_eq!(column(found["channels"].as_array().unwrap(), "channel"), ["news.1"]);
    let page = answer(&daemon, &["channels", "--channel", "all"]);
    assert_eq!((&page["listeners"], page["clients"].as_array().unwrap().len()), (&json!(4), 4), "{page:#}");
    let nobody = answer(&daemon, &["channels", "--channel", "nothing"]);
    assert_eq!((&nobody["listeners"], &nobody["clients"]), (&json!(0), &json!([])), "{nobody:#}");
}

fn names_are_data(daemon: Daemon) {
    let odd = ["<script>alert(1)</script>", "a*", "\"quoted\" & 'more'", "\u{202e}turned", "%00"];
    let _listener = client(&daemon, "<b>\u{9b}31m</b>", &odd);
    let _other = client(&daemon, "other", &["ab"]);
    let rows = clients(&daemon, &["--subject", "<b>\u{9b}31m</b>"]);
    assert_eq!(column(&rows, "subject"), ["<b>\u{9b}31m</b>"]);
    for name in odd {
        assert_eq!(clients(&daemon, &["--channel", name]).len(), 1, "{name}: a `*` is a letter");
        let page = answer(&daemon, &["channels", "--channel", name]);
        assert_eq!((&page["channel"], &page["listeners"]), (&json!(name), &json!(1)));
        let found = answer(&daemon, &["channels", "--search", name]);
        assert_eq!(column(found["channels"].as_array().unwrap(), "channel"), [name]);
    }
    // For people what would steer a terminal is written out.
    let text = daemon.operate(&["clients", "--subject", "<b>\u{9b}31m</b>"]).succeeds();
    assert!(text.contains(r"<b>\u{9b}31m</b>"), "{text}");
}

fn all_of_one_client(daemon: Daemon) {
    let mut alice = daemon.client_with("subject=alice read=a.* write=b");
    alice.authorize("subject=alice read=c expires=60000");
    alice.subscribe("a.1");
    alice.subscribe("c");
    let id = clients(&daemon, &["--subject", "alice"])[0]["id"].as_str().unwrap().to_owned();
    let page = answer(&daemon, &["clients", "--id", &id]);
    assert_eq!((&page["client"]["id"], &page["client"]["subject"]), (&json!(id), &json!("alice")), "{page:#}");
    assert_eq!((&page["channels"], &page["channels_left_out"]), (&json!(["a.1", "c"]), &json!(0)), "{page:#}");
    let [lasting, ending] = &page["authorizations"].as_array().unwrap()[..] else { panic!("two: {page:#}") };
    let permission = |pattern: &str, read: bool| json!({"pattern": pattern, "read": read, "write": !read});
    assert_eq!(lasting["permissions"], json!([permission("a.*", true), permission("b", false)]), "{page:#}");
    assert_eq!(lasting["expires_ms"], Value::Null, "{page:#}");
    assert_eq!(ending["permissions"], json!([permission("c", true)]), "{page:#}");
    assert!(ending["expires_ms"].as_u64().is_some_and(|ms| ms > 1_600_000_000_000), "{page:#}");
    assert!(page["client"]["delivered_per_second"].is_f64(), "{page:#}");
    assert_eq!((&lasting["subject"], &ending["subject"]), (&json!("alice"), &json!("alice")), "{page:#}");
    alice.close();
    wait_for("the end of the client", || clients(&daemon, &["--subject", "alice"]), Vec::is_empty);
    daemon.operate(&["clients", "--id", &id]).fails_saying(&["there is no client", &id]);
    daemon.operate(&["clients", "--id", "alice"]).fails_saying(&["expected the id of a client", "alice"]);
}

fn who_is_named_is_who_is_revoked(daemon: Daemon) {
    // It is the longest that there may be.
    let long = "é".repeat(512);
    let mut client = client(&daemon, &long, &["a"]);
    let row = clients(&daemon, &["--channel", "a"]).remove(0);
    assert_eq!(row["subject"], json!(long));
    let id = row["id"].as_str().unwrap();
    let text = daemon.operate(&["clients", "--channel", "a"]).succeeds();
    assert!(text.contains(&format!("\"{}…\"", "é".repeat(39))) && text.len() < 400, "{text}");
    assert!(daemon.operate(&["clients", "--id", id]).succeeds().contains(&long));
    // What was shown is copied.
    daemon.operate(&["revoke", "--subject", row["subject"].as_str().unwrap()]).succeeds();
    client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
    client.expect_closed(4504);
}

fn an_earlier_subject_that_holds_is_shown(daemon: Daemon) {
    let mut client = daemon.client_with("subject=alice read=a");
    client.subscribe("a");
    client.authorize("subject=bob read=b expires=3000");
    client.subscribe("b");
    let row = clients(&daemon, &["--channel", "a"]).remove(0);
    assert_eq!(row["subject"], "bob");
    let page = answer(&daemon, &["clients", "--id", row["id"].as_str().unwrap()]);
    assert_eq!(column(page["authorizations"].as_array().unwrap(), "subject"), ["alice", "bob"], "{page:#}");
    client.expect(json!({"type": "authorization_expiring", "seconds": 1}));
    client.expect(json!({"type": "subscription_ended", "channel": "b", "reason": "expired"}));
    assert_eq!(column(&clients(&daemon, &["--channel", "a"]), "subject"), ["alice"]);
}

fn rates_are_measured(daemon: Daemon) {
    let mut listeners: Vec<Client> = (0..3).map(|_| client(&daemon, "listener", &["busy"])).collect();
    let _idle = client(&daemon, "idle", &["quiet"]);
    let mut source = client(&daemon, "source", &[]);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            for number in 0u64.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                source.publish("busy", json!(number));
                source.publish("unheard", json!(number));
                listeners.iter_mut().for_each(|listener| listener.expect_publish("busy", json!(number)));
            }
        });
        let by_rate = answer(&daemon, &["clients", "--sort", "rate"]);
        let channels = answer(&daemon, &["channels", "--sort", "rate"]);
        let unheard = answer(&daemon, &["channels", "--sort", "rate", "--search", "unheard"]);
        is_over.store(true, Ordering::Relaxed);
        busy.join().unwrap();
        assert!(by_rate["sampled_seconds"].as_f64().is_some_and(|seconds| seconds >= 1.0), "{by_rate:#}");
        let rows = by_rate["clients"].as_array().unwrap();
        assert_eq!(column(rows, "subject"), ["source", "listener", "listener", "listener", "idle"], "{by_rate:#}");
        let rate = |row: &Value, of: &str| row[of].as_f64().unwrap();
        assert!(rate(&rows[0], "published_per_second") > 0.0 && rate(&rows[0], "delivered_per_second") == 0.0);
        assert!(rate(&rows[1], "delivered_per_second") > 0.0 && rate(&rows[1], "published_per_second") == 0.0);
        assert!(rate(&rows[1], "delivered_bytes_per_second") > rate(&rows[1], "delivered_per_second"));
        assert_eq!(rate(&rows[4], "delivered_per_second"), 0.0);
        // Nobody listens to it, and it is there.
        let found = (unheard["channels"].as_array().unwrap().len(), &unheard["matching"], &unheard["count"]);
        assert_eq!(found, (1, &json!(1), &json!(3)), "{unheard:#}");
        let rows = channels["channels"].as_array().unwrap();
        assert_eq!(rows.len(), 3, "{channels:#}");
        let of = |name: &str| rows.iter().find(|row| row["channel"] == name).unwrap();
        // Two or three messages may be counted on one side of the second and not on the other.
        let (busy, unheard) = (rate(of("busy"), "messages_per_second"), rate(of("unheard"), "messages_per_second"));
        assert!(busy > 0.0 && (busy - unheard).abs() < 4.0, "{channels:#}");
        assert_eq!((&of("busy")["listeners"], &of("unheard")["listeners"]), (&json!(3), &json!(0)));
        assert_eq!(rate(of("quiet"), "messages_per_second"), 0.0);
    });
}

fn those_alike_are_in_the_order_of_their_ids(daemon: Daemon) {
    let _all: Vec<Client> = (0..36).map(|_| daemon.connect()).collect();
    let rows = clients(&daemon, &["--sort", "subscriptions"]);
    let numbers = |row: &Value| -> Vec<u32> {
        row["id"].as_str().unwrap().split('-').map(|part| part.parse().unwrap()).collect()
    };
    assert!(rows.len() == 36 && rows.is_sorted_by_key(numbers), "{rows:#?}");
}

#[test]
fn for_whom_most_waits_comes_first() {
    let limits = "limits: {ping_interval: 0, write_deadline: 1day, outbox_soft_time: 1day, outbox_bytes: 64 MiB}";
    let daemon = Setup::on_shards(1).settings(limits).start();
    let _others: Vec<Client> = (0..5).map(|_| client(&daemon, "x", &["quiet"])).collect();
    let _slow = Raw::listening_with_small_buffer(daemon.address(), "a");
    let mut source = client(&daemon, "source", &[]);
    let content = "x".repeat(64 * 1024);
    let rows = wait_for(
        "a client that is blocked",
        || {
            source.publish("a", json!(content));
            clients(&daemon, &["--limit", "1"])
        },
        |rows| rows[0]["state"] == "blocked",
    );
    assert!(rows[0]["waiting_bytes"].as_u64() > Some(0) && rows[0]["blocked_for"].is_f64(), "{rows:?}");
    assert_eq!(rows[0]["subscriptions"], 1);
    let glance = answer(&daemon, &["top", "--once"]);
    let problem = &glance["problems"][0];
    assert_eq!((&problem["id"], &problem["view"]), (&json!("slow_consumers"), &json!("clients")), "{glance:#}");
}

#[test]
fn mistakes_are_pointed_out() {
    let daemon = Daemon::on_shards(1);
    for (words, parts) in [
        (&["clients", "--limit", "0"][..], &["a limit from 1 to 1000", "found 0"][..]),
        (&["channels", "--limit", "1001"], &["a limit from 1 to 1000", "found 1001"]),
        (&["clients", "--address", "nowhere"], &["nowhere"]),
        (&["clients", "--channel", ""], &["no channel's name"]),
        (&["clients", "--subject", ""], &["expected a subject"]),
    ] {
        daemon.operate(words).fails_saying(parts);
    }
    assert_eq!(daemon.operate(&["clients", "--sort", "size"]).status.code(), Some(2));
    assert_eq!(daemon.operate(&["clients", "--id", "0-1", "--subject", "x"]).status.code(), Some(2));
}

#[test]
fn bytes_of_channels_are_those_of_contents_wherever_they_come_from() {
    const CONTENT_BYTES: f64 = 302.0;
    let network = Network::of(2);
    let [here, there] = [network.relay(0), network.relay(1)];
    let mut listener = client(there, "listener", &["a"]);
    let mut source = client(here, "source", &[]);
    let content = json!("x".repeat(300));
    for relay in [here, there] {
        let page = wait_for(
            "messages in a second",
            || {
                std::thread::scope(|scope| {
                    let asked = scope.spawn(|| answer(relay, &["channels", "--channel", "a"]));
                    while !asked.is_finished() {
                        source.publish("a", content.clone());
                        listener.expect_publish("a", content.clone());
                    }
                    asked.join().unwrap()
                })
            },
            |page| page["messages_per_second"].as_f64() > Some(0.0),
        );
        let rate = |of: &str| page[of].as_f64().unwrap();
        let bytes = rate("bytes_per_second") / rate("messages_per_second");
        assert!((bytes - CONTENT_BYTES).abs() < 0.01, "{page:#}");
    }
}
