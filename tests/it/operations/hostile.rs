//! Whoever comes with too much, too slowly or too often: refused, and clients notice nothing.

use crate::harness::{Daemon, Http, Setup, many_open_files, operations_order, operations_request};
use serde_json::json;

fn daemon() -> Daemon {
    Setup::on_shards(1).with_operations().start()
}

#[test]
fn long_heads_and_bodies_are_refused() {
    let daemon = daemon();
    let long = format!("X-Long: {}", "x".repeat(17 * 1024));
    assert_eq!(daemon.ask_operations(&operations_request("GET", "/").also(&long)).status, 431);
    let order = operations_order("/api/v1/session", &json!({"token": "x".repeat(65 * 1024)}));
    daemon.ask_operations(&order).expect_problem(413);
    let chunked = operations_request("POST", "/api/v1/session")
        .also("Content-Type: application/json")
        .also("Pusu-Operation: 1")
        .also("Transfer-Encoding: chunked");
    let mut http = daemon.operations_http();
    http.raw().send(chunked.bytes());
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    http.raw().send_perhaps(chunk.as_bytes());
    http.raw().send_perhaps(chunk.as_bytes());
    http.answer().expect_problem(413);
}

#[test]
fn a_slow_head_ends_the_connection() {
    let daemon = daemon();
    let mut slow = daemon.operations_http();
    slow.raw().send(b"GET / HTTP/1.1\r\nHost: loc");
    // The test waits for as long as a head may take, and a little more.
    slow.expect_end();
    daemon.get_operations("/livez").expect(200);
}

#[test]
fn who_sends_no_http_is_refused() {
    let daemon = daemon();
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0\0\0\0\r\n\r\n"]
    {
        let mut http = daemon.operations_http();
        http.raw().send_perhaps(bytes);
        http.raw().finish_sending();
        let answer = http.next_answer();
        assert!(answer.is_none_or(|answer| answer.status >= 400), "{bytes:?}");
    }
    daemon.get_operations("/livez").expect(200);
}

#[test]
fn the_connection_that_was_idle_for_longest_makes_room() {
    let daemon = daemon();
    let mut idle: Vec<Http> = (0..64).map(|_| daemon.operations_http()).collect();
    for http in &mut idle {
        http.ask(&operations_request("GET", "/livez")).expect(200);
    }
    let mut new = daemon.operations_http();
    new.ask(&operations_request("GET", "/livez")).expect(200);
    idle[0].expect_end();
    for http in &mut idle[1..] {
        http.ask(&operations_request("GET", "/livez")).expect(200);
    }
}

/// Whoever says that they sign in, and does not, is not known: they keep no place from those who ask.
#[test]
fn bodies_that_do_not_come_shut_nobody_out() {
    let daemon = daemon();
    let order = operations_order("/api/v1/session", &json!({"token": "x"})).header("Content-Length: 100");
    let mut begun = Vec::new();
    for _ in 0..70 {
        let mut http = daemon.operations_http();
        http.send(&order);
        begun.push(http);
        daemon.get_operations("/livez").expect(200);
    }
    begun[0].expect_end();
}

/// Half a head for each place and many more: whoever comes with a whole one is answered.
#[test]
fn a_flood_of_half_heads_drives_out_itself() {
    let daemon = daemon();
    let address = daemon.operations();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let ended = std::sync::Mutex::new(ended);
    std::thread::scope(|scope| {
        let flood = || {
            let mut held = std::collections::VecDeque::new();
            // Until the test is through, also by a panic.
            while !matches!(ended.lock().unwrap().try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)) {
                if let Ok(mut socket) = std::net::TcpStream::connect(address) {
                    let _ = std::io::Write::write_all(&mut socket, b"GET ");
                    held.push_back(socket);
                }
                if held.len() > 200 {
                    held.pop_front();
                }
            }
        };
        let _floods = [scope.spawn(flood), scope.spawn(flood), scope.spawn(flood)];
        for _ in 0..100 {
            daemon.get_operations("/livez").expect(200);
        }
        drop(end);
    });
}

/// Ten thousand connections that say nothing, and clients' messages meanwhile.
#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_connections_take_nothing_from_clients() {
    many_open_files();
    let daemon = daemon();
    let address = daemon.operations();
    let (mut source, mut listener) = (daemon.client(), daemon.client());
    listener.subscribe("news");
    let held = std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let mut held = std::collections::VecDeque::new();
            for _ in 0..10_000 {
                held.extend(std::net::TcpStream::connect(address));
                if held.len() > 500 {
                    held.pop_front();
                }
            }
            held
        });
        let mut sent = 0;
        while !flood.is_finished() || sent < 100 {
            source.publish("news", json!(sent));
            listener.expect_publish("news", json!(sent));
            sent += 1;
        }
        flood.join().unwrap()
    });
    daemon.get_operations("/livez").expect(200);
    let files = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    assert!(files < 64 + 100, "{files} files are open");
    drop(held);
    assert_eq!(daemon.status()["connections"]["total"], 2);
}

/// Whoever asks without a pause is given the same status again, and clients notice nothing.
#[test]
fn scrapes_and_probes_without_a_pause_take_nothing_from_clients() {
    let daemon = daemon();
    let mut http = daemon.operations_http();
    let (mut source, mut listener) = (daemon.client(), daemon.client());
    listener.subscribe("news");
    for number in 0..300 {
        http.ask(&operations_request("GET", "/metrics")).expect(200);
        http.ask(&operations_request("GET", "/readyz")).expect(200);
        source.publish("news", json!(number));
        listener.expect_publish("news", json!(number));
    }
}
