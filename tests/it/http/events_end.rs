//! Ends of streams: each is told why in its last event, and nothing is left of it.

use super::source::Source;
use crate::harness::{
    ALL, DEADLINE, Daemon, Event, EventListener, Gone, NoStream, Setup, bearer, events_request, run,
    time_without_stalls,
};
use serde_json::json;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(an_authorization_that_ends_ends_the_stream, who_says_nothing_more_is_gone,);

/// Long enough for a slow machine to get something done before it is over.
const LIFE: Duration = Duration::from_secs(2);
/// What is done at once takes less than this, the wait for a process included.
const AT_ONCE_MAX: Duration = Duration::from_secs(2);

/// Waits until nobody is connected any more, and asserts that nobody has left anything.
fn expect_nothing_left(daemon: &Daemon) {
    daemon.wait_for_connections(0);
    let status = daemon.asked();
    assert_eq!((&status["subscriptions"], &status["channels"]), (&json!(0), &json!(0)), "{status:#}");
}

fn an_authorization_that_ends_ends_the_stream(daemon: Daemon) {
    let words = format!("read=a read=b expires={}", LIFE.as_millis());
    let mut listener = daemon.events_with(&words, &["a", "b"]);
    let mut source = daemon.client();
    source.publish("a", json!(1));
    listener.expect_publish("a", json!(1));
    // Half of its life before the end; what has passed since it was decided makes it less.
    listener.expect_event("authorization_expiring", json!({"type": "authorization_expiring", "seconds": 0}));
    source.publish("b", json!(2));
    listener.expect_publish("b", json!(2));
    let failed = json!({"type": "authorization_failed", "reason": "expired"});
    listener.expect_event("authorization_failed", failed);
    listener.expect_end(4501);
    source.close();
    expect_nothing_left(&daemon);
}

/// The end of what a client sends is the end of its stream: nobody else half-closes a connection that it still reads.
fn who_says_nothing_more_is_gone(daemon: Daemon) {
    let mut listener = daemon.events(&["a"]);
    let mut source = Source::of(&daemon);
    source.publish("a", "1");
    listener.expect_publish("a", json!(1));
    listener.raw().finish_sending();
    listener.expect_gone();
    // Gone at once, and gone without a word.
    drop(daemon.events(&["a", "b"]));
    let mut raw = daemon.raw();
    raw.send(events_request("channel=c", &bearer(ALL)));
    raw.finish_sending();
    raw.read_to_end();
    let mut never_answered = daemon.raw();
    never_answered.send(events_request("channel=c", &bearer("sleep=300 both=*")));
    drop((raw, never_answered, source));
    expect_nothing_left(&daemon);
    daemon.expect_nobody_disconnected();
}

/// Comments keep the connection in use. Nobody answers them, and nobody has to.
#[test]
fn who_is_silent_stays() {
    for shards in [1, 3] {
        let limits = "limits: {ping_interval: 1s, pong_timeout: 10s, authorize_timeout: 3s, keep_alive_timeout: 3s}";
        let daemon = Setup::on_shards(shards).settings(limits).start();
        let mut listeners: Vec<EventListener> = (0..3).map(|_| daemon.events(&["a"])).collect();
        let mut source = daemon.client();
        let began = Instant::now();
        while listeners.iter().any(|listener| listener.comments < 4) {
            for listener in &mut listeners {
                assert_eq!(listener.try_next(Duration::from_millis(100)), Ok(None));
            }
            source.expect_no_answer();
            assert!(began.elapsed() < DEADLINE, "{:?}", listeners.iter().map(|listener| listener.comments).min());
        }
        assert!(began.elapsed() >= Duration::from_secs(4), "comments came after {:?}", began.elapsed());
        source.publish("a", json!(1));
        listeners.iter_mut().for_each(|listener| listener.expect_publish("a", json!(1)));
        daemon.expect_nobody_disconnected();
    }
}

