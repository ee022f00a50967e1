//! Authorization of streams: by a header, in the query, or by a cookie; and nobody but the authenticator sees it.

use crate::harness::{
    Daemon, EventListener, NoStream, PluginsDir, Request, Setup, bearer, escaped, events_request, http_plugin, root,
    text_message, upgrade_request,
};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

crate::on_1_and_3_shards!(by_header_and_by_query);

/// The listener to `a` that this request makes.
fn listening(daemon: &Daemon, query: &str, more: &str) -> EventListener {
    let mut raw = daemon.raw();
    raw.send(events_request(query, more));
    EventListener::read(raw)
}

fn by_header_and_by_query(daemon: Daemon) {
    // `user:read=a`
    let basic = "Authorization: Basic dXNlcjpyZWFkPWE=\r\n";
    let mut listeners = [
        listening(&daemon, "channel=a", &bearer("read=a")),
        listening(&daemon, "channel=a", basic),
        listening(&daemon, "channel=a&authorization=read%3Da", ""),
        listening(&daemon, "authorization=write%3D*+read%3Da&channel=a", ""),
        // The header counts, and of two in the query the last one.
        listening(&daemon, "channel=a&authorization=refuse%3Dno", &bearer("read=a")),
        listening(&daemon, "channel=a&authorization=refuse%3Dno&authorization=read%3Da", ""),
        // None is one as well: this authenticator lets it read one channel.
        listening(&daemon, "channel=empty", ""),
        listening(&daemon, "channel=empty&authorization=", ""),
    ];
    let mut source = daemon.client();
    source.publish("a", json!(1));
    source.publish("empty", json!(1));
    for listener in &mut listeners {
        let channel = listener.subscribed()["channels"][0].as_str().unwrap().to_owned();
        listener.expect_publish(&channel, json!(1));
    }
    let status = |query: &str, more: &str| daemon.no_events(&events_request(query, more)).status;
    assert_eq!(status("channel=a&authorization=read%3Da", &bearer("refuse=no")), 401);
    assert_eq!(status("channel=a&authorization=read%3Da&authorization=refuse%3Dno", ""), 401);
    assert_eq!(status("channel=a&authorization=", ""), 403);
    assert_eq!(status("channel=a&authorization", ""), 403);
}

/// The attributes of a request as the authenticator sees them.
fn shown(daemon: &Daemon, query: &str, more: &str) -> String {
    let mut raw = daemon.raw();
    let asking = format!("{query}&authorization={}", escaped("attributes="));
    raw.send(events_request(&asking, more));
    let refused = NoStream::read(&mut raw);
    assert_eq!(refused.status, 401);
    refused.problem["detail"].as_str().unwrap().split_once(' ').map_or("", |(_, attributes)| attributes).to_owned()
}

#[test]
fn the_authenticator_is_told_path_and_origin_and_no_query() {
    let daemon = Setup::on_shards(1).settings("limits: {allowed_origins: ['https://shop.example']}").start();
    let without_tls = |attributes: String| {
        let attributes = attributes.split(' ').filter(|attribute| !attribute.starts_with("tls."));
        attributes.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(without_tls(shown(&daemon, "channel=secret", "Cookie: c=1\r\n")), "http.path=/events");
    let origin = "Origin: https://shop.example\r\n";
    let both = without_tls(shown(&daemon, "channel=a", origin));
    assert_eq!(both, "http.path=/events http.origin=https://shop.example");
}

/// In every outcome, at the level that says most.
#[test]
fn what_stands_in_the_query_is_in_no_log() {
    const CANARIES: [&str; 2] = ["canary-authorization-90af", "canary-cookie-44e1"];
    let mut daemon = Setup::on_shards(1).log_level("trace").settings("on_swap: reauthorize").start();
    let mut listeners = Vec::new();
    for words in ["both=*", "both=* expires=600000", "read=b", "refuse=no", "unavailable", "error", "nonsense"] {
        for query in ["channel=a", "channel=", "other", "channel=%"] {
            let authorization = escaped(&format!("{words} both={}", CANARIES[0]));
            let mut raw = daemon.raw();
            raw.send(events_request(
                &format!("authorization={authorization}&{query}"),
                &format!("Cookie: {}\r\n", CANARIES[1]),
            ));
            let head = raw.read_head();
            assert!(!CANARIES.iter().any(|canary| head.contains(canary)), "{head}");
            listeners.push(raw);
        }
        // Too much for a head, and cut short.
        for request in [
            format!("GET /events?authorization={}&{} HTTP/1.1\r\n", CANARIES[0], "x".repeat(100_000)),
            format!("GET /events?authorization={} HTTP/1.1\r\nHost relay\r\n\r\n", CANARIES[0]),
            format!("GET /elsewhere?authorization={} HTTP/1.1\r\nHost: relay\r\n\r\n", CANARIES[0]),
        ] {
            let mut raw = daemon.raw();
            raw.send_perhaps(request);
            let answer = raw.read_head();
            assert!(!CANARIES.iter().any(|canary| answer.contains(canary)), "{answer}");
        }
    }
    let status = daemon.status().to_string();
    drop(listeners);
    daemon.terminate();
    daemon.wait();
    for canary in CANARIES {
        assert!(!status.contains(canary), "{status}");
        let log = daemon.log().text();
        assert!(!log.contains(canary), "{}", log.lines().find(|line| line.contains(canary)).unwrap());
        assert!(log.contains("/events") || log.contains("authorized"), "nothing is logged:\n{log}");
    }
}

/// An authorization service that lets in whoever sends the right cookie, and keeps what it is asked.
struct Service {
    port: u16,
    asked: Arc<Mutex<Vec<Value>>>,
}

const COOKIE: &str = "session=let-me-in; theme=dark";

impl Service {
    fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = acceptor.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = asked.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in acceptor.incoming().flatten() {
                let asked = shared.clone();
                std::thread::spawn(move || answer_all(stream, &asked));
            }
        });
        Self { port, asked }
    }

    /// The cookie of the last question.
    fn last_cookie(&self) -> Value {
        let asked = self.asked.lock().unwrap();
        asked.last().expect("it has been asked")["attributes"]["http.header.cookie"].clone()
    }
}

