//! Listeners that are gone without a word: their systems say so, or say nothing any more.

use super::source::Source;
use crate::harness::{
    ALL, DEADLINE, Daemon, EventListener, Memory, Namespace, Raw, Setup, bearer, events_request, not_run,
};
use serde_json::json;
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(who_is_reset_is_gone, what_clients_say_is_dropped);

const MIB: usize = 1024 * 1024;

/// Waits until so many subscriptions are left.
fn wait_for_subscriptions(daemon: &Daemon, count: usize) {
    let began = Instant::now();
    loop {
        let status = daemon.asked();
        if status["subscriptions"] == count && status["connections"]["total"] == count {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{count} are waited for: {status:#}");
    }
}

/// A process that is killed: its system resets the connection, at once or when more comes.
fn who_is_reset_is_gone(daemon: Daemon) {
    let mut stays = daemon.events(&["a"]);
    for has_read in [true, false] {
        let mut killed: Vec<EventListener> = (0..5).map(|_| daemon.events(&["a"])).collect();
        let mut source = Source::of(&daemon);
        source.publish("a", "1");
        stays.expect_publish("a", json!(1));
        for mut listener in killed.drain(..) {
            if has_read {
                listener.expect_publish("a", json!(1));
                socket2::SockRef::from(&**listener.raw().stream()).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
        drop(source);
        wait_for_subscriptions(&daemon, 1);
    }
    daemon.expect_nobody_disconnected();
}

/// No packet comes or goes any more: the relay's system notices that nothing is acknowledged.
#[test]
fn who_is_cut_off_is_gone() {
    let namespace = match Namespace::new() {
        Ok(namespace) => namespace,
        Err(missing) => return not_run("streams of who is cut off", missing),
    };
    let prepared = namespace.run(&["ip", "link", "set", "lo", "up"], "").and_then(|_| {
        let chain = "chain input { type filter hook input priority 0; }";
        namespace.run(&["nft", "-f", "-"], &format!("table ip faults {{ {chain} }}\n"))
    });
    if let Err(missing) = prepared {
        return not_run("streams of who is cut off", missing);
    }
    let limits = "limits: {ping_interval: 1s, pong_timeout: 1s, write_deadline: 1s}";
    let daemon = Setup::on_shards(1).settings(limits).in_namespace(&namespace).start();
    let listener = || namespace.inside(|| EventListener::begin(Raw::connect(daemon.address()), ALL, &["a"]));
    let (mut stays, mut cut) = (listener(), listener());
    wait_for_subscriptions(&daemon, 2);
    let port = cut.raw().stream().local_addr().unwrap().port();
    let rules = ["dport", "sport"].map(|end| format!("add rule ip faults input tcp {end} {port} drop\n"));
    namespace.run(&["nft", "-f", "-"], &rules.concat()).unwrap();
    let before = stays.comments;
    wait_for_subscriptions(&daemon, 1);
    // Comments have told it; and who is there has had them too.
    assert_eq!(stays.try_next(Duration::from_millis(10)), Ok(None));
    assert!(stays.comments > before);
    let mut source = namespace.inside(|| Source::of(&daemon));
    source.publish("a", "1");
    stays.expect_publish("a", json!(1));
    daemon.expect_nobody_disconnected();
}

/// A client has nothing to say behind its request. If it does, that costs the relay no memory, and it is no next request.
fn what_clients_say_is_dropped(daemon: Daemon) {
    let mut raw = daemon.raw();
    raw.send(events_request("channel=a", &bearer(ALL)) + &events_request("channel=b", &bearer(ALL)) + "\r\n\0nonsense");
    let mut listener = EventListener::read(raw);
    let mut source = Source::of(&daemon);
    let memory = Memory::of(&daemon);
    let more = events_request("channel=b", &bearer(ALL)).repeat(MIB / 100);
    for number in 0..32 {
        listener.raw().send(&more);
        source.publish("b", "1");
        source.publish("a", &number.to_string());
        listener.expect_publish("a", json!(number));
    }
    memory.assert_grown_at_most(2 * MIB);
    assert_eq!(daemon.asked()["subscriptions"], 1);
}
