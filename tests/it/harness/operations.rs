//! The operations port of a running daemon: requests to it with a token or without, and their answers.

use super::{Answer, Daemon, Http, Request};
use serde_json::Value;
use std::io::Read as _;
use std::net::SocketAddr;

/// The address in the log line that says where operators connect.
fn operations_address(line: &str) -> Option<SocketAddr> {
    if !line.contains("operations listen here") {
        return None;
    }
    let (_, url) = line.split_once("://")?;
    let end = url.find(['"', ' ']).unwrap_or(url.len());
    url[..end].parse().ok()
}

impl Daemon {
    /// Where its operations port is; the daemon was set up with one.
    pub(crate) fn operations(&self) -> SocketAddr {
        self.log().wait_for("`operations listen here`", operations_address)
    }

    /// A connection to its operations port.
    pub(crate) fn operations_http(&self) -> Http {
        Http::connect(self.operations())
    }

    /// The answer to a request at its operations port, on a connection of its own.
    pub(crate) fn ask_operations(&self, request: &Request) -> Answer {
        self.operations_http().ask(request)
    }

    /// GET, without a token.
    pub(crate) fn get_operations(&self, target: &str) -> Answer {
        self.ask_operations(&operations_request("GET", target))
    }

    /// The token of this role, `read` or `operate`.
    pub(crate) fn token(&self, role: &str) -> String {
        let text = std::fs::read_to_string(self.dir().join("operations.token")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(role)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no token of {role}")).to_owned()
    }

    /// GET with the token of `read`, which has to succeed.
    #[track_caller]
    pub(crate) fn look(&self, target: &str) -> Value {
        self.ask_operations(&operations_request("GET", target).bearer(&self.token("read"))).expect(200).json()
    }

    /// POST with the token of `operate`.
    pub(crate) fn change(&self, target: &str, body: &Value) -> Answer {
        self.ask_operations(&operations_order(target, body).bearer(&self.token("operate")))
    }
}

/// A stream of events from an operations port.
pub(crate) struct OperationsEvents(Http);

impl OperationsEvents {
    /// Those that were asked for on this connection.
    pub(crate) fn of(mut http: Http) -> Self {
        let head = http.raw().read_head();
        assert!(head.contains(" 200 ") && head.contains("Content-Type: text/event-stream\r\n"), "{head}");
        Self(http)
    }

    /// The next event: its name and its data. Comments are left out.
    pub(crate) fn next(&mut self) -> (String, Value) {
        loop {
            let mut event = Vec::new();
            while !event.ends_with(b"\n\n") {
                let mut byte = [0];
                let read = self.0.raw().stream().read(&mut byte).unwrap();
                assert_eq!(read, 1, "the stream has ended: {:?}", String::from_utf8_lossy(&event));
                event.push(byte[0]);
            }
            let event = String::from_utf8(event).unwrap();
            let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            if let (Some(kind), Some(data)) = (line("event"), line("data")) {
                return (kind.to_owned(), serde_json::from_str(data).unwrap());
            }
        }
    }

    /// Waits for the relay to end it.
    pub(crate) fn expect_end(mut self) {
        self.0.raw().read_to_end();
    }
}

impl Daemon {
    /// Begins a stream of events with the token of `read`.
    pub(crate) fn operations_events(&self, target: &str) -> OperationsEvents {
        let mut http = self.operations_http();
        // Without chunks.
        http.send(&operations_request("GET", target).bearer(&self.token("read")).version("HTTP/1.0"));
        OperationsEvents::of(http)
    }
}

/// A request to an operations port, without a token.
pub(crate) fn operations_request(method: &str, target: &str) -> Request {
    Request::new(method, target).header("Host: localhost").without("Authorization")
}

/// A request that changes something, as programs send it, without a token.
pub(crate) fn operations_order(target: &str, body: &Value) -> Request {
    let request = Request::post(target, body.to_string()).header("Host: localhost").without("Authorization");
    request.also("Content-Type: application/json").also("Pusu-Operation: 1")
}
