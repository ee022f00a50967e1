//! Requests of many clients over one connection of a proxy that is trusted: each is who the proxy says.

use crate::harness::{Daemon, Http, Request, Setup};

fn behind_a_proxy(shards: usize, limits: &str) -> Daemon {
    let listener = "listeners:\n  - {address: 127.0.0.1, port: 0, trusted_proxies: [127.0.0.1, 10.0.0.0/8]}\n";
    Setup::on_shards(shards).settings(&format!("{listener}limits: {{{limits}}}")).start()
}

fn of(client: &str) -> Request {
    let request = Request::post("/publish/a", "1");
    if client.is_empty() { request } else { request.header(&format!("X-Forwarded-For: {client}")) }
}

/// Who sends a request, in the authenticator's eyes.
fn peer(daemon: &Daemon, client: &str) -> String {
    let problem = daemon.http().ask(&of(client).bearer("peer")).expect_problem(401);
    problem["detail"].as_str().unwrap().to_owned()
}

#[test]
fn each_request_is_its_clients() {
    let daemon = behind_a_proxy(1, "");
    for (client, expected) in
        [("192.0.2.7", "192.0.2.7"), ("203.0.113.9, 192.0.2.7, 10.0.0.3", "192.0.2.7"), ("2001:db8::7", "2001:db8::7")]
    {
        assert_eq!(peer(&daemon, client), expected);
    }
    assert!(peer(&daemon, "").starts_with("127.0.0.1:"));
    // The authenticator is asked about each of those that share a connection, and an authorization, anew: whom it lets in
    // from one address it may refuse from another.
    let mut http = daemon.http();
    for client in ["192.0.2.7", "192.0.2.8", "192.0.2.7", ""] {
        http.ask(&of(client)).expect_accepted();
    }
    let problem = http.ask(&of("192.0.2.9").bearer("peer")).expect_problem(401);
    assert_eq!(problem["detail"], "192.0.2.9");
    http.expect_end();
}

#[test]
fn a_request_without_the_header_is_the_proxys_own() {
    let daemon = behind_a_proxy(1, "");
    let mut http = daemon.http();
    http.ask(&of("192.0.2.7")).expect_accepted();
    let problem = http.ask(&of("").bearer("peer")).expect_problem(401);
    assert!(problem["detail"].as_str().unwrap().starts_with("127.0.0.1"), "{problem}");
}

#[test]
fn limits_by_address_follow_the_requests() {
    let daemon = behind_a_proxy(1, "max_connections_per_address: 2");
    let mut connections: Vec<Http> = (0..3).map(|_| daemon.http()).collect();
    connections[0].ask(&of("192.0.2.7")).expect_accepted();
    connections[1].ask(&of("192.0.2.7")).expect_accepted();
    // The third one of the address is refused, and the proxy's connection with it.
    let answer = connections[2].ask(&of("192.0.2.7")).expect(429);
    assert!(answer.closes() && answer.header("Retry-After").is_some(), "{answer:?}");
    connections[2].expect_end();
    // A place is free when the connection carries requests of somebody else.
    connections[0].ask(&of("192.0.2.8")).expect_accepted();
    let mut other = daemon.http();
    other.ask(&of("192.0.2.7")).expect_accepted();
    // It cannot come back then.
    connections[0].ask(&of("192.0.2.7")).expect(429);
    connections[0].expect_end();
    connections[1].ask(&of("192.0.2.7")).expect_accepted();
    // The proxy itself has no limit.
    let mut own: Vec<Http> = (0..5).map(|_| daemon.http()).collect();
    own.iter_mut().for_each(|http| drop(http.get("/healthz").expect(200)));
    assert_eq!(daemon.refused(), "max_connections_per_address 2");
}

#[test]
fn strangers_are_counted_by_their_address() {
    let daemon = behind_a_proxy(1, "max_unauthorized_per_address: 1");
    let healthz = |client: &str| Request::get("/healthz").header(&format!("X-Forwarded-For: {client}"));
    let (mut first, mut second) = (daemon.http(), daemon.http());
    first.ask(&healthz("192.0.2.7")).expect(200);
    second.ask(&healthz("192.0.2.8")).expect(200);
    let mut third = daemon.http();
    third.ask(&Request::get("/").header("X-Forwarded-For: 192.0.2.7")).expect_problem(503);
    third.expect_end();
    // A relay that keeps somebody out is not sick.
    let mut third = daemon.http();
    third.ask(&healthz("192.0.2.7")).expect(200);
    third.expect_end();
    // It is no stranger any more.
    first.ask(&of("192.0.2.7")).expect_accepted();
    let mut third = daemon.http();
    third.ask(&healthz("192.0.2.7")).expect(200);
    assert_eq!(daemon.refused(), "max_unauthorized 2");
}

#[test]
fn headers_that_name_no_client_are_refused() {
    let daemon = behind_a_proxy(1, "");
    for lines in [["X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.8"], ["Forwarded: =", "X: y"]] {
        let mut http = daemon.http();
        http.ask(&of("192.0.2.7")).expect_accepted();
        let request = lines.iter().fold(of(""), |request, line| request.also(line));
        http.ask(&request).expect(400);
        http.expect_end();
    }
    assert_eq!(daemon.refused(), "trusted_proxies 2");
}
