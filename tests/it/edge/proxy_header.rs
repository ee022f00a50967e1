//! The PROXY header before a connection: both versions, before a request and before TLS, and everything that is none.

use super::{told, upgrade, wait_for_refusals, with_listener};
use crate::harness::{Client, DEADLINE, Daemon, Raw, Setup, Stream, trusting, upgrade_request, write_certificate};
use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr, TcpStream};

const REQUIRED: &str = "proxy_protocol: required, trusted_proxies: [127.0.0.1]";
/// The client of all headers here.
const CLIENT: &str = "192.0.2.7";
const LINE: &str = "PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n";
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header of version 2: the command, the family with the transport, and what follows.
fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[0x20 | command, family], &length, body].concat()
}

/// Version 2 with the client of [`LINE`], and so many bytes of TLVs.
fn binary_ipv4(tlv_bytes: usize) -> Vec<u8> {
    let mut body = vec![192, 0, 2, 7, 127, 0, 0, 1, 0x12, 0x67, 1, 0xbb];
    if tlv_bytes > 0 {
        // PP2_TYPE_NOOP.
        body.push(4);
        body.extend(u16::try_from(tlv_bytes - 3).unwrap().to_be_bytes());
        body.resize(12 + tlv_bytes, 0);
    }
    binary(1, 0x11, &body)
}

fn binary_ipv6() -> Vec<u8> {
    let address: Ipv6Addr = "2001:db8::7".parse().unwrap();
    let [source, destination] = [address, Ipv6Addr::LOCALHOST].map(|address| address.octets());
    binary(1, 0x21, &[&source[..], &destination, &[0x12, 0x67, 1, 0xbb]].concat())
}

/// A connection through a proxy that sends this header.
fn behind(daemon: &Daemon, header: impl AsRef<[u8]>) -> Raw {
    let mut raw = daemon.raw();
    raw.send(header);
    raw
}

/// Sends this in place of a header. The connection ends without an answer, and the log says why.
#[track_caller]
fn is_refused(daemon: &Daemon, bytes: impl AsRef<[u8]>, why: &str) {
    let mut raw = daemon.raw();
    raw.send(bytes);
    raw.expect_end();
    is_logged(daemon, why, "127.0.0.1");
}

