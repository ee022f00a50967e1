//! `X-Forwarded-For` and `Forwarded`: whose word is taken, and what is never believed.

use super::{told, upgrade, with_listener};
use crate::harness::{Daemon, Raw};
use std::net::{IpAddr, SocketAddr};

/// A daemon that trusts proxies on 127.0.0.1 and in 10.0.0.0/8.
fn behind_proxies(limits: &str) -> Daemon {
    with_listener("trusted_proxies: [127.0.0.1, 10.0.0.0/8]", limits).start()
}

/// Where a client is, in the authenticator's eyes, that a proxy on 127.0.0.1 passes on with these headers.
fn peer(daemon: &Daemon, headers: &str) -> String {
    let mut raw = daemon.raw();
    upgrade(&mut raw, headers);
    told(&mut raw, "peer")
}

/// The answer to a request that is refused, by its status and its words.
#[track_caller]
fn refused(daemon: &Daemon, headers: &str, status: &str, words: &str) {
    let mut raw = daemon.raw();
    raw.send(crate::harness::upgrade_request(headers));
    let answer = String::from_utf8(raw.read_to_end()).unwrap();
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(words), "{answer}");
}

/// A line with so many addresses, of which the last one is this.
fn long_line(count: usize, last: &str) -> String {
    format!("X-Forwarded-For: {}{last}\r\n", "10.0.0.1, ".repeat(count - 1))
}

