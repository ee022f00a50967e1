//! Connections to the service: kept, made anew, and let go of.

use super::calls::{EVERYTHING, everything};
use super::server::{Server, response};
use super::*;
use std::time::Instant;

#[test]
fn connections_are_kept_open() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({}));
    for number in 0..20 {
        let verdict = authorizer.ask_from("a", "");
        let asked = server.next();
        assert_eq!(asked.connection, 1, "question {number}");
        match number % 3 {
            0 => asked.answer(EVERYTHING),
            1 => asked.answer_raw(&response("403 Forbidden", "", "no"), true),
            _ => asked.answer_raw(&response("500 Internal Server Error", "", "oops"), true),
        }
        let expected = [Decision::Grant, Decision::Refuse, Decision::Unavailable][number % 3];
        assert_eq!(verdict.recv_timeout(DEADLINE).unwrap().decision(), expected);
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn connections_that_the_service_closes_are_made_anew() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({}));
    for number in 0..20 {
        let verdict = authorizer.ask_from("a", "");
        // Without a word about it, in the moment of the answer: the question after it may go either way.
        server.next().answer_raw(&response("200 OK", "", EVERYTHING), false);
        assert_eq!(verdict.recv_timeout(DEADLINE), Ok(everything()), "question {number}");
    }
}

/// So that a service whose name leads elsewhere is found, however much is asked.
#[test]
fn connections_are_made_anew_when_they_are_old() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_max_connection_age": 1}));
    let (began, mut last) = (Instant::now(), 0);
    while last < 3 {
        let verdict = authorizer.ask_from("a", "");
        let asked = server.next();
        assert!(asked.connection == last || asked.connection == last + 1, "{} behind {last}", asked.connection);
        last = asked.connection;
        asked.answer(EVERYTHING);
        assert_eq!(verdict.recv_timeout(DEADLINE), Ok(everything()));
        assert!(began.elapsed() < DEADLINE, "no connection is old");
    }
    assert!(began.elapsed() >= Duration::from_secs(2), "three connections in {:?}", began.elapsed());
}

/// A service that has gone without a word leaves connections behind on which nobody answers.
#[test]
fn a_timeout_discards_all_connections_that_are_kept() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_timeout": 1}));
    let waiting = ["a", "b", "c"].map(|authorization| authorizer.ask_from(authorization, ""));
    [server.next(), server.next(), server.next()].into_iter().for_each(|asked| asked.answer(EVERYTHING));
    for verdict in waiting {
        assert_eq!(verdict.recv_timeout(DEADLINE), Ok(everything()));
    }
    let late = authorizer.ask_from("d", "");
    let silent = server.next();
    assert!(silent.connection <= 3);
    assert_eq!(late.recv_timeout(DEADLINE).unwrap().decision(), Decision::Unavailable);
    let next = authorizer.ask_from("e", "");
    let asked = server.next();
    assert_eq!(asked.connection, 4, "one of those before is used");
    asked.answer(EVERYTHING);
    assert_eq!(next.recv_timeout(DEADLINE), Ok(everything()));
}

/// Proxies say so on a connection that has been idle for long, before they close it.
#[test]
fn a_kept_connection_that_has_timed_out_costs_no_client() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({}));
    let first = authorizer.ask_from("a", "");
    server.next().answer(EVERYTHING);
    assert_eq!(first.recv_timeout(DEADLINE), Ok(everything()));
    let second = authorizer.ask_from("b", "");
    server.next().answer_raw(&response("408 Request Timeout", "Connection: close\r\n", ""), false);
    let again = server.next();
    assert_eq!(again.connection, 2);
    again.answer_raw(&response("408 Request Timeout", "", ""), true);
    assert_eq!(second.recv_timeout(DEADLINE).unwrap().decision(), Decision::Unavailable, "once");
    assert!(server.is_idle());
}

#[test]
fn there_are_never_more_connections_than_allowed() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_max_connections": 3}));
    let waiting: Vec<_> = (0..60).map(|number| authorizer.ask_from(&number.to_string(), "")).collect();
    let first: Vec<_> = (0..3).map(|_| server.next()).collect();
    assert!(server.is_idle(), "a fourth question is under way");
    first.into_iter().for_each(|asked| asked.answer(EVERYTHING));
    (3..60).for_each(|_| server.next().answer(EVERYTHING));
    for verdict in waiting {
        assert_eq!(verdict.recv_timeout(DEADLINE), Ok(everything()));
    }
    assert_eq!(server.connections(), 3);
}