#[track_caller]
fn is_logged(daemon: &Daemon, why: &str, client: &str) {
    let client = format!(r#""client":"{client}""#);
    daemon.log().wait_for(why, |line| {
        (line.contains("connections refused") && line.contains(why) && line.contains(&client)).then_some(())
    });
}

#[test]
fn the_client_is_who_the_header_says() {
    let daemon = with_listener(REQUIRED, "").start();
    for (header, client) in [
        (LINE.as_bytes().to_vec(), "192.0.2.7:4711"),
        (binary_ipv4(0), "192.0.2.7:4711"),
        (binary_ipv4(2000), "192.0.2.7:4711"),
        (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n".to_vec(), "[2001:db8::7]:4711"),
        (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 443\r\n".to_vec(), "192.0.2.7:4711"),
        (binary_ipv6(), "[2001:db8::7]:4711"),
    ] {
        let mut raw = behind(&daemon, &header);
        let proxy = raw.stream().local_addr().unwrap().to_string();
        upgrade(&mut raw, "");
        assert_eq!(told(&mut raw, "peer"), client, "{}", header.escape_ascii());
        let logged = format!(r#""client":"{client}""#);
        daemon.log().wait_for("the client in the log", |line| line.contains(&logged).then_some(()));
        // Together with the request, and byte by byte.
        let mut raw = behind(&daemon, [&header[..], upgrade_request("").as_bytes()].concat());
        assert!(raw.read_head().starts_with("HTTP/1.1 101 "));
        raw.expect_hello();
        assert_eq!(told(&mut raw, "peer"), client);
        let mut raw = daemon.raw();
        let proxy_of_bytes = raw.stream().local_addr().unwrap().to_string();
        header.iter().for_each(|byte| raw.send([*byte]));
        upgrade(&mut raw, "");
        assert_eq!(told(&mut raw, "attribute=proxy.address"), proxy_of_bytes);
        assert_ne!(proxy, proxy_of_bytes);
    }
    assert_eq!(daemon.refused(), "nothing");
}

/// TLS that is passed through comes behind the header.
#[test]
fn tls_comes_behind_the_header() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path(), "relay");
    let [certificate, key] = ["relay.pem", "relay.key"].map(|file| folder.path().join(file));
    let tls = format!("{REQUIRED}, tls: {{certificate: {certificate:?}, key: {key:?}}}");
    let daemon = with_listener(&tls, "max_connections_per_address: 1").start();
    let trust = trusting(&certificate);
    let through = |header: &[u8]| {
        let mut socket = TcpStream::connect_timeout(&daemon.address(), DEADLINE).unwrap();
        socket.write_all(header).unwrap();
        Stream::with(socket, Some(trust.clone()))
    };
    for header in [LINE.as_bytes(), &binary_ipv4(0), &binary_ipv4(500)] {
        let mut raw = Raw::over(through(header));
        upgrade(&mut raw, "");
        assert_eq!(told(&mut raw, "peer"), "192.0.2.7:4711");
        raw.expect_closed(4501);
        drop(raw);
        daemon.wait_for_connections(0);
    }
    let mut first = Client::over(through(LINE.as_bytes()));
    first.authorize("both=*");
    Raw::over(through(LINE.as_bytes())).expect_http_error(429);
    is_logged(&daemon, "a limit was reached", CLIENT);
    Client::over(through(b"PROXY TCP4 192.0.2.8 127.0.0.1 1 443\r\n")).authorize("both=*");
    first.subscribe("still here");
    // TLS where the header should be, and a request in the place of TLS.
    Raw::over(Stream::with(TcpStream::connect(daemon.address()).unwrap(), Some(trust.clone())))
        .expect_closed_before_tls();
    is_logged(&daemon, "a PROXY header must come first, and a TLS handshake came instead", "127.0.0.1");
    let answer = behind(&daemon, LINE.replace(".7 ", ".9 ")).expect_http_error(400);
    assert!(answer.contains("This port speaks TLS"), "{answer}");
    is_logged(&daemon, "plaintext came where TLS is spoken", "192.0.2.9");
    assert_eq!(daemon.refused(), "max_connections_per_address 1, tls 1, proxy_protocol 1");
}

/// The proxy's own connections, and those of clients without an address.
#[test]
fn health_checks_of_the_proxy_are_no_client() {
    let daemon = with_listener(REQUIRED, "max_connections_per_address: 1, max_unauthorized_per_address: 1").start();
    let local = [binary(0, 0, &[]), binary(0, 0x11, &[0; 12]), binary(0, 0xff, &[1, 2, 3]), binary(1, 0, &[])];
    let unknown = ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 whatever\r\n"].map(|line| line.as_bytes().to_vec());
    let mut inside = Vec::new();
    for header in local.iter().chain(&unknown) {
        let mut raw = behind(&daemon, header);
        let own = raw.stream().local_addr().unwrap().to_string();
        upgrade(&mut raw, "");
        inside.push(behind(&daemon, header));
        upgrade(inside.last_mut().unwrap(), "");
        assert_eq!(told(&mut raw, "peer"), own);
    }
    // Checks that only connect, that go within the header, and that ask as HAProxy does.
    drop(daemon.raw());
    drop(behind(&daemon, &SIGNATURE[..7]));
    drop(behind(&daemon, binary(0, 0, &[])));
    let mut check = behind(&daemon, binary(0, 0, &[]));
    check.send("OPTIONS / HTTP/1.0\r\n\r\n");
    let answer = String::from_utf8(check.read_to_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert_eq!(daemon.refused(), "nothing");
}

#[test]
fn what_is_no_header_is_named_in_the_log() {
    // One line a second is logged, so that each has a relay of its own.
    let with = || with_listener(REQUIRED, "").start();
    let long_line = format!("PROXY TCP4 {}", "1".repeat(100));
    let second_line = [LINE, LINE].concat();
    for (bytes, why) in [
        (upgrade_request("").into_bytes(), "a PROXY header must come first, and an HTTP request came instead"),
        (vec![0x16, 3, 1, 0, 5], "a PROXY header must come first, and a TLS handshake came instead"),
        (b"\0\0\0\0\0\0\0\0".to_vec(), "a PROXY header must come first, and something else came instead"),
        (second_line.clone().into_bytes(), "a second PROXY header follows the first"),
        ([LINE.as_bytes(), &binary_ipv4(0)].concat(), "a second PROXY header follows the first"),
        ([&binary_ipv4(0)[..], LINE.as_bytes()].concat(), "a second PROXY header follows the first"),
        ([binary_ipv4(0), binary_ipv4(0)].concat(), "a second PROXY header follows the first"),
        (long_line.into_bytes(), "has no end within 107 bytes"),
        (LINE.replace("\r\n", "\n").into_bytes(), "ends with LF instead of CR LF"),
        (LINE.replace("TCP4", "TCP5").into_bytes(), "in the place of TCP4, TCP6 or UNKNOWN"),
        (LINE.replace("192.0.2.7", "192.0.2.777").into_bytes(), "in the place of the source address"),
        (LINE.replace("4711", "65536").into_bytes(), "in the place of the source port"),
        (LINE.replace("TCP4", "TCP6").into_bytes(), "in the place of the source address"),
        (LINE.replace(" 443", "").into_bytes(), "ends before the destination port"),
        (binary_ipv4(3000), "at most 2048 are taken"),
        (binary(2, 0x11, &[0; 12]), "unknown command 2"),
        (binary(1, 0x41, &[0; 12]), "unknown address family and transport 0x41"),
        (binary(1, 0x11, &[0; 11]), "has 11 bytes in the place of 12 bytes of addresses"),
        ([&SIGNATURE[..], &[0x31, 0x11, 0, 12], &[0; 12]].concat(), "has version 3"),
    ] {
        println!("{}", bytes.escape_ascii());
        let daemon = with();
        is_refused(&daemon, bytes, why);
        assert_eq!(daemon.refused(), "proxy_protocol 1");
    }
}

/// A second header that comes in a packet of its own is neither a request nor TLS.
#[test]
fn a_second_header_that_comes_later_is_no_request() {
    let daemon = with_listener(REQUIRED, "").start();
    for second in [LINE.as_bytes(), &binary_ipv4(0)] {
        let mut raw = behind(&daemon, LINE);
        daemon.wait_for_connections(1);
        raw.send(second);
        // Whoever has read both at once has ended the connection without a word.
        let answer = String::from_utf8(raw.read_to_end()).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
        daemon.wait_for_connections(0);
    }
}

#[test]
fn a_header_of_somebody_who_is_not_trusted_is_a_lie() {
    let daemon = with_listener(REQUIRED, "").start();
    for header in [LINE.as_bytes(), &binary_ipv4(0), &binary(0, 0, &[])] {
        let mut liar = Raw::connect_from(IpAddr::from([127, 0, 0, 9]), daemon.address());
        liar.send_perhaps(header);
        liar.expect_end();
    }
    is_logged(&daemon, "it comes from nobody of trusted_proxies", "127.0.0.9");
    wait_for_refusals(&daemon, "proxy_protocol", 3);
    assert_eq!(daemon.refused(), "proxy_protocol 3");
}

#[test]
fn half_a_header_has_a_deadline() {
    let daemon = with_listener(REQUIRED, "handshake_timeout: 1s, authorize_timeout: 1m").start();
    let mut silent = [&b""[..], &LINE.as_bytes()[..20], &SIGNATURE[..], &binary_ipv4(0)[..20]].map(|half| {
        let mut raw = daemon.raw();
        raw.send(half);
        raw
    });
    // Behind a whole header it is the request that has one.
    let mut late = behind(&daemon, LINE);
    silent.iter_mut().for_each(Raw::expect_end);
    late.expect_end();
    wait_for_refusals(&daemon, "handshake_timeout", 5);
    daemon.wait_for_connections(0);
    assert_eq!(daemon.refused(), "handshake_timeout 5");
}

#[test]
fn limits_by_address_count_the_client() {
    let daemon = with_listener(REQUIRED, "max_connections_per_address: 2").start();
    let through = |header: &[u8]| {
        let mut raw = behind(&daemon, header);
        upgrade(&mut raw, "");
        raw.authorize();
        raw
    };
    let mut inside = vec![through(LINE.as_bytes()), through(&binary_ipv4(0))];
    let answer = behind(&daemon, LINE).expect_http_error(429);
    assert!(answer.contains("as many connections as it may have"), "{answer}");
    is_logged(&daemon, "a limit was reached", CLIENT);
    inside.push(through(LINE.replace(CLIENT, "192.0.2.8").as_bytes()));
    drop(inside.remove(0));
    daemon.wait_for_connections(2);
    through(LINE.as_bytes());
    assert_eq!(daemon.refused(), "max_connections_per_address 1");
}

/// The address in the header may be that of a proxy which is trusted too, and says more.
#[test]
fn a_proxy_behind_a_proxy_is_heard() {
    let trusted = "proxy_protocol: required, trusted_proxies: [127.0.0.1, 10.0.0.0/8]";
    let daemon = with_listener(trusted, "").start();
    let seen = |source: &str| {
        let mut raw = behind(&daemon, LINE.replace(CLIENT, source));
        upgrade(&mut raw, "X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\n");
        told(&mut raw, "peer")
    };
    assert_eq!(seen("10.0.0.3"), "198.51.100.1");
    assert_eq!(seen(CLIENT), "192.0.2.7:4711");
}

#[test]
fn a_header_where_none_is_expected_is_answered_in_words() {
    for keys in ["", "trusted_proxies: [127.0.0.1]"] {
        let daemon = with_listener(keys, "").start();
        for header in [LINE.as_bytes().to_vec(), binary_ipv4(0), binary(0, 0, &[])] {
            let answer = behind(&daemon, header).expect_http_error(400);
            assert!(answer.contains("PROXY header") && answer.contains("proxy_protocol: required"), "{answer}");
        }
        assert_eq!(daemon.refused(), "nothing");
    }
}

/// Where TLS is spoken a header is plaintext like any other; the log tells the operator which.
#[test]
fn a_header_where_tls_is_expected_is_named_in_the_log() {
    for (bytes, why) in [
        (LINE.as_bytes(), "a PROXY header came where TLS is spoken: set `proxy_protocol: required`"),
        (&binary_ipv4(0), "a PROXY header came where TLS is spoken: set `proxy_protocol: required`"),
        (b"GET / HTTP/1.1\r\n\r\n", "plaintext came where TLS is spoken"),
    ] {
        let daemon = Setup::on_shards(1).encrypted().start();
        let mut raw = Raw::over(Stream::with(TcpStream::connect(daemon.address()).unwrap(), None));
        raw.send(bytes);
        let answer = raw.expect_http_error(400);
        assert!(answer.contains("This port speaks TLS"), "{answer}");
        is_logged(&daemon, why, "127.0.0.1");
        assert_eq!(daemon.refused(), "tls 1");
    }
}