#[test]
fn the_client_is_who_the_proxy_says() {
    let daemon = behind_proxies("");
    for (headers, client) in [
        ("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
        ("X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::7"),
        ("X-Forwarded-For: ::ffff:192.0.2.7\r\n", "192.0.2.7"),
        ("Forwarded: for=\"[2001:db8::7]:4711\";proto=https\r\n", "2001:db8::7"),
        // Through a second proxy that is trusted.
        ("X-Forwarded-For: 192.0.2.7, 10.0.0.3\r\n", "192.0.2.7"),
        ("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 10.0.0.3\r\n", "192.0.2.7"),
        // Both say the same.
        ("X-Forwarded-For: 192.0.2.7\r\nForwarded: for=192.0.2.7\r\n", "192.0.2.7"),
    ] {
        assert_eq!(peer(&daemon, headers), client, "{headers}");
    }
    daemon.log().wait("the same in the log", |lines| {
        (lines.iter().filter(|line| line.contains(r#""client":"192.0.2.7""#)).count() == 5).then_some(())
    });
    // Without a header, it is the proxy that asks: with its port.
    assert!(peer(&daemon, "").starts_with("127.0.0.1:"));
}

#[test]
fn the_authenticator_is_told_of_the_proxy_too() {
    let daemon = behind_proxies("");
    for (headers, is_proxied) in [("X-Forwarded-For: 192.0.2.7\r\n", true), ("", false)] {
        let mut raw = daemon.raw();
        let own = raw.stream().local_addr().unwrap().to_string();
        upgrade(&mut raw, headers);
        assert_eq!(told(&mut raw, "attribute=proxy.address"), if is_proxied { &own } else { "none" });
    }
}

#[test]
fn what_the_client_has_written_itself_is_not_believed() {
    let daemon = behind_proxies("");
    for headers in [
        "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n",
        "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.7\r\n",
        // One of the trusted, in the hope of being taken for a proxy.
        "X-Forwarded-For: 203.0.113.9, 10.0.0.9, 192.0.2.7\r\n",
        "X-Forwarded-For: nonsense, 192.0.2.7\r\n",
        "Forwarded: for=203.0.113.9, for=192.0.2.7\r\n",
        "X-Real-IP: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.7\r\n",
    ] {
        assert_eq!(peer(&daemon, headers), "192.0.2.7", "{headers}");
    }
    // A trusted proxy that names no address is the last that is known.
    assert!(peer(&daemon, "X-Forwarded-For: 203.0.113.9, unknown\r\n").starts_with("127.0.0.1:"));
    assert_eq!(peer(&daemon, "X-Forwarded-For: 203.0.113.9, unknown, 10.0.0.3\r\n"), "10.0.0.3");
}

#[test]
fn a_header_of_somebody_who_is_not_trusted_is_ignored() {
    let headers = "X-Forwarded-For: 192.0.2.7\r\nForwarded: for=198.51.100.1\r\nForwarded: =broken\r\n";
    let daemon = behind_proxies("");
    let mut raw = from([127, 0, 0, 9], daemon.address());
    upgrade(&mut raw, headers);
    assert!(told(&mut raw, "peer").starts_with("127.0.0.9:"));
    // Nobody is trusted unless the settings say so.
    let daemon = with_listener("", "").start();
    assert!(peer(&daemon, headers).starts_with("127.0.0.1:"));
}

#[test]
fn headers_that_name_no_client_are_refused_in_words() {
    let daemon = behind_proxies("");
    refused(&daemon, &long_line(101, "192.0.2.7"), "400", "more than 100 elements");
    refused(&daemon, &"X-Forwarded-For: 10.0.0.1, 10.0.0.1, 10.0.0.1\r\n".repeat(34), "400", "more than 100 elements");
    refused(&daemon, "X-Forwarded-For: 192.0.2.7\r\nForwarded: for=192.0.2.8\r\n", "400", "name different clients");
    refused(&daemon, "Forwarded: for=\"192.0.2.7\r\n", "400", "not well-formed");
    refused(&daemon, "Forwarded: for=192.0.2.7;for=192.0.2.8\r\n", "400", "not well-formed");
    assert_eq!(peer(&daemon, &long_line(100, "192.0.2.7")), "192.0.2.7");
    assert_eq!(daemon.refused(), "trusted_proxies 5");
}

#[test]
fn limits_by_address_count_the_client() {
    let daemon = behind_proxies("max_connections_per_address: 2");
    let through = |client: &str| {
        let mut raw = daemon.raw();
        upgrade(&mut raw, &format!("X-Forwarded-For: {client}\r\n"));
        raw.authorize();
        raw
    };
    let mut inside = vec![through("192.0.2.7"), through("192.0.2.7"), through("192.0.2.8")];
    refused(&daemon, "X-Forwarded-For: 192.0.2.7\r\n", "429", "as many connections as it may have");
    // An address of its own does not help whoever makes it up.
    refused(&daemon, "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n", "429", "");
    // The /64 network of IPv6 is one address.
    inside.extend([through("2001:db8::1"), through("2001:db8::2")]);
    refused(&daemon, "X-Forwarded-For: 2001:db8::3\r\n", "429", "");
    // The proxy itself, which checks whether the relay is well, has no limit.
    inside.extend((0..5).map(|_| daemon.upgraded()));
    // A place is free again.
    drop(inside.remove(0));
    daemon.wait_for_connections(9);
    inside.push(through("192.0.2.7"));
    refused(&daemon, "X-Forwarded-For: 192.0.2.7\r\n", "429", "");
    assert_eq!(daemon.refused(), "max_connections_per_address 4");
}

#[test]
fn unauthorized_connections_are_counted_by_the_client() {
    let daemon = behind_proxies("max_unauthorized_per_address: 1");
    let mut waits = daemon.raw();
    upgrade(&mut waits, "X-Forwarded-For: 192.0.2.7\r\n");
    refused(&daemon, "X-Forwarded-For: 192.0.2.7\r\n", "503", "not authorized yet");
    upgrade(&mut daemon.raw(), "X-Forwarded-For: 192.0.2.8\r\n");
    waits.authorize();
    upgrade(&mut daemon.raw(), "X-Forwarded-For: 192.0.2.7\r\n");
    assert_eq!(daemon.refused(), "max_unauthorized 1");
}

/// Whoever may connect to a Unix socket has no address, and may be trusted all the same.
#[cfg(unix)]
#[test]
fn a_proxy_on_a_unix_socket_is_heard_where_it_is_trusted() {
    use std::io::{Read as _, Write as _};
    let folder = tempfile::tempdir().unwrap();
    // The authenticator is told of no address where there is none.
    for (keys, client, reason) in [("trusted_proxies: [unix], ", "192.0.2.7", "192.0.2.7"), ("", "unix", "refused")] {
        let path = folder.path().join(format!("{client}.sock"));
        let second = format!("  - {{name: local, {keys}unix: {path:?}}}");
        let listeners = format!("listeners:\n  - {{address: 127.0.0.1, port: 0}}\n{second}");
        let daemon = crate::harness::Setup::on_shards(1).settings(&listeners).start();
        let mut socket = std::os::unix::net::UnixStream::connect(&path).unwrap();
        socket.set_read_timeout(Some(crate::harness::DEADLINE)).unwrap();
        let request = crate::harness::upgrade_request("X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n");
        let asking = crate::harness::text_message(r#"{"type":"authorize","authorization":"peer"}"#);
        socket.write_all(&[request.as_bytes(), &asking].concat()).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains(&format!(r#""reason":"{reason}""#)), "{answer}");
        daemon.log().wait_for("the client", |line| line.contains(&format!(r#""client":"{client}""#)).then_some(()));
    }
}

/// A connection from another address of this machine.
fn from(source: [u8; 4], address: SocketAddr) -> Raw {
    Raw::connect_from(IpAddr::from(source), address)
}
