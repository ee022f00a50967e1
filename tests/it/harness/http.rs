//! A client that speaks HTTP over one connection: requests in verbs, and answers in their parts.

use super::{ALL, Daemon, Raw};
use serde_json::{Value, json};
use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

/// A request. It may read and write everything, unless it is told otherwise.
#[derive(Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    version: &'static str,
    headers: Vec<String>,
    body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status code.
    pub(crate) status: u16,
    /// Its head, with the empty line.
    pub(crate) head: String,
    /// Its body.
    pub(crate) body: String,
}

/// A connection.
pub(crate) struct Http {
    raw: Raw,
}

impl Request {
    /// One without a body.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let headers = vec!["Host: relay".into(), format!("Authorization: Bearer {ALL}")];
        Self { method: method.into(), target: target.into(), version: "HTTP/1.1", headers, body: Vec::new() }
    }

    /// GET.
    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// POST, with a body and its length.
    pub(crate) fn post(target: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let request = Self::new("POST", target).header(&format!("Content-Length: {}", body.len()));
        Self { body: body.to_vec(), ..request }
    }

    /// POST, with a body in chunks that stand there as they are sent.
    pub(crate) fn post_chunks(target: &str, chunks: &str) -> Self {
        let request = Self::new("POST", target).header("Transfer-Encoding: chunked");
        Self { body: chunks.into(), ..request }
    }

    /// With another header line, also where there is one of that name.
    pub(crate) fn also(mut self, line: &str) -> Self {
        self.headers.push(line.into());
        self
    }

    /// With this header line in place of those of that name.
    pub(crate) fn header(self, line: &str) -> Self {
        let name = line.split(':').next().unwrap();
        self.without(name).also(line)
    }

    /// Without header lines of that name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|line| line.split(':').next() != Some(name));
        self
    }

    /// With another authorization.
    pub(crate) fn bearer(self, authorization: &str) -> Self {
        self.header(&format!("Authorization: Bearer {authorization}"))
    }

    /// With another method.
    pub(crate) fn method(self, method: &str) -> Self {
        Self { method: method.into(), ..self }
    }

    /// What it is about.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// In this version, such as `HTTP/1.0`.
    pub(crate) fn version(self, version: &'static str) -> Self {
        Self { version, ..self }
    }

    /// The head, with the empty line.
    pub(crate) fn head(&self) -> String {
        let lines: String = self.headers.iter().map(|line| format!("{line}\r\n")).collect();
        format!("{} {} {}\r\n{lines}\r\n", self.method, self.target, self.version)
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head().as_bytes(), &self.body].concat()
    }
}

impl Answer {
    /// One with this head, and without a body.
    fn of(head: String) -> Self {
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no answer: {head:?}"));
        Self { status, head, body: String::new() }
    }

    /// Asserts that it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Asserts that one message was accepted, and was not before.
    #[track_caller]
    pub(crate) fn expect_accepted(self) -> Self {
        let answer = self.expect(202);
        assert_eq!((answer.json(), answer.header("Content-Type")), (json!({"accepted": 1}), Some("application/json")));
        assert_eq!(answer.header("Idempotency-Replayed"), None);
        answer
    }

    /// Asserts that it is a problem with this status, and returns it.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16) -> Value {
        let answer = self.expect(status);
        let problem = answer.json();
        assert_eq!(answer.header("Content-Type"), Some("application/problem+json"), "{answer:?}");
        assert_eq!((&problem["type"], &problem["status"]), (&json!("about:blank"), &json!(status)), "{problem}");
        let title = format!("HTTP/1.1 {status} {}\r\n", problem["title"].as_str().unwrap());
        assert!(answer.head.starts_with(&title), "{answer:?}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        problem
    }

    /// The value of its one header line of this name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let values: Vec<&str> = lines.filter(|(found, _)| *found == name).map(|(_, value)| value).collect();
        assert!(values.len() <= 1, "{name} is there twice: {self:?}");
        values.first().copied()
    }

    /// Whether it says that it is the last one.
    pub(crate) fn closes(&self) -> bool {
        self.header("Connection") == Some("close")
    }

    /// Its body, parsed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Http {
    /// Over a connection on which nothing has been said.
    pub(crate) fn over(raw: Raw) -> Self {
        Self { raw }
    }

    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(Raw::connect(address))
    }

    /// The connection itself.
    pub(crate) fn raw(&mut self) -> &mut Raw {
        &mut self.raw
    }

    /// The connection itself, for what is no HTTP.
    pub(crate) fn into_raw(self) -> Raw {
        self.raw
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, request: &Request) {
        self.raw.send(request.bytes());
    }

    /// Sends a request whose end the relay may not want any more.
    pub(crate) fn send_perhaps(&mut self, request: &Request) {
        self.raw.send_perhaps(request.bytes());
    }

    /// Sends a request and takes the answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Answer {
        self.send_perhaps(request);
        if request.method == "HEAD" { self.answer_to_head() } else { self.answer() }
    }

    /// Sends a request and takes the answer, of which there is the head alone.
    pub(crate) fn ask_for_head(&mut self, request: &Request) -> Answer {
        self.send(request);
        self.answer_to_head()
    }

    /// GET.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.ask(&Request::get(target))
    }

    /// POST.
    pub(crate) fn post(&mut self, target: &str, body: impl AsRef<[u8]>) -> Answer {
        self.ask(&Request::post(target, body))
    }

    /// Takes the next answer. That one goes on (100) is one as well.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.next_answer().expect("the connection has ended in place of an answer")
    }

    /// The same; `None`: the connection has ended.
    pub(crate) fn next_answer(&mut self) -> Option<Answer> {
        let mut answer = Answer::of(self.raw.read_head_or_end()?);
        if matches!(answer.status, 100..200 | 204) {
            return Some(answer);
        }
        let body = match answer.header("Content-Length") {
            None => self.raw.read_to_end(),
            Some(length) => {
                let mut body = vec![0; length.parse().unwrap()];
                let read = self.raw.stream().read_exact(&mut body);
                read.unwrap_or_else(|error| panic!("the body ends early: {error}: {answer:?}"));
                body
            }
        };
        answer.body = String::from_utf8(body).unwrap();
        Some(answer)
    }

    /// Takes the next answer, of which there is the head alone.
    pub(crate) fn answer_to_head(&mut self) -> Answer {
        Answer::of(self.raw.read_head())
    }

    /// Takes the next answer, if one comes in time.
    pub(crate) fn answer_within(&mut self, wait: Duration) -> Option<Answer> {
        self.raw.has_more_within(wait).then(|| self.answer())
    }

    /// Waits for the relay to end the connection; nothing may come before.
    pub(crate) fn expect_end(&mut self) {
        self.raw.expect_end();
    }
}

impl Daemon {
    /// A connection for requests over HTTP.
    pub(crate) fn http(&self) -> Http {
        self.inside(|| Http::connect(self.address()))
    }
}
