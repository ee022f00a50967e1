//! `pusud tail`, and messages that are published through the control socket: an operator's sessions are served like a
//! client's, need no authorization, and take no client's place.

use crate::harness::{Daemon, Network, Running, Setup, pusud};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

crate::on_1_and_3_shards!(what_is_published_is_heard_and_seen, all_places_may_be_taken,);

/// A request to the control socket, and what is answered.
struct Asking(BufReader<UnixStream>);

impl Asking {
    fn send(daemon: &Daemon, request: Value) -> Self {
        let mut stream = UnixStream::connect(daemon.dir().join("control.sock")).unwrap();
        stream.set_read_timeout(Some(crate::harness::DEADLINE)).unwrap();
        let mut request = request;
        request["version"] = json!(1);
        stream.write_all(format!("{request}\n").as_bytes()).unwrap();
        Self(BufReader::new(stream))
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn tail(daemon: &Daemon, channel: &str) -> Self {
        let mut tail = Self::send(daemon, json!({"command": "tail", "channel": channel}));
        assert_eq!(tail.next()["tailing"], channel);
        tail
    }
}

/// Clients and sessions that are listed.
fn clients_len(daemon: &Daemon) -> u64 {
    daemon.operate_json(&["clients"]).remove(0)["count"].as_u64().unwrap()
}

fn publish(daemon: &Daemon, channel: &str, content: &str) -> Value {
    Asking::send(daemon, json!({"command": "publish", "channel": channel, "content": content})).next()
}

fn what_is_published_is_heard_and_seen(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a*");
    let mut tail = Asking::tail(&daemon, "a*");
    let mut others = Asking::tail(&daemon, "ab");
    assert_eq!(publish(&daemon, "a*", "{\"x\": 1}")["published"], "a*");
    listener.expect_publish("a*", json!({"x": 1}));
    let seen = tail.next();
    assert_eq!((&seen["channel"], &seen["content"]), (&json!("a*"), &json!({"x": 1})), "{seen}");
    assert!(seen["time_ms"].as_u64() > Some(1_600_000_000_000), "{seen}");
    listener.publish("ab", json!(2));
    assert_eq!(others.next()["content"], 2, "a `*` is a letter");
    // They are shown, and are none of the clients: not even as the log would name them.
    assert_eq!(daemon.operate(&["kick", "--client", "unix"]).succeeds(), "0 connections ended");
    let clients = daemon.operate_json(&["clients", "--channel", "ab"]).remove(0);
    let row = &clients["clients"][0];
    assert_eq!((&row["transport"], &row["address"]), (&json!("operator"), &json!("operator")), "{clients:#}");
    assert_eq!(daemon.status()["connections"]["total"], 1);
    for (channel, content, part) in [
        ("a", "hello", "the content is no JSON"),
        ("", "1", "no channel's name"),
        ("a", &format!("\"{}\"", "x".repeat(90_000)), "message"),
    ] {
        let answer = publish(&daemon, channel, content);
        if content.len() < 100 {
            assert!(answer["error"].as_str().is_some_and(|error| error.contains(part)), "{answer}");
        } else {
            assert_eq!(answer["published"], "a", "{answer}");
        }
    }
    drop(tail);
    daemon.wait_for_status("the end of a tail", |status| status["subscriptions"] == 2);
}

fn all_places_may_be_taken(daemon: Daemon) {
    let mut tails: Vec<Asking> = (0..16).map(|_| Asking::tail(&daemon, "a")).collect();
    let mut more = Asking::send(&daemon, json!({"command": "tail", "channel": "a"}));
    assert!(more.next()["error"].as_str().is_some_and(|error| error.contains("16 channels are tailed already")));
    // Whoever tails keeps nobody else from asking, from publishing, and from being a client.
    assert_eq!(publish(&daemon, "a", "0")["published"], "a");
    tails.iter_mut().for_each(|tail| assert_eq!(tail.next()["content"], 0));
    daemon.client().publish("a", json!(1));
    tails.iter_mut().for_each(|tail| assert_eq!(tail.next()["content"], 1));
    tails.pop();
    daemon.wait_for_status("a place", |status| status["subscriptions"] == 15);
    assert_eq!(publish(&daemon, "a", "2")["published"], "a");
    tails.iter_mut().for_each(|tail| assert_eq!(tail.next()["content"], 2));
}

#[test]
fn messages_of_three_relays_come_in_the_order_of_each() {
    const MESSAGES: u64 = 300;
    let network = Network::of(3);
    let mut tail = Asking::tail(network.relay(0), "a");
    let mut sources: Vec<_> = network.relays().iter().map(Daemon::client).collect();
    for number in 0..MESSAGES {
        for (relay, source) in sources.iter_mut().enumerate() {
            source.publish("a", json!([relay, number]));
        }
    }
    let mut next = [0; 3];
    for _ in 0..3 * MESSAGES {
        let message = tail.next();
        let [relay, number] = [0, 1].map(|at| message["content"][at].as_u64().unwrap());
        assert_eq!(number, next[relay as usize], "of relay {relay}");
        next[relay as usize] += 1;
    }
    let channels = network.relay(1).operate_json(&["channels", "--channel", "a"]).remove(0);
    assert_eq!((&channels["listeners"], &channels["relays"]), (&json!(0), &json!(["relay-0"])), "{channels:#}");
}

#[test]
fn a_tail_holds_up_no_stop_and_is_told_of_it() {
    let mut daemon = Setup::on_shards(3).settings("limits: {drain_grace: 1h, drain_spread: 1h}").start();
    let mut command = pusud(&["tail", "a", "--config"]);
    let tail = Running::start(command.arg(daemon.dir().join("settings.yaml")));
    tail.stderr.wait_for("the tail", |line| line.contains("tailing a").then_some(()));
    daemon.client().publish("a", json!("hello"));
    let line = tail.stdout.first_line().unwrap();
    assert!(line.ends_with("Z  \"hello\""), "{line}");
    daemon.wait_for_connections(0);
    daemon.terminate();
    assert!(daemon.wait().success());
    tail.finish().fails_saying(&["the relay has ended it", "the relay is stopping"]);
}

#[test]
fn a_tail_that_nobody_reads_is_a_slow_consumer() {
    let limits = "limits: {ping_interval: 0, outbox_bytes: 64 KiB, write_deadline: 1s}";
    let daemon = Setup::on_shards(1).settings(limits).start();
    let mut tail = Asking::tail(&daemon, "a");
    let mut source = daemon.client();
    let content = "x".repeat(32 * 1024);
    let began = std::time::Instant::now();
    // Nobody reads until its connection has gone for good.
    while daemon.status()["subscriptions"] != 0 {
        assert!(began.elapsed() < crate::harness::DEADLINE, "no slow consumer");
        (0..20).for_each(|_| source.publish("a", json!(content)));
    }
    daemon
        .log()
        .wait_for("the end of the session", |line| line.contains("operator's session disconnected").then_some(()));
    while clients_len(&daemon) > 1 {
        assert!(began.elapsed() < crate::harness::DEADLINE, "the session lingers");
    }
    // No client has a fault, and nothing is lost for one.
    let status = daemon.status();
    assert_eq!((&status["disconnects"], &status["ended"]), (&json!([]), &json!([])), "{status:#}");
    assert_eq!(
        (&status["refusals"]["outbox_bytes"], &status["messages"]["dropped"]),
        (&json!(0), &json!(0)),
        "{status:#}"
    );
    assert!(!daemon.log().lines().iter().any(|line| line.contains("slow consumer disconnected")));
    // What came before is there, and then it is said why there is no more.
    let end = std::iter::repeat_with(|| tail.next()).find_map(|line| line["end"].as_str().map(str::to_owned));
    assert_eq!(end.as_deref(), Some("slow consumer"));
}
