//! Paths that are there: the page at `/`, the upgrade on any of them, and what the settings switch off.

use crate::harness::{Daemon, Raw, Request, Setup, upgrade_request};

fn serving(http: &str) -> Daemon {
    Setup::on_shards(1).settings(&format!("http: {http}")).start()
}

fn upgrade(raw: &mut Raw, target: &str) {
    raw.send(upgrade_request("").replacen("GET / ", &format!("GET {target} "), 1));
    let head = raw.read_head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{target}: {head}");
    raw.expect_hello();
}

#[test]
fn the_page_says_what_this_is() {
    let daemon = Daemon::on_shards(1);
    let mut http = daemon.http();
    for target in ["/", "/?a=b"] {
        let answer = http.ask(&Request::get(target).without("Authorization")).expect(200);
        assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
        for word in ["PuSu", "WebSocket", "/publish/CHANNEL", "/events?channel=", "/history/CHANNEL", "/healthz"] {
            assert!(answer.body.contains(word), "{word}: {}", answer.body);
        }
        let head = http.ask(&Request::new("HEAD", target)).expect(200);
        assert_eq!(head.header("Content-Length"), Some(&*answer.body.len().to_string()));
    }
    let answer = http.ask(&Request::get("/").header("Upgrade: h2c").header("Connection: Upgrade"));
    assert_eq!(answer.header("Sec-WebSocket-Version"), Some("13"));
    answer.expect_problem(426);
}

/// A client of WebSocket whose proxy takes the header Upgrade out is told so, on any path.
#[test]
fn who_means_a_websocket_is_told_what_is_missing() {
    let daemon = Daemon::on_shards(1);
    for target in ["/", "/publish/a", "/events?channel=a", "/nothing"] {
        let mut http = daemon.http();
        let request = upgrade_request("").replacen("GET / ", &format!("GET {target} "), 1);
        http.raw().send(request.replace("Upgrade: websocket\r\n", ""));
        let answer = http.answer().expect(426);
        assert!(answer.body.contains("proxy") && answer.closes(), "{answer:?}");
        http.expect_end();
    }
}

#[test]
fn a_websocket_begins_on_any_path() {
    let daemon = serving("{publish: false, events: false, history: false}");
    for target in ["/", "/publish", "/publish/a", "/events?channel=a", "/history/a", "/healthz", "/nothing"] {
        upgrade(&mut daemon.raw(), target);
    }
}

#[test]
fn paths_that_are_switched_off_are_not_there() {
    for (settings, publishes, streams, has_history) in [
        ("{}", true, true, true),
        ("{publish: false}", false, true, true),
        ("{events: false}", true, false, true),
        ("{history: false}", true, true, false),
        ("{publish: false, events: false, history: false}", false, false, false),
    ] {
        let daemon = serving(settings);
        let mut http = daemon.http();
        let status = |is_there, status| if is_there { status } else { 404 };
        http.post("/publish/a", "1").expect(status(publishes, 202));
        http.post("/publish", r#"[{"channel":"a","content":1}]"#).expect(status(publishes, 202));
        http.ask(&Request::new("OPTIONS", "/publish/a")).expect(status(publishes, 204));
        http.get("/events").expect(status(streams, 400));
        http.ask(&Request::new("OPTIONS", "/events")).expect(status(streams, 204));
        http.get("/history/a").expect(status(has_history, 400));
        http.ask(&Request::new("OPTIONS", "/history/a")).expect(status(has_history, 204));
        http.get("/").expect(200);
        http.get("/healthz").expect(200);
        let detail = http.get("/nothing").expect_problem(404)["detail"].to_string();
        let found = ["/publish", "/events", "/history"].map(|path| detail.contains(path));
        assert_eq!(found, [publishes, streams, has_history], "{detail}");
    }
}
