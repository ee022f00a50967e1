//! Questions, and what comes of them.

use super::server::{Server, full_queue, response};
use super::*;
use pusu_plugin_api::Permission;
use std::time::Instant;

/// Gives everything, and may not be remembered.
pub(super) const EVERYTHING: &str = r#"{"permissions":[{"pattern":"*","read":true,"write":true}],"subject":"alice"}"#;

pub(super) fn everything() -> Verdict {
    Verdict::grant([Permission::read_write("*")]).with_subject("alice")
}

#[test]
fn the_service_is_asked_as_promised() {
    let server = Server::start();
    let headers = json!({"Authorization": "Bearer of the relay", "X-Relay": "1"});
    let authorizer = authorizer(&format!("{}?a=b", server.url), json!({"http_headers": headers}));
    let verdict = authorizer.ask_from("let \"me\" in", "192.0.2.1");
    let asked = server.next();
    let body = r#"{"authorization":"let \"me\" in","peer":"192.0.2.1","attributes":{"http.path":"/"}}"#;
    assert_eq!(asked.body, body);
    let head = asked.head.to_lowercase();
    let host = server.url.trim_start_matches("http://").trim_end_matches("/authorize");
    for line in [
        "post /authorize?a=b http/1.1",
        &format!("host: {host}"),
        "content-type: application/json",
        "accept: application/json",
        "accept-encoding: identity",
        "authorization: bearer of the relay",
        "x-relay: 1",
        "user-agent: pusu-http-authenticator/0.1.0",
    ] {
        assert!(head.lines().any(|other| other == line), "no {line} in\n{head}");
    }
    asked.answer(EVERYTHING);
    assert_eq!(verdict.recv_timeout(DEADLINE), Ok(everything()));
}

#[test]
fn fifty_equal_questions_in_flight_are_one_call() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({}));
    let waiting: Vec<_> = (0..50).map(|_| authorizer.ask_from("a", "192.0.2.1")).collect();
    server.next().answer(EVERYTHING);
    for verdict in waiting {
        assert_eq!(verdict.recv_timeout(DEADLINE), Ok(everything()));
    }
    assert!(server.is_idle(), "asked again");
    // Nothing was said about remembering it.
    let next = authorizer.ask_from("a", "192.0.2.1");
    server.next().answer(EVERYTHING);
    assert_eq!(next.recv_timeout(DEADLINE), Ok(everything()));
}

