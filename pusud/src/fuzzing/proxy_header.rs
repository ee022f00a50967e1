//! The PROXY header that a connection begins with.

use crate::admission::{PROXY_HEADER_BYTES_MAX, ProxyHeader, Source, begins_like_proxy_header};

/// A header is whole at one length and never before or after, more bytes never change what has been decided, and what it
/// says can be said again in version 1.
///
/// # Panics
/// Where that does not hold.
pub fn proxy_header(bytes: &[u8]) {
    let whole = ProxyHeader::read(bytes);
    let mut decided = None;
    for end in 0..=bytes.len().min(PROXY_HEADER_BYTES_MAX + 1) {
        let header = ProxyHeader::read(&bytes[..end]);
        match (&header, &decided) {
            (ProxyHeader::Partial { more_bytes_max }, None) => {
                assert!(*more_bytes_max > 0 && end + more_bytes_max <= PROXY_HEADER_BYTES_MAX, "{end}: {header:?}");
            }
            (ProxyHeader::Malformed(reason), None | Some(ProxyHeader::Malformed(_))) => assert!(!reason.is_empty()),
            (ProxyHeader::Complete { len, .. }, None) => assert_eq!(*len, end, "whole too late"),
            (ProxyHeader::Complete { .. }, Some(before)) => assert_eq!(header, *before),
            (_, Some(before)) => panic!("{before:?}, and with more bytes {header:?}"),
        }
        if !matches!(header, ProxyHeader::Partial { .. }) {
            decided = Some(header);
        }
    }
    match (whole, decided) {
        (ProxyHeader::Partial { .. }, None) => assert!(bytes.len() < PROXY_HEADER_BYTES_MAX),
        (ProxyHeader::Malformed(_), Some(ProxyHeader::Malformed(_))) => {}
        (ProxyHeader::Complete { len, source }, decided) => {
            assert!(begins_like_proxy_header(bytes));
            assert_eq!(decided, Some(ProxyHeader::Complete { len, source }));
            is_said_again(source);
        }
        (whole, decided) => panic!("{whole:?}, and in pieces {decided:?}"),
    }
}

fn is_said_again(source: Source) {
    let line = match source {
        Source::Local => "PROXY UNKNOWN\r\n".to_owned(),
        Source::Client(client) => {
            assert_eq!(client.ip(), client.ip().to_canonical());
            let (ip, port) = (client.ip(), client.port());
            format!("PROXY TCP{} {ip} {ip} {port} {port}\r\n", if ip.is_ipv4() { 4 } else { 6 })
        }
    };
    assert_eq!(ProxyHeader::read(line.as_bytes()), ProxyHeader::Complete { len: line.len(), source });
}
