//! Lists of proxies, honest and forged, well-formed and not.

use super::*;
use proptest::prelude::*;

/// 10.0.0.0/8 and 127.0.0.1 are trusted, and 2001:db8:a::/48.
fn is_trusted(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 10 || v4.is_loopback(),
        IpAddr::V6(v6) => v6.segments()[..3] == [0x2001, 0xdb8, 0xa],
    }
}

/// The client behind 10.0.0.1 for these header lines: `F` is `Forwarded`, `X` is `X-Forwarded-For`.
fn behind_proxy(lines: &[(char, &str)]) -> Result<String, ForwardedError> {
    let headers: Vec<_> = lines
        .iter()
        .map(|(kind, value)| httparse::Header {
            name: if *kind == 'F' { "forwarded" } else { "X-FORWARDED-FOR" },
            value: value.as_bytes(),
        })
        .chain([httparse::Header { name: "X-Real-IP", value: b"203.0.113.77" }])
        .collect();
    client(&headers, "10.0.0.1".parse().unwrap(), is_trusted).map(|address| address.to_string())
}

#[test]
fn headers_of_strangers_are_ignored() {
    let headers = [
        httparse::Header { name: "X-Forwarded-For", value: b"192.0.2.1" },
        httparse::Header { name: "Forwarded", value: b"for=\"" },
    ];
    for (peer, expected) in [("203.0.113.9", "203.0.113.9"), ("::ffff:203.0.113.9", "203.0.113.9"), ("::1", "::1")] {
        let client = client(&headers, peer.parse().unwrap(), is_trusted);
        assert_eq!(client, Ok(expected.parse().unwrap()));
    }
}

#[test]
fn the_first_from_the_right_that_is_not_trusted_is_the_client() {
    let cases: [(&[(char, &str)], &str); 28] = [
        (&[], "10.0.0.1"),
        (&[('X', "192.0.2.1")], "192.0.2.1"),
        (&[('X', "1.1.1.1, 192.0.2.1")], "192.0.2.1"),
        (&[('X', "1.1.1.1,192.0.2.1 ,\t10.2.3.4,127.0.0.1")], "192.0.2.1"),
        (&[('X', "1.1.1.1"), ('X', "192.0.2.1"), ('X', "10.0.0.2")], "192.0.2.1"),
        (&[('X', "192.0.2.1:4711, ::ffff:10.0.0.2")], "192.0.2.1"),
        (&[('X', "2001:db8::1")], "2001:db8::1"),
        (&[('X', "[2001:db8::1], [2001:db8:a::1]:80")], "2001:db8::1"),
        (&[('X', "10.0.0.9, 10.0.0.8")], "10.0.0.9"),
        (&[('X', ", ,192.0.2.1,,")], "192.0.2.1"),
        (&[('X', "")], "10.0.0.1"),
        (&[('X', "1.1.1.1, unknown")], "10.0.0.1"),
        (&[('X', "1.1.1.1, unix:, 10.0.0.2")], "10.0.0.2"),
        (&[('X', "junk, 192.0.2.1")], "192.0.2.1"),
        (&[('X', "1.1.1.1, 192.0.2.1:")], "10.0.0.1"),
        (&[('X', "1.1.1.1, 192.0.2.1:65536")], "10.0.0.1"),
        (&[('X', "1.1.1.1, [192.0.2.1]")], "10.0.0.1"),
        (&[('F', "for=192.0.2.1")], "192.0.2.1"),
        (&[('F', "for=1.1.1.1, For=192.0.2.1;proto=https;by=10.0.0.2, proto=http;FOR=\"10.2.2.2:80\"")], "192.0.2.1"),
        (&[('F', "for=1.1.1.1"), ('F', "for=\"[2001:db8::1]:47\";host=a"), ('F', "for=10.0.0.2")], "2001:db8::1"),
        (&[('F', "for=\"[2001:db8::1]:_x.y-z\"")], "2001:db8::1"),
        (&[('F', "for=[2001:db8::1]:47 ; by=1.2.3.4:80")], "2001:db8::1"),
        (&[('F', "for=\"\\1\\92.0.2.1\"")], "192.0.2.1"),
        (&[('F', "for=1.1.1.1, for=unknown")], "10.0.0.1"),
        (&[('F', "for=1.1.1.1, for=_hidden;by=1.1.1.1, for=10.0.0.2")], "10.0.0.2"),
        (&[('F', "for=1.1.1.1, proto=https")], "10.0.0.1"),
        (&[('F', "host=\"a, for=1.1.1.1;\\\"\", for=192.0.2.1;;, ,")], "192.0.2.1"),
        (&[('F', "for=1.1.1.1, for=192.0.2.1"), ('X', "2.2.2.2, 192.0.2.1:80, 10.0.0.7")], "192.0.2.1"),
    ];
    for (lines, expected) in cases {
        assert_eq!(behind_proxy(lines).as_deref(), Ok(expected), "{lines:?}");
    }
}