#[test]
fn what_differs_in_anything_that_is_sent_is_asked_for_itself() {
    let server = Server::start();
    let questions = [("a", "192.0.2.1"), ("b", "192.0.2.1"), ("a", "192.0.2.2")];
    for (sends, calls) in [(json!(["peer", "attributes"]), 3), (json!([]), 2)] {
        let authorizer = authorizer(&server.url, json!({"http_send": sends}));
        let waiting: Vec<_> = questions.map(|(authorization, peer)| authorizer.ask_from(authorization, peer)).into();
        for _ in 0..calls {
            server.next().answer(r#"{"permissions":[{"pattern":"a","read":true}],"cache_seconds":600}"#);
        }
        for verdict in waiting {
            assert_eq!(verdict.recv_timeout(DEADLINE), Ok(Verdict::grant([Permission::read("a")])));
        }
        assert!(server.is_idle(), "asked more than {calls} times");
        // They are remembered as they were asked.
        for (authorization, peer) in questions {
            let remembered = authorizer.ask_from(authorization, peer).try_recv();
            assert_eq!(remembered, Ok(Verdict::grant([Permission::read("a")])), "answered from memory, in the call");
        }
        let other = authorizer.ask_from("c", "192.0.2.1");
        server.next().answer(EVERYTHING);
        assert_eq!(other.recv_timeout(DEADLINE), Ok(everything()));
    }
}

#[test]
fn everything_but_an_answer_and_a_refusal_is_no_decision() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_timeout": 2}));
    let long = format!("{EVERYTHING}{}", " ".repeat(64 * 1024));
    let location = format!("Location: {}\r\n", server.url);
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"per\r\n".to_vec();
    let cached = r#"{"permissions":[],"cache_seconds":600}"#;
    for (what, answer, goes_on, expected) in [
        ("an answer", response("200 OK", "", EVERYTHING), true, Decision::Grant),
        ("401", response("401 Unauthorized", "", cached), true, Decision::Refuse),
        ("401, at length", response("401 Unauthorized", "", &long), true, Decision::Refuse),
        ("403", response("403 Forbidden", "", EVERYTHING), true, Decision::Refuse),
        ("403, at length", response("403 Forbidden", "", &long), true, Decision::Refuse),
        ("201", response("201 Created", "", EVERYTHING), true, Decision::Unavailable),
        ("204", response("204 No Content", "", ""), true, Decision::Unavailable),
        ("301", response("301 Moved Permanently", &location, EVERYTHING), true, Decision::Unavailable),
        ("307", response("307 Temporary Redirect", &location, ""), true, Decision::Unavailable),
        ("400", response("400 Bad Request", "", EVERYTHING), true, Decision::Unavailable),
        ("407", response("407 Proxy Authentication Required", "", ""), true, Decision::Unavailable),
        ("429", response("429 Too Many Requests", "", ""), true, Decision::Unavailable),
        ("500", response("500 Internal Server Error", "", cached), true, Decision::Unavailable),
        ("not JSON", response("200 OK", "", "<html>"), true, Decision::Unavailable),
        ("nothing", response("200 OK", "", ""), true, Decision::Unavailable),
        ("too long", response("200 OK", "", &long), true, Decision::Unavailable),
        ("cut short", response("200 OK", "", EVERYTHING)[..80].to_vec(), false, Decision::Unavailable),
        ("never ending", endless, true, Decision::Unavailable),
        ("a head without end", vec![b'x'; 1 << 20], true, Decision::Unavailable),
        ("not HTTP", b"hello, who is there?\r\n\r\n".to_vec(), false, Decision::Unavailable),
        ("gzip", response("200 OK", "Content-Encoding: gzip\r\n", EVERYTHING), true, Decision::Unavailable),
        ("a byte order mark", response("200 OK", "", &format!("\u{feff}{EVERYTHING}")), true, Decision::Grant),
        ("abstains", response("200 OK", "", r#"{"abstain":true}"#), true, Decision::Abstain),
        ("not encoded", response("200 OK", "Content-Encoding: identity\r\n", EVERYTHING), true, Decision::Grant),
        ("an answer again", response("200 OK", "", EVERYTHING), true, Decision::Grant),
    ] {
        let verdict = authorizer.ask_from("a", "");
        server.next().answer_raw(&answer, goes_on);
        assert_eq!(verdict.recv_timeout(DEADLINE).unwrap().decision(), expected, "{what}");
        assert!(server.is_idle(), "{what}: asked again");
    }
}

/// Where the relay shows a credential, 401 is about that one, and no client's fault.
#[test]
fn a_relay_that_is_not_known_refuses_nobody() {
    let server = Server::start();
    let headers = |name: &str| json!({"http_headers": {name: "secret"}});
    for (query, more, expected) in [
        ("", headers("Authorization"), Decision::Unavailable),
        ("", headers("X-Api-Key"), Decision::Unavailable),
        ("?relay=1&api_key=secret", json!({}), Decision::Unavailable),
        ("?relay=1", headers("X-Relay"), Decision::Refuse),
    ] {
        let authorizer = authorizer(&format!("{}{query}", server.url), more.clone());
        for (status, expected) in [("401 Unauthorized", expected), ("403 Forbidden", Decision::Refuse)] {
            let verdict = authorizer.ask_from("a", "");
            server.next().answer_raw(&response(status, "WWW-Authenticate: Bearer\r\n", EVERYTHING), true);
            assert_eq!(verdict.recv_timeout(DEADLINE).unwrap().decision(), expected, "{query} {more} {status}");
        }
    }
}

/// The system repeats a lost packet after a second, and the whole time is there for that.
#[test]
fn a_lost_packet_on_the_way_to_the_only_address_only_delays() {
    let (listener, queued) = full_queue();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let authorizer = authorizer(&url, json!({"http_timeout": 3}));
    let verdict = authorizer.ask_from("a", "");
    assert!(verdict.recv_timeout(Duration::from_millis(500)).is_err(), "nobody has answered");
    // From now on there is somebody who accepts.
    let server = Server::on(listener);
    drop(queued);
    server.next().answer(EVERYTHING);
    assert_eq!(verdict.recv_timeout(DEADLINE), Ok(everything()));
}

#[test]
fn a_service_that_hangs_costs_its_time_and_nothing_is_remembered() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_timeout": 1, "http_max_connections": 1}));
    let began = Instant::now();
    let waiting = [authorizer.ask_from("a", ""), authorizer.ask_from("b", "")];
    let asked = server.next();
    for verdict in waiting {
        assert_eq!(verdict.recv_timeout(DEADLINE).unwrap().decision(), Decision::Unavailable);
    }
    assert!(began.elapsed() >= Duration::from_secs(1));
    drop(asked);
    let next = authorizer.ask_from("c", "");
    // The second may have had its turn at the last moment.
    let again = std::iter::repeat_with(|| server.next()).find(|asked| asked.body.contains("\"c\"")).unwrap();
    assert_ne!(again.connection, 1, "the connection with the open question is not used for another");
    again.answer(EVERYTHING);
    assert_eq!(next.recv_timeout(DEADLINE), Ok(everything()));
}

#[test]
fn a_service_that_is_not_there_is_no_decision() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost", "name-of-nobody.invalid"] {
        let authorizer = authorizer(&format!("http://{host}:{port}/"), json!({}));
        assert_eq!(authorizer.decision("a"), Decision::Unavailable, "{host}");
    }
}

/// Whoever still waits is dropped, which makes the relay answer `unavailable`; nothing goes on afterwards.
#[test]
fn the_end_comes_at_once_and_leaves_nobody_waiting() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_max_connections": 1}));
    let waiting = ["a", "a", "b"].map(|authorization| authorizer.ask_from(authorization, ""));
    let asked = server.next();
    let began = Instant::now();
    drop(authorizer);
    assert!(began.elapsed() < Duration::from_secs(5), "took {:?}", began.elapsed());
    for verdict in waiting {
        assert!(verdict.try_recv().is_err(), "dropped, and not answered");
    }
    asked.answer(EVERYTHING);
    assert!(server.is_idle());
}

/// As it is when settings change: many instances, one after the other, none of which leaves anything behind.
#[test]
#[cfg(target_os = "linux")]
fn instances_leave_neither_threads_nor_files() {
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    let cycle = || drop(authorizer("http://127.0.0.1:9/", json!({})));
    cycle();
    let before = (count("/proc/self/task"), count("/proc/self/fd"));
    (0..200).for_each(|_| cycle());
    let after = (count("/proc/self/task"), count("/proc/self/fd"));
    assert!(after.0 <= before.0 + 2 && after.1 <= before.1 + 2, "from {before:?} to {after:?}");
}
