//! Stopping with a grace: whoever is connected is served on, loses nothing, and is told in its turn.

use crate::harness::{
    Client, DEADLINE, Daemon, Setup, many_open_files, run, text_message, time_without_stalls, upgrade_request,
};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

/// What is done at once takes less than this, the wait for a process included.
const AT_ONCE_MAX: Duration = Duration::from_secs(2);

fn draining(shards: usize, grace: &str, spread: &str) -> Daemon {
    Setup::on_shards(shards).settings(&format!("limits: {{drain_grace: {grace}, drain_spread: {spread}}}")).start()
}

fn wait_until_it_stops(daemon: &Daemon) {
    daemon.log().wait_for("`stopping`", |line| line.contains("graceful shutdown: no new connections").then_some(()));
}

#[test]
fn without_clients_it_ends_at_once() {
    let mut daemon = draining(3, "1h", "1h");
    daemon.client().close();
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn during_the_grace_clients_are_served_and_nobody_new_comes() {
    let mut daemon = draining(3, "1h", "1h");
    let mut listeners: Vec<_> = (0..6).map(|_| daemon.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("a"));
    let mut source = daemon.client();
    daemon.terminate();
    wait_until_it_stops(&daemon);
    let began = Instant::now();
    while TcpStream::connect_timeout(&daemon.address(), DEADLINE).is_ok() {
        assert!(began.elapsed() < DEADLINE, "the port is still open");
        thread::yield_now();
    }
    source.publish("a", json!("late"));
    source.subscribe("b");
    listeners.iter_mut().for_each(|listener| listener.expect_publish("a", json!("late")));
    listeners.into_iter().for_each(Client::close);
    source.close();
    assert_eq!(daemon.wait().code(), Some(0), "the last client has gone, so there is nothing left to wait for");
}

#[test]
fn the_end_of_the_grace_begins_the_spread() {
    const CLIENTS: u32 = 200;
    for (spread, turn) in [("1h", Duration::from_secs(1) / 500), ("100ms", Duration::from_millis(100) / CLIENTS)] {
        let mut daemon = draining(1, "200ms", spread);
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| daemon.client()).collect();
        let began = Instant::now();
        daemon.terminate();
        let mut told_after = Vec::new();
        for client in &mut clients {
            client.expect_closed(1001);
            told_after.push(began.elapsed());
        }
        let (first, last) = (told_after[0], told_after[told_after.len() - 1]);
        println!("{CLIENTS} clients were told between {first:?} and {last:?}, with a spread of {spread}");
        assert!(first >= Duration::from_millis(200), "{told_after:?}");
        assert!(last >= Duration::from_millis(200) + turn * (CLIENTS - 1), "each has its turn: {told_after:?}");
        assert_eq!(daemon.wait().code(), Some(0));
    }
}

