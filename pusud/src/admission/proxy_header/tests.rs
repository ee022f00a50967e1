//! Headers of both versions, whole, in pieces, and broken.

use super::*;
use proptest::prelude::*;

fn v2(version_command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[version_command, family], &len, body].concat()
}

fn ipv4_body() -> Vec<u8> {
    vec![192, 0, 2, 1, 203, 0, 113, 9, 0x1f, 0x90, 0, 80]
}

fn ipv6_body(source: &str) -> Vec<u8> {
    let source: Ipv6Addr = source.parse().unwrap();
    [&source.octets()[..], &[0; 16], &[0x1f, 0x90, 0, 80]].concat()
}

fn from(address: &str) -> Source {
    Source::Client(address.parse().unwrap())
}

fn reason(bytes: &[u8]) -> String {
    match ProxyHeader::read(bytes) {
        ProxyHeader::Malformed(reason) => reason,
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

#[test]
fn whole_headers_are_read_whatever_follows() {
    let with_tlvs = [ipv4_body(), vec![3, 0, 4, 1, 2, 3, 4, 0x20, 0, 0]].concat();
    let cases: [(Vec<u8>, Source); 18] = [
        (b"PROXY TCP4 192.0.2.1 203.0.113.9 8080 80\r\n".to_vec(), from("192.0.2.1:8080")),
        (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n".to_vec(), from("255.255.255.255:65535")),
        (b"PROXY TCP4 192.0.2.1 203.0.113.9 0 0\r\n".to_vec(), from("192.0.2.1:0")),
        (b"PROXY TCP6 2001:db8::1 ::1 8080 80\r\n".to_vec(), from("[2001:db8::1]:8080")),
        (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 8080 80\r\n".to_vec(), from("192.0.2.1:8080")),
        (b"PROXY UNKNOWN\r\n".to_vec(), Source::Local),
        (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n".to_vec(), Source::Local),
        (v2(0x21, 0x11, &ipv4_body()), from("192.0.2.1:8080")),
        (v2(0x21, 0x12, &ipv4_body()), from("192.0.2.1:8080")),
        (v2(0x21, 0x11, &with_tlvs), from("192.0.2.1:8080")),
        (v2(0x21, 0x21, &ipv6_body("2001:db8::1")), from("[2001:db8::1]:8080")),
        (v2(0x21, 0x22, &ipv6_body("::ffff:192.0.2.1")), from("192.0.2.1:8080")),
        (v2(0x21, 0x31, &[b'x'; UNIX_BYTES]), Source::Local),
        (v2(0x21, 0x00, &[]), Source::Local),
        (v2(0x21, 0x00, b"ignored"), Source::Local),
        (v2(0x20, 0x00, &[]), Source::Local),
        (v2(0x20, 0x11, &[1]), Source::Local),
        (v2(0x20, 0xff, &[0; PROXY_HEADER_BYTES_MAX - FIXED_BYTES]), Source::Local),
    ];
    for (bytes, source) in cases {
        let expected = ProxyHeader::Complete { len: bytes.len(), source };
        for rest in [&b""[..], b"GET / HTTP/1.1\r\n", b"\n", SIGNATURE, b"PROXY "] {
            assert_eq!(ProxyHeader::read(&[&bytes, rest].concat()), expected, "{}", bytes.escape_ascii());
        }
        for cut in 0..bytes.len() {
            let ProxyHeader::Partial { more_bytes_max } = ProxyHeader::read(&bytes[..cut]) else {
                panic!("{} cut at {cut}", bytes.escape_ascii())
            };
            assert!(more_bytes_max >= bytes.len() - cut && cut + more_bytes_max <= PROXY_HEADER_BYTES_MAX);
        }
    }
}

#[test]
fn what_may_still_come_is_bounded() {
    let cases: [(&[u8], usize); 5] = [
        (b"", PROXY_HEADER_BYTES_MAX),
        (b"P", LINE_BYTES_MAX - 1),
        (b"PROXY UNKNOWN\r", LINE_BYTES_MAX - 14),
        (SIGNATURE, PROXY_HEADER_BYTES_MAX - 12),
        (&v2(0x21, 0x11, &ipv4_body())[..20], 8),
    ];
    for (bytes, more_bytes_max) in cases {
        assert_eq!(ProxyHeader::read(bytes), ProxyHeader::Partial { more_bytes_max }, "{}", bytes.escape_ascii());
    }
}

#[test]
fn something_else_is_named() {
    let cases: [(&[u8], &str); 10] = [
        (b"GET / HTTP/1.1\r\n", "an HTTP request"),
        (b"G", "an HTTP request"),
        (b"PO", "an HTTP request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "an HTTP request"),
        (b"\x16\x03\x01\x02\0", "a TLS handshake"),
        (b"\x16", "a TLS handshake"),
        (b"proxy TCP4 ", "something else"),
        (b"PROXY\t", "something else"),
        (b"\r\n\r\n\0\r\nQUIT\r", "something else"),
        (b"\0", "something else"),
    ];
    for (bytes, expected) in cases {
        let reason = reason(bytes);
        assert!(reason.contains(&format!("and {expected} came instead")), "{}: {reason}", bytes.escape_ascii());
    }
}

#[test]
fn broken_lines_are_refused_with_a_reason() {
    let cases: [(&[u8], &str); 19] = [
        (b"PROXY \r\n", "\"\" in the place of TCP4, TCP6 or UNKNOWN"),
        (b"PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n", "\"UDP4\""),
        (b"PROXY UNKNOWNS\r\n", "\"UNKNOWNS\""),
        (b"PROXY TCP4\r\n", "ends before the source address"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", "ends before the destination port"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 1 1\r\n", "\"1\" in the place of the end of the line"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 1 \r\n", "\"\" in the place of the end of the line"),
        (b"PROXY TCP4  1.2.3.4 5.6.7.8 1 1\r\n", "\"\" in the place of the source address"),
        (b"PROXY TCP4 1.2.3.04 5.6.7.8 1 1\r\n", "\"1.2.3.04\""),
        (b"PROXY TCP4 ::1 ::1 1 1\r\n", "\"::1\""),
        (b"PROXY TCP6 ::1 1.2.3.4 1 1\r\n", "\"1.2.3.4\" in the place of the destination address"),
        (b"PROXY TCP6 fe80::1%1 ::1 1 1\r\n", "\"fe80::1%1\""),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 65536 1\r\n", "\"65536\" in the place of the source port"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 +1 1\r\n", "\"+1\""),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 01\r\n", "\"01\" in the place of the destination port"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 1\r\r\n", "\"1\\r\""),
        (b"PROXY TCP4 \xff 5.6.7.8 1 1\r\n", "\"\\xff\""),
        (b"PROXY UNKNOWN\n", "LF instead of CR LF"),
        (&[&b"PROXY UNKNOWN"[..], &[b' '; 93], b"\r\n"].concat(), "no end within 107 bytes"),
    ];
    for (bytes, expected) in cases {
        let reason = reason(bytes);
        assert!(reason.contains(expected), "{}: {reason}", bytes.escape_ascii());
    }
}

#[test]
fn broken_binary_headers_are_refused_before_all_of_them_is_here() {
    let mut too_long = v2(0x21, 0x11, &ipv4_body());
    too_long[14..16].copy_from_slice(&[0xff, 0xff]);
    let cases: [(&[u8], &str); 9] = [
        (&v2(0x11, 0x11, &ipv4_body()), "version 1;"),
        (&[&SIGNATURE[..], &[0x31]].concat(), "version 3; 1 and 2 are known"),
        (&[&SIGNATURE[..], &[0x22]].concat(), "unknown command 2"),
        (&v2(0x21, 0x41, &ipv4_body()), "transport 0x41"),
        (&v2(0x21, 0x10, &ipv4_body()), "transport 0x10"),
        (&v2(0x21, 0x11, &[0; 11]), "11 bytes in the place of 12"),
        (&v2(0x21, 0x21, &[0; 35])[..16], "35 bytes in the place of 36"),
        (&v2(0x21, 0x31, &[0; 215])[..16], "215 bytes in the place of 216"),
        (&too_long, "says to have 65551 bytes; at most 2048"),
    ];
    for (bytes, expected) in cases {
        let reason = reason(bytes);
        assert!(reason.contains(expected), "{}: {reason}", bytes.escape_ascii());
    }
}

#[test]
fn a_second_header_is_recognized() {
    for bytes in [&b"PROXY UNKNOWN\r\n"[..], b"PROXY ", SIGNATURE] {
        assert!(begins_like_proxy_header(bytes));
    }
    for bytes in [&b""[..], b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"PROXY", b"\r\n\r\n"] {
        assert!(!begins_like_proxy_header(bytes));
    }
}

proptest! {
    #[test]
    fn every_client_comes_through_in_both_versions(address: IpAddr, port: u16, tlvs: [u8; 9]) {
        let client = SocketAddr::new(address, port);
        let (name, family, body) = match address {
            IpAddr::V4(v4) => ("TCP4", 0x11, [&v4.octets()[..], &[0; 4]].concat()),
            IpAddr::V6(v6) => ("TCP6", 0x21, [&v6.octets()[..], &[0; 16]].concat()),
        };
        let line = format!("PROXY {name} {address} {address} {port} 1\r\n").into_bytes();
        let binary = v2(0x21, family, &[&body[..], &port.to_be_bytes(), &[0; 2], &tlvs].concat());
        for bytes in [line, binary] {
            let expected = ProxyHeader::Complete { len: bytes.len(), source: Source::Client(readable(client)) };
            prop_assert_eq!(ProxyHeader::read(&bytes), expected);
        }
    }
}
