//! Health checks at `/healthz`: whether the relay serves new clients, also where a limit keeps everybody else out.

use crate::harness::{
    Client, DEADLINE, Daemon, Http, Namespace, PluginsDir, Raw, Request, Setup, bad_plugin, not_run, upgrade_request,
};
use serde_json::json;
use std::net::TcpStream;
use std::time::Instant;

fn with_limits(limits: &str) -> Setup {
    Setup::on_shards(1).settings(&format!("limits: {{{limits}}}"))
}

fn check(method: &str) -> Request {
    Request::new(method, "/healthz").without("Authorization")
}

/// Asserts that a health check has this status and says so.
#[track_caller]
fn expect_health(http: &mut Http, status: u16, words: &str) {
    let answer = http.ask(&check("GET")).expect(status);
    assert_eq!(answer.body, format!("{words}\n"));
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
}

#[test]
fn a_relay_that_serves_is_well() {
    for shards in [1, 3] {
        let daemon = Daemon::on_shards(shards);
        let mut http = daemon.http();
        (0..3).for_each(|_| expect_health(&mut http, 200, "ok"));
        let head = http.ask(&check("HEAD")).expect(200);
        assert_eq!((head.header("Content-Length"), head.header("Cache-Control")), (Some("3"), Some("no-store")));
        for target in ["/healthz?verbose=1", "http://relay/healthz"] {
            http.get(target).expect(200);
        }
        let old = check("GET").version("HTTP/1.0").without("Host");
        assert_eq!(http.ask(&old).expect(200).body, "ok\n");
        http.expect_end();
    }
}

#[test]
fn a_relay_that_drains_is_not() {
    let mut daemon = with_limits("drain_grace: 1h, drain_spread: 0").start();
    let mut kept: Vec<Http> = (0..2).map(|_| daemon.http()).collect();
    let mut first = daemon.http();
    kept.iter_mut().chain([&mut first]).for_each(|http| expect_health(http, 200, "ok"));
    let client = daemon.client();
    daemon.terminate();
    let began = Instant::now();
    while TcpStream::connect_timeout(&daemon.address(), DEADLINE).is_ok() {
        assert!(began.elapsed() < DEADLINE, "the port is still open");
    }
    // The shard learns of it a moment after the port has closed.
    while first.ask(&check("GET")).status != 503 {
        assert!(began.elapsed() < DEADLINE, "the relay does not drain");
    }
    for http in &mut kept {
        expect_health(http, 503, "draining");
        // Whoever is connected is served on.
        if http.raw().has_more_within(std::time::Duration::from_millis(1)) {
            http.expect_end();
        }
    }
    drop((first, kept, client));
    assert!(daemon.wait().success());
}

/// The plugin may have four calls at a time, and none of them comes back.
#[test]
fn a_relay_that_lets_nobody_in_is_not() {
    for isolation in ["thread", "process"] {
        let plugins = PluginsDir::empty();
        let release = plugins.path().join("release");
        bad_plugin(&plugins, &[&format!("-DRELEASE_FILE={release:?}")]);
        let settings = format!("isolation: {isolation}\nlimits: {{authorize_call_timeout: 300ms}}");
        let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start();
        let mut http = daemon.http();
        expect_health(&mut http, 200, "ok");
        let began = Instant::now();
        let mut hanging: Vec<Client> = Vec::new();
        loop {
            // Each takes another thread, as long as there may be more.
            let mut client = daemon.connect();
            client.send(json!({"type": "authorize", "authorization": "hang"}));
            hanging.push(client);
            let answer = http.ask(&check("GET"));
            if answer.status == 503 {
                assert_eq!(answer.body, "the authenticator cannot decide\n");
                break;
            }
            answer.expect(200);
            assert!(began.elapsed() < 2 * DEADLINE, "it says that it is well:\n{}", daemon.log().text());
        }
        drop(hanging);
        std::fs::write(&release, "").unwrap();
        let began = Instant::now();
        while http.ask(&check("GET")).status != 200 {
            assert!(began.elapsed() < 2 * DEADLINE, "it never says that it is well again:\n{}", daemon.log().text());
        }
    }
}

/// Asserts that all but health checks are refused with this status.
fn expect_full(daemon: &Daemon, status: u16) {
    for _ in 0..3 {
        expect_health(&mut daemon.http(), 200, "ok");
        let head = daemon.http().ask(&check("HEAD")).expect(200);
        assert!(head.closes(), "{head:?}");
        for request in [upgrade_request(""), Request::post("/publish/a", "1").head(), Request::get("/").head()] {
            let mut http = daemon.http();
            http.raw().send_perhaps(request);
            let answer = http.answer().expect(status);
            assert!(answer.closes() && answer.header("Retry-After").is_some(), "{answer:?}");
            http.expect_end();
        }
        // In pieces too.
        let mut http = daemon.http();
        check("GET").bytes().chunks(5).for_each(|piece| http.raw().send(piece));
        assert_eq!(http.answer().expect(200).body, "ok\n");
        http.expect_end();
    }
}

#[test]
fn a_relay_that_is_full_is_not_sick() {
    let daemon = with_limits("max_connections: 2").start();
    let clients = [daemon.client(), daemon.client()];
    expect_full(&daemon, 503);
    drop(clients);
    let daemon = with_limits("max_unauthorized: 2").start();
    let strangers = [daemon.upgraded(), daemon.upgraded()];
    expect_full(&daemon, 503);
    drop(strangers);
}

/// Far more than are told at a time why they are not let in.
#[test]
fn strangers_that_say_nothing_do_not_make_it_sick() {
    for limits in ["max_unauthorized: 20", "max_connections: 20, max_unauthorized: 20"] {
        let daemon = with_limits(limits).start();
        for round in 0..3 {
            let silent: Vec<Raw> = (0..200).map(|_| daemon.raw()).collect();
            expect_health(&mut daemon.http(), 200, "ok");
            println!("round {round} of {limits}");
            drop(silent);
        }
    }
}

/// Limits by address do not hold for 127.0.0.1, but for any other address of a network of its own.
#[cfg(target_os = "linux")]
#[test]
fn an_address_that_has_its_connections_may_still_ask() {
    let made = Namespace::new().and_then(|namespace| {
        let add = "ip link set lo up && ip address add 192.0.2.1/32 dev lo";
        namespace.run(&["sh", "-c", add], "").map(|_| namespace)
    });
    let namespace = match made {
        Ok(namespace) => namespace,
        Err(reason) => return not_run("health checks of an address at its limit", reason),
    };
    let daemon = with_limits("max_connections_per_address: 2").address("192.0.2.1").in_namespace(&namespace).start();
    let clients = [daemon.client(), daemon.client()];
    expect_full(&daemon, 429);
    drop(clients);
}
