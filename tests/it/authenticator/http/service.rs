//! Services as they are: they move, close connections, listen on Unix sockets, and answer in ways that nobody asked for.

use super::{Service, answering, ask, everything, expect_refused, expect_unavailable, setup, start};
use crate::harness::{DEADLINE, NameServer, not_run};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// A service in this process that lets everybody in.
#[derive(Clone, Default)]
struct Plain {
    questions: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    /// It closes each connection when it has answered, without a word about it.
    closes: Arc<AtomicBool>,
    /// It reads and does not answer.
    is_silent: Arc<AtomicBool>,
}

impl Plain {
    fn on(listener: TcpListener) -> Self {
        let plain = Self::default();
        let shared = plain.clone();
        // It ends with the process of the test.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let one = shared.clone();
                thread::spawn(move || one.serve(stream));
            }
        });
        plain
    }

    fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn serve(&self, mut stream: TcpStream) {
        let body = everything(json!({})).to_string();
        while receives_question(&mut stream) {
            self.questions.fetch_add(1, Ordering::SeqCst);
            if self.is_silent.load(Ordering::SeqCst) {
                continue;
            }
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).is_err() || self.closes.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

/// Whether a whole question has come; none of them has a brace in a text.
fn receives_question(stream: &mut TcpStream) -> bool {
    let mut question = Vec::new();
    let mut more = [0; 4096];
    while !question.ends_with(b"}}") {
        match stream.read(&mut more) {
            Ok(0) | Err(_) => return false,
            Ok(length) => question.extend(&more[..length]),
        }
    }
    true
}

/// The name leads elsewhere, and the old service goes on to answer: who is always asked over the same connection would
/// never come to the new one.
#[test]
fn a_service_that_has_moved_is_found() {
    let server = match NameServer::new() {
        Ok(server) => server,
        Err(missing) => return not_run("an authorization service that moves", missing),
    };
    let [old, new] = [2, 3].map(|host| Ipv4Addr::new(127, 0, 0, host));
    let at = |address: Ipv4Addr| Plain::on(server.listener(SocketAddr::from((address, 8080))));
    let (before, after) = (at(old), at(new));
    server.lead("auth.example", &[old]);
    let more = "  http_max_connection_age: 1s\n";
    let daemon = server.serves(setup("http://auth.example:8080/", more)).start();
    daemon.client_with("a");
    daemon.client_with("b");
    assert_eq!((before.questions(), before.connections(), after.questions()), (2, 1, 0));
    server.lead("auth.example", &[new]);
    let began = Instant::now();
    while after.questions() == 0 {
        daemon.client_with("c");
        assert!(began.elapsed() < DEADLINE, "it is not found");
    }
    assert!(server.questions() >= 2, "the name is looked up anew");
}

/// It costs a second attempt, and no client.
#[test]
fn kept_connections_that_are_closed_cost_no_client() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let service = Plain::on(listener);
    service.closes.store(true, Ordering::SeqCst);
    let daemon = start(&url, "");
    for number in 0..50 {
        daemon.client_with(&number.to_string());
    }
    assert_eq!((service.questions(), service.connections()), (50, 50));
}

#[cfg(unix)]
#[test]
fn a_service_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("auth.sock");
    let service = Service::start(&["--unix", socket.to_str().unwrap()]);
    let daemon = start(&format!("unix:{}:/authorize?relay=1", socket.display()), "");
    for _ in 0..3 {
        daemon.client_with(&answering(everything(json!({})))).subscribe("a.b");
    }
    expect_refused(&daemon, &json!({"status": 403}).to_string());
    let requests = service.requests();
    let first = &requests[0];
    assert_eq!((&first["path"], &first["headers"]["host"]), (&json!("/authorize?relay=1"), &json!("localhost")));
    assert!(requests.iter().all(|request| request["connection"] == 1), "{requests:?}");
    drop(service);
    expect_unavailable(&daemon, "a");
    let place = format!("unix:{}: cannot connect", socket.display());
    daemon.log().wait_for("the socket's path", |line| line.contains(&place).then_some(()));
    let log = daemon.log().text();
    assert!(!log.contains("relay=1") && !log.contains("unencrypted"), "{log}");
}

#[test]
fn answers_in_ways_that_nobody_asked_for() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "");
    let good = everything(json!({}));
    daemon.client_with(&json!({"mark": true, "answer": good}).to_string()).subscribe("a.b");
    expect_unavailable(&daemon, &json!({"encoding": "gzip", "answer": good}).to_string());
    daemon.log().wait_for("the encoding", |line| line.contains("the answer is compressed (gzip)").then_some(()));
    assert_eq!(service.requests()[0]["headers"]["accept-encoding"], "identity");
    // In a list the next one would be asked; alone it refuses.
    expect_refused(&daemon, &answering(json!({"abstain": true})));
    expect_unavailable(&daemon, &answering(json!({"abstain": true, "permissions": []})));
}

#[test]
fn a_status_that_may_mean_no_is_pointed_out_once() {
    for status in [400, 404, 422] {
        let service = Service::start(&[]);
        let daemon = start(&service.url(), "");
        // Its failures alone would fill what is logged of them.
        expect_unavailable(&daemon, &json!({"status": 500}).to_string());
        for number in 0..3 {
            expect_unavailable(&daemon, &json!({"status": status, "number": number}).to_string());
        }
        let said = format!("it has answered with status {status}, which is no decision");
        daemon.log().wait_for("the hint", |line| (line.contains(&said) && line.contains("403")).then_some(()));
        assert_eq!(daemon.log().text().matches("which is no decision").count(), 1);
    }
}

/// Failures are counted, and shown by `pusud status`.
#[test]
fn failures_are_counted() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "");
    for number in 0..3 {
        expect_unavailable(&daemon, &json!({"status": 500, "number": number}).to_string());
    }
    let metrics = daemon.status()["authenticator"]["metrics"].to_string();
    assert!(metrics.contains("service_failures_total"), "{metrics}");
}

/// A packet may be lost on the way; the next question goes over a new connection.
#[test]
fn a_service_that_has_gone_without_a_word_costs_one_client() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let service = Plain::on(listener);
    let daemon = start(&url, "  http_timeout: 1s\n");
    // Several connections are kept.
    let mut clients: Vec<_> = (0..3).map(|number| ask(&daemon, &format!("first {number}"))).collect();
    clients.iter_mut().for_each(|client| client.expect_text(r#"{"type":"authorization_ok"}"#));
    let kept = service.connections();
    service.is_silent.store(true, Ordering::SeqCst);
    expect_unavailable(&daemon, "second");
    service.is_silent.store(false, Ordering::SeqCst);
    daemon.client_with("third");
    assert_eq!(service.connections(), kept + 1, "none of those before is used");
}
