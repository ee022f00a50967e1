//! Questions to the service: those that nobody waits for, what is in them, and what 401 is about.

use super::{Service, answering, ask, everything, expect_refused, expect_unavailable, start};
use crate::harness::{DEADLINE, Raw, text_message, upgrade_request};
use serde_json::{Value, json};
#[cfg(target_os = "linux")]
use socket2::{Domain, Socket, Type};
#[cfg(target_os = "linux")]
use std::io::{Read as _, Write as _};
#[cfg(target_os = "linux")]
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A question that the relay has given up takes no connection to the service away from others.
#[test]
fn questions_that_nobody_waits_for_are_dropped() {
    let service = Service::start(&[]);
    let more = "  http_timeout: 60\n  http_max_connections: 4\nlimits: {authorize_call_timeout: 60s}\n";
    let daemon = start(&service.url(), more);
    for number in 0..300 {
        drop(ask(&daemon, &json!({"delay": 60, "number": number}).to_string()));
    }
    let good = answering(everything(json!({})));
    let deadline = Instant::now() + DEADLINE;
    while ask(&daemon, &good).next_json()["type"] != "authorization_ok" {
        assert!(Instant::now() < deadline, "nobody is let in any more");
    }
}

#[test]
fn a_question_that_several_share_goes_on_when_one_leaves() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "  http_timeout: 20\nlimits: {authorize_call_timeout: 20s}\n");
    let same = json!({"delay": 2, "answer": everything(json!({}))}).to_string();
    let mut clients: Vec<_> = (0..10).map(|_| ask(&daemon, &same)).collect();
    service.wait_for_requests(1);
    // Whoever is answered after them shows that all of them have been asked about.
    daemon.client_with(&answering(everything(json!({}))));
    let mut last = clients.pop().unwrap();
    drop(clients);
    last.expect_text(r#"{"type":"authorization_ok"}"#);
    assert_eq!(service.requests().len(), 2);
}

/// A token that the service does not know any more must not send all clients away for good.
#[test]
fn with_a_credential_401_is_about_the_relay() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "  http_headers:\n    Authorization: Bearer canary\n");
    // Refused with 401.
    expect_unavailable(&daemon, "somebody");
    let why = "does not accept the credential of the relay itself";
    daemon.log().wait_for("why", |line| (line.contains(why) && line.contains("403")).then_some(()));
    expect_refused(&daemon, &json!({"status": 403}).to_string());
    daemon.client_with(&answering(everything(json!({})))).subscribe("a.b");
    assert!(!daemon.log().text().contains("canary"));
}

/// The path of each question after clients have come by `paths`, all with the same authorization.
fn asked_for(more: &str, paths: &[&str]) -> Vec<Value> {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), more);
    let remembered = answering(everything(json!({"cache_seconds": 600})));
    let message = text_message(&json!({"type": "authorize", "authorization": remembered}).to_string());
    for path in paths {
        let mut client = Raw::connect(daemon.address());
        client.send(upgrade_request("").replacen("GET / ", &format!("GET {path} "), 1));
        client.read_head();
        client.expect_hello();
        client.send(&message);
        assert_eq!(client.read_text(), r#"{"type":"authorization_ok"}"#);
    }
    service.requests().into_iter().map(|request| request["body"]["attributes"]["http.path"].clone()).collect()
}

/// Clients may write anything into the query: as it is, it costs the service no call.
#[test]
fn the_query_is_a_part_of_the_question_only_if_asked_for() {
    let paths = ["/a?x=1", "/a?x=2", "/a", "/b?x=1"];
    assert_eq!(asked_for("", &paths), ["/a", "/b"]);
    assert_eq!(asked_for("  http_send: [peer, http.path, query]\n", &paths), paths);
    assert_eq!(asked_for("  http_send: [peer, http.origin]\n", &paths), [Value::Null]);
}

/// A listener whose queue of connections is full, so that the first packet of further ones is lost; and those in the queue.
#[cfg(target_os = "linux")]
fn full_queue() -> (TcpListener, Vec<TcpStream>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&listener.local_addr().unwrap(), Duration::from_millis(300)) {
        queued.push(stream);
        assert!(queued.len() < 100, "the queue has no end");
    }
    (listener, queued)
}

/// The system repeats a lost packet after a second; of `http_timeout`, which is two, all is there for the only address.
#[cfg(target_os = "linux")]
#[test]
fn a_packet_that_is_lost_on_the_way_to_the_service_only_delays() {
    let (listener, queued) = full_queue();
    let daemon = start(&format!("http://{}/", listener.local_addr().unwrap()), "");
    let mut client = ask(&daemon, "a");
    assert_eq!(client.next_json_within(Duration::from_millis(600)), None, "decided without the service");
    queued.iter().for_each(|_| drop(listener.accept().unwrap()));
    let (mut service, _) = listener.accept().unwrap();
    let mut question = Vec::new();
    while !question.ends_with(b"}") {
        let mut more = [0; 4096];
        let length = service.read(&mut more).unwrap();
        assert_ne!(length, 0, "the question breaks off");
        question.extend(&more[..length]);
    }
    let body = everything(json!({})).to_string();
    write!(service, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    client.expect_text(r#"{"type":"authorization_ok"}"#);
}