fn draining(shards: usize, grace: &str, spread: &str) -> Daemon {
    Setup::on_shards(shards).settings(&format!("limits: {{drain_grace: {grace}, drain_spread: {spread}}}")).start()
}

/// Each is told when to come back, and each another time: they must not come all at once.
#[test]
fn a_relay_that_stops_tells_when_to_come_back() {
    const LISTENERS: usize = 30;
    for shards in [1, 3] {
        let mut daemon = draining(shards, "0", "1s");
        let mut listeners: Vec<_> = (0..LISTENERS).map(|_| daemon.events(&["a"])).collect();
        daemon.terminate();
        let waits: Vec<u64> = listeners.iter_mut().map(|listener| listener.expect_end(1001).unwrap()).collect();
        assert!(waits.iter().all(|wait| (1000..=10_000).contains(wait)), "{waits:?}");
        let different: BTreeSet<_> = waits.iter().collect();
        assert!(different.len() > LISTENERS * 2 / 3, "{waits:?}");
        drop(listeners);
        assert_eq!(daemon.wait().code(), Some(0));
    }
}

#[test]
fn streams_do_not_hold_up_the_end() {
    for shards in [1, 3] {
        let mut daemon = draining(shards, "0", "0");
        let mut listeners: Vec<_> = (0..20).map(|_| daemon.events(&["a"])).collect();
        let (status, took) = time_without_stalls(|| {
            daemon.terminate();
            // Each closes its end as well, as clients do: the relay waits for that.
            listeners.drain(..).for_each(|mut listener| assert!(listener.expect_end(1001).is_some()));
            daemon.wait()
        });
        println!("20 streams on {shards} shards were gone after {took:?}");
        assert_eq!(status.code(), Some(0));
        assert!(took < AT_ONCE_MAX, "it took {took:?}");
    }
}

/// Its authorization is being decided, or it waits for the next request.
#[test]
fn a_relay_that_stops_answers_who_has_asked() {
    for shards in [1, 3] {
        let mut daemon = draining(shards, "0", "0");
        let mut idle = Source::of(&daemon);
        idle.publish("a", "1");
        let mut asking = daemon.raw();
        asking.send(events_request("channel=a", &bearer("sleep=3000 both=*")));
        // Once somebody behind it has an answer, the plugin is at it.
        drop(daemon.client());
        daemon.terminate();
        let refused = NoStream::read(&mut asking);
        assert_eq!((refused.status, refused.header("Connection")), (503, Some("close")), "{refused:?}");
        assert!(refused.header("Retry-After").is_some(), "{refused:?}");
        asking.expect_end();
        idle.into_raw().expect_end();
        assert_eq!(daemon.wait().code(), Some(0));
    }
}

#[test]
fn during_the_grace_streams_go_on() {
    let mut daemon = draining(3, "1h", "1h");
    let mut listeners: Vec<_> = (0..6).map(|_| daemon.events(&["a"])).collect();
    let (mut source, mut post) = (daemon.client(), Source::of(&daemon));
    post.publish("a", "0");
    daemon.terminate();
    daemon.log().wait_for("`stopping`", |line| line.contains("graceful shutdown: no new connections").then_some(()));
    source.publish("a", json!("late"));
    listeners.iter_mut().for_each(|listener| {
        listener.expect_publish("a", json!(0));
        listener.expect_publish("a", json!("late"));
    });
    // A second signal ends it at once.
    let (status, took) = time_without_stalls(|| {
        run(Command::new("kill").args(["-TERM", &daemon.pid().to_string()])).succeeds();
        daemon.wait()
    });
    assert_eq!(status.code(), Some(0));
    assert!(took < AT_ONCE_MAX, "it took {took:?}");
    for listener in &mut listeners {
        let last = listener.try_next(DEADLINE);
        let is_end = |event: &Event| event.name == "end" && event.json()["code"] == 1001;
        assert!(matches!(&last, Ok(Some(event)) if is_end(event)) || matches!(last, Err(Gone::Ended | Gone::Reset)));
    }
}