#[test]
fn a_handful_is_gone_at_once() {
    for shards in [1, 3] {
        let mut daemon = draining(shards, "0", "1h");
        let clients: Vec<_> = (0..20).map(|_| daemon.client()).collect();
        let (status, took) = time_without_stalls(|| {
            daemon.terminate();
            // Each closes its end as well, as clients do: the relay waits for that.
            clients.into_iter().for_each(|mut client| client.expect_closed(1001));
            daemon.wait()
        });
        println!("20 clients on {shards} shards were gone after {took:?}");
        assert_eq!(status.code(), Some(0));
        assert!(took < AT_ONCE_MAX, "it took {took:?}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for signal in ["-TERM", "-INT"] {
        let mut daemon = draining(1, "1h", "1h");
        let _client = daemon.client();
        let mut asking = daemon.upgraded();
        asking.send(text_message(r#"{"type":"authorize","authorization":"sleep=15000"}"#));
        // Once somebody behind it has an answer, the plugin is at it.
        drop(daemon.client());
        daemon.terminate();
        wait_until_it_stops(&daemon);
        let (status, took) = time_without_stalls(|| {
            run(Command::new("kill").args([signal, &daemon.pid().to_string()])).succeeds();
            daemon.wait()
        });
        println!("it ended {took:?} after {signal}");
        assert_eq!(status.code(), Some(0));
        assert!(took < AT_ONCE_MAX, "it took {took:?}");
    }
}

#[test]
fn a_request_that_is_finished_during_the_grace_makes_a_client() {
    let mut daemon = draining(1, "1h", "0");
    let mut finishing = daemon.raw();
    let request = upgrade_request("");
    finishing.send(&request[..30]);
    // The relay has accepted it when it serves one that came after it.
    drop(daemon.connect());
    daemon.terminate();
    wait_until_it_stops(&daemon);
    finishing.send(&request[30..]);
    let head = finishing.read_head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    finishing.expect_hello();
    drop(finishing);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_request_that_is_not_finished_in_time_is_answered_with_503() {
    let mut daemon = draining(1, "0", "0");
    let (mut begun, mut silent) = (daemon.raw(), daemon.raw());
    begun.send(&upgrade_request("")[..30]);
    drop(daemon.connect());
    daemon.terminate();
    for raw in [&mut begun, &mut silent] {
        let head = raw.read_head();
        assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("\r\nRetry-After: "), "{head}");
    }
    assert_eq!(daemon.wait().code(), Some(0));
}

/// Sources publish as fast as they can to a channel of their own and say what was confirmed; each listens to all.
#[test]
fn a_thousand_clients_under_load_lose_nothing_that_was_accepted() {
    const SOURCES: usize = 4;
    const LISTENERS: usize = 1000 - SOURCES;
    /// Grace, spread, and what it takes to see the last ones off.
    const STOP_MAX: Duration = Duration::from_secs(1 + 2 + 5);
    many_open_files();
    let mut daemon = draining(3, "1s", "2s");
    let mut listeners: Vec<_> = (0..LISTENERS).map(|_| daemon.client()).collect();
    for (number, listener) in listeners.iter_mut().enumerate() {
        listener.subscribe(&format!("source-{}", number % SOURCES));
    }
    let confirmed: [AtomicU64; SOURCES] = Default::default();
    let is_stopping = AtomicBool::new(false);
    let (before, received, status, took) = thread::scope(|scope| {
        for (number, confirmed) in confirmed.iter().enumerate() {
            let source = daemon.client();
            let is_stopping = &is_stopping;
            scope.spawn(move || publish_until_closed(source, &format!("source-{number}"), confirmed, is_stopping));
        }
        let receiving: Vec<_> = listeners.chunks_mut(LISTENERS.div_ceil(4)).collect();
        let receiving: Vec<_> =
            receiving.into_iter().map(|some| scope.spawn(move || some.iter_mut().map(receive).collect())).collect();
        let began = Instant::now();
        while confirmed.iter().any(|count| count.load(Ordering::SeqCst) < 20) {
            assert!(began.elapsed() < DEADLINE, "{confirmed:?}");
            thread::yield_now();
        }
        let before: Vec<u64> = confirmed.iter().map(|count| count.load(Ordering::SeqCst)).collect();
        is_stopping.store(true, Ordering::SeqCst);
        // The listeners may be busy for longer with what they have got.
        let (status, took) = time_without_stalls(|| {
            daemon.terminate();
            daemon.wait()
        });
        let received: Vec<Vec<u64>> = receiving.into_iter().map(|thread| thread.join().unwrap()).collect();
        (before, received.concat(), status, took)
    });
    println!("{before:?} messages were accepted before the signal; it ended {took:?} after it");
    assert_eq!(received.len(), LISTENERS);
    for (number, received) in received.iter().enumerate() {
        let accepted = before[number % SOURCES];
        assert!(*received >= accepted, "listener {number} got {received} of {accepted} messages accepted before");
    }
    assert_eq!(status.code(), Some(0));
    assert!(took < STOP_MAX, "it took {took:?}");
}

/// Publishes 0, 1, 2 and so on, each confirmed by a pong, until the relay closes the connection.
fn publish_until_closed(mut source: Client, channel: &str, confirmed: &AtomicU64, is_stopping: &AtomicBool) {
    for number in 0u64.. {
        let publish = json!({"type": "publish", "channel": channel, "content": number}).to_string();
        if source.try_send(Message::text(publish)).is_err() || source.try_send(Message::Ping("p".into())).is_err() {
            break;
        }
        match source.next_message() {
            Message::Pong(_) => confirmed.store(number + 1, Ordering::SeqCst),
            Message::Close(Some(frame)) => {
                assert_eq!(u16::from(frame.code), 1001);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(is_stopping.load(Ordering::SeqCst), "nobody is disconnected before the signal");
}

/// Takes publications, which have to come without a gap from 0 on, until close 1001; returns how many.
fn receive(listener: &mut Client) -> u64 {
    for expected in 0.. {
        match listener.next_message() {
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(message["content"], json!(expected), "{message}");
            }
            Message::Close(Some(frame)) => {
                assert_eq!(u16::from(frame.code), 1001);
                return expected;
            }
            other => panic!("{other:?}"),
        }
    }
    unreachable!("a relay that stops closes every connection")
}