#[test]
fn a_broken_forwarded_is_refused() {
    for line in [
        "for",
        "=1.1.1.1",
        "for=",
        "for =1.1.1.1",
        "for= 1.1.1.1",
        "for=\"1.1.1.1",
        "for=\"1.1.1.1\\",
        "for=\"1.1.1.1\"x",
        "for=1.1.1.1 for=2.2.2.2",
        "for=1.1.1.1;For=2.2.2.2",
        "for=1.1.1.1/",
        "f\u{e4}r=1.1.1.1",
        // The beginning of a quoted string swallows what the proxy adds.
        "for=1.1.1.1;by=\", for=192.0.2.1",
        "for=1.1.1.1;by=\", for=\"[2001:db8::7]:47\"",
        "for=1.1.1.1;by=\"\\, for=\"[2001:db8::7]:47\"",
    ] {
        assert_eq!(behind_proxy(&[('F', line)]), Err(ForwardedError::Malformed), "{line}");
    }
}

#[test]
fn a_forged_header_beside_the_proxys_own_is_refused() {
    let cases: [&[(char, &str)]; 3] = [
        &[('F', "for=1.1.1.1"), ('X', "192.0.2.1")],
        &[('X', "10.0.0.9"), ('F', "for=192.0.2.1")],
        &[('F', "for=unknown"), ('X', "192.0.2.1")],
    ];
    for lines in cases {
        assert_eq!(behind_proxy(lines), Err(ForwardedError::Disagreement), "{lines:?}");
    }
}

#[test]
fn the_number_of_elements_is_bounded() {
    for (kind, element) in [('X', "10.0.0.2,"), ('F', "for=10.0.0.2,")] {
        let most = element.repeat(100);
        assert_eq!(behind_proxy(&[(kind, &most)]).as_deref(), Ok("10.0.0.2"));
        for lines in [&[(kind, element), (kind, &most)][..], &[(kind, &element.repeat(5000))]] {
            assert_eq!(behind_proxy(lines), Err(ForwardedError::TooMany));
        }
    }
    let pairs: String = (0..101).map(|at| format!("a{at}=b;")).collect();
    assert_eq!(behind_proxy(&[('F', &pairs)]), Err(ForwardedError::Malformed));
    assert!(ForwardedError::TooMany.reason().contains(&ELEMENTS_MAX.to_string()));
}

#[test]
fn bytes_that_are_no_text_are_no_address() {
    let client = |value| {
        let headers = [httparse::Header { name: "X-Forwarded-For", value }];
        client(&headers, "10.0.0.1".parse().unwrap(), is_trusted).map(|address| address.to_string())
    };
    assert_eq!(client(b"\xff\xfe, 192.0.2.1").as_deref(), Ok("192.0.2.1"));
    assert_eq!(client(b"192.0.2.1, \xff").as_deref(), Ok("10.0.0.1"));
}

proptest! {
    #[test]
    fn addresses_are_found_however_they_are_written(address: IpAddr, port: u16) {
        let host = match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        for text in [host.clone(), format!("{host}:{port}"), address.to_string(), format!("{host}:_p")] {
            prop_assert_eq!(node(&text), Some(address.to_canonical()));
            let quoted = format!("for=\"{text}\"");
            let mut hops = Vec::new();
            prop_assert_eq!(forwarded_line(&quoted, &mut hops), Ok(()));
            prop_assert_eq!(hops, [Some(address.to_canonical())]);
        }
    }
}