fn answer_all(stream: TcpStream, asked: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let is_known = body["attributes"]["http.header.cookie"] == COOKIE || body["authorization"] == "let me in";
        asked.lock().unwrap().push(body);
        let answer =
            if is_known { json!({"permissions": [{"pattern": "*", "read": true, "write": true}]}) } else { json!({}) };
        let answer = answer.to_string();
        let status = if is_known { "200 OK" } else { "401 Unauthorized" };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()).unwrap();
    }
}

/// The cookie counts where nothing else is sent, and only where it cannot have been another page that had it sent.
#[test]
fn by_cookie() {
    let service = Service::start();
    let options = format!(
        "authenticator_options:\n  http_url: http://127.0.0.1:{}/\nlimits: {{allowed_origins: ['https://shop.example']}}\n",
        service.port,
    );
    let setup = || Setup::on_shards(1).authenticator("HttpAuthenticator", PluginsDir::with([http_plugin()]));
    let daemon = setup().settings(&options).start();
    let cookie = format!("Cookie: {COOKIE}\r\n");
    let two_lines = "Cookie: session=let-me-in\r\nCookie: theme=dark\r\n";
    let origin = "Origin: https://shop.example\r\n";
    for more in [cookie.clone(), two_lines.to_owned(), format!("{cookie}{origin}")] {
        let mut listener = listening(&daemon, "channel=a", &more);
        assert_eq!(service.last_cookie(), COOKIE);
        daemon.client_with("let me in").publish("a", json!(1));
        listener.expect_publish("a", json!(1));
    }
    let status = |daemon: &Daemon, query: &str, more: &str| daemon.no_events(&events_request(query, more)).status;
    assert_eq!(status(&daemon, "channel=a", "Cookie: session=other\r\n"), 401);
    assert_eq!(status(&daemon, "channel=a", &format!("{cookie}Origin: https://evil.example\r\n")), 403);
    for (query, more) in [
        ("channel=a&authorization=x", cookie.clone()),
        ("channel=a&authorization=", cookie.clone()),
        ("channel=a", format!("{cookie}{}", bearer("x"))),
        ("channel=a", String::new()),
    ] {
        assert_eq!(status(&daemon, query, &more), 401, "{query} {more}");
        assert_eq!(service.last_cookie(), Value::Null, "{query} {more}");
    }
    // Where any page may ask, a page's cookies prove nothing.
    let options =
        options.replace("limits: {allowed_origins: ['https://shop.example']}", "  http_send: [http.header.cookie]");
    let open = setup().settings(&options).start();
    assert_eq!(status(&open, "channel=a", &format!("{cookie}{origin}")), 401);
    assert_eq!(service.last_cookie(), Value::Null);
    drop(listening(&open, "channel=a", &cookie));
    assert!(!open.log().text().contains("let-me-in"));
}

/// As docs/authenticators.md shows it: the session of a web site lets its pages in, over every door.
#[test]
fn a_session_cookie_decides() {
    let service = Service::start();
    let page = std::fs::read_to_string(root().join("docs/authenticators.md")).unwrap();
    let shown = page.split("```yaml\n").find(|block| block.contains("authenticator_sees")).unwrap();
    let shown = shown.split("```").next().unwrap().replace(":8080/", &format!(":{}/", service.port));
    let (head, rest) = shown.split_once('\n').unwrap();
    assert_eq!(head, "authenticator: HttpAuthenticator");
    let setup = Setup::on_shards(1).authenticator("HttpAuthenticator", PluginsDir::with([http_plugin()]));
    let daemon = setup.settings(rest).start();
    let cookie = format!("Cookie: {COOKIE}\r\n");
    let origin = "Origin: https://www.example.com\r\n";
    let connect = |lines: &str| {
        let mut raw = daemon.raw();
        raw.send(upgrade_request(lines));
        raw.read_head();
        raw.expect_hello();
        raw.send(text_message(r#"{"type":"authorize","authorization":""}"#));
        raw
    };
    let mut listener = connect(&format!("{cookie}{origin}"));
    assert_eq!(listener.read_text(), r#"{"type":"authorization_ok"}"#);
    assert_eq!(service.last_cookie(), COOKIE);
    listener.send(text_message(r#"{"type":"subscribe","channel":"a"}"#));
    assert!(listener.read_text().contains("subscribe_ok"));
    let publication = Request::post("/publish/a", "1").without("Authorization").also(cookie.trim_end());
    daemon.http().ask(&publication).expect_accepted();
    assert!(listener.read_text().contains(r#""channel":"a""#));
    for lines in [origin.to_owned(), format!("Cookie: session=other\r\n{origin}")] {
        assert!(connect(&lines).read_text().contains("authorization_failed"), "{lines}");
    }
    // The pages of others do not come so far.
    let mut raw = daemon.raw();
    raw.send(upgrade_request(&format!("{cookie}Origin: https://evil.example\r\n")));
    raw.expect_http_error(403);
    assert!(!daemon.log().text().contains("let-me-in"));
}
