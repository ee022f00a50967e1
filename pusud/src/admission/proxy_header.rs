//! The header of the PROXY protocol, versions 1 and 2: the words of a proxy about the client that it connects for.
//!
//! From bytes to values, after sections 2.1 and 2.2 of the specification (proxy-protocol.txt of HAProxy). It never decides
//! whether the proxy may be believed. **Invariant:** more bytes change neither a whole header nor a malformed one.

use crate::admission::readable;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of the longest header that is taken. The addresses need 52 bytes or 232, and the rest is for TLVs, which are
/// skipped: those of the clouds are short, and only a client's whole certificate would be longer.
pub const PROXY_HEADER_BYTES_MAX: usize = 2048;

/// Bytes of the longest line of version 1, with its line end.
const LINE_BYTES_MAX: usize = 107;
const LINE_START: &[u8] = b"PROXY ";

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of version 2 before the addresses: signature, version and command, family, length.
const FIXED_BYTES: usize = 16;
const IPV4_BYTES: usize = 12;
const IPV6_BYTES: usize = 36;
const UNIX_BYTES: usize = 216;

const METHODS: [&[u8]; 9] =
    [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"PRI * HTTP/2.0"];

/// How far the bytes at the beginning of a connection are a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyHeader {
    /// A beginning of one.
    Partial {
        /// Bytes that may still belong to it; never 0.
        more_bytes_max: usize,
    },
    /// A whole one.
    Complete {
        /// Its bytes; what follows them is the client's.
        len: usize,
        /// The connection's source.
        source: Source,
    },
    /// None, or one that breaks the rules: why, in words for the operator.
    Malformed(String),
}

/// The source of a connection, in the words of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// This client. An IPv4 address in an IPv6 one is given as what it is.
    Client(SocketAddr),
    /// The proxy itself (a health check), or a client without an IP address: the connection's own addresses count.
    Local,
}

impl ProxyHeader {
    /// Reads the bytes that a connection began with, as far as they are here.
    pub fn read(received: &[u8]) -> Self {
        let read = if is_prefix_of_either(received, SIGNATURE) {
            binary(received)
        } else if is_prefix_of_either(received, LINE_START) {
            line(received)
        } else {
            Err(format!(
                "a PROXY header must come first, and {} came instead; let the proxy send the header (send-proxy-v2 in \
                 HAProxy, proxy_protocol on in nginx), or do not require it here",
                kind_of(received)
            ))
        };
        read.unwrap_or_else(Self::Malformed)
    }
}

/// Whether `bytes` begin with what only a header begins with, as those behind a header do that came twice. Fewer than 12
/// bytes may be too few to tell: then it says no, and whatever reads them refuses them, since neither HTTP nor TLS
/// begins so.
pub fn begins_like_proxy_header(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE) || bytes.starts_with(LINE_START)
}

fn is_prefix_of_either(bytes: &[u8], start: &[u8]) -> bool {
    bytes.starts_with(start) || start.starts_with(bytes)
}

/// What bytes are that are no header.
fn kind_of(bytes: &[u8]) -> &'static str {
    if METHODS.iter().any(|method| is_prefix_of_either(bytes, method)) {
        "an HTTP request"
    } else if is_prefix_of_either(bytes, &[0x16, 0x03]) {
        "a TLS handshake"
    } else {
        "something else"
    }
}

/// Version 1: `PROXY TCP4 <source> <destination> <port> <port>`, and the line's end.
fn line(received: &[u8]) -> Result<ProxyHeader, String> {
    let window = &received[..received.len().min(LINE_BYTES_MAX)];
    let Some(end) = window.iter().position(|&byte| byte == b'\n') else {
        return match LINE_BYTES_MAX - window.len() {
            0 => Err(format!("the line of a PROXY header has no end within {LINE_BYTES_MAX} bytes")),
            // As long as it may be either version, the longer one counts.
            _ if received.is_empty() => Ok(ProxyHeader::Partial { more_bytes_max: PROXY_HEADER_BYTES_MAX }),
            more_bytes_max => Ok(ProxyHeader::Partial { more_bytes_max }),
        };
    };
    let text = window[..end].strip_suffix(b"\r").ok_or("the line of a PROXY header ends with LF instead of CR LF")?;
    let complete = |source| Ok(ProxyHeader::Complete { len: end + 1, source });
    let mut words = text.split(|&byte| byte == b' ').skip(1);
    let is_address: fn(&str) -> Option<IpAddr> = match words.next() {
        // What stands behind UNKNOWN is to be ignored.
        Some(b"UNKNOWN") => return complete(Source::Local),
        Some(b"TCP4") => |word| word.parse().ok().map(IpAddr::V4),
        Some(b"TCP6") => |word| word.parse().ok().map(IpAddr::V6),
        protocol => return Err(unexpected("TCP4, TCP6 or UNKNOWN", protocol)),
    };
    let mut next = |expected: &'static str| {
        let word = words.next();
        let text = word.and_then(|word| std::str::from_utf8(word).ok());
        text.ok_or_else(|| unexpected(expected, word)).map(|text| (expected, text))
    };
    let address = |(expected, word): (_, &str)| is_address(word).ok_or_else(|| unexpected(expected, Some(word)));
    let source = address(next("the source address")?)?;
    address(next("the destination address")?)?;
    let source_port = port(next("the source port")?)?;
    port(next("the destination port")?)?;
    match words.next() {
        None => complete(Source::Client(readable(SocketAddr::new(source, source_port)))),
        more => Err(unexpected("the end of the line", more)),
    }
}

/// A port as the specification wants it: decimal digits, no sign, no leading zero.
fn port((expected, word): (&'static str, &str)) -> Result<u16, String> {
    let is_canonical = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    word.parse().ok().filter(|_| is_canonical).ok_or_else(|| unexpected(expected, Some(word)))
}

fn unexpected(expected: &str, found: Option<impl AsRef<[u8]>>) -> String {
    match found {
        Some(found) => {
            format!("a PROXY header has \"{}\" in the place of {expected}", found.as_ref().escape_ascii())
        }
        None => format!("a PROXY header ends before {expected}"),
    }
}

/// Version 2: the signature, a byte of version and command, one of family and transport, the length of the rest.
fn binary(received: &[u8]) -> Result<ProxyHeader, String> {
    let is_local = match received.get(12) {
        None | Some(0x21) => false,
        Some(0x20) => true,
        Some(byte) if byte >> 4 == 2 => return Err(format!("a PROXY header has the unknown command {}", byte & 15)),
        Some(byte) => return Err(format!("a PROXY header has version {}; 1 and 2 are known", byte >> 4)),
    };
    let Some(fixed) = received.first_chunk::<FIXED_BYTES>() else {
        return Ok(ProxyHeader::Partial { more_bytes_max: PROXY_HEADER_BYTES_MAX - received.len() });
    };
    let body_bytes = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let len = FIXED_BYTES + body_bytes;
    if len > PROXY_HEADER_BYTES_MAX {
        return Err(format!("a PROXY header says to have {len} bytes; at most {PROXY_HEADER_BYTES_MAX} are taken"));
    }
    // The family of a LOCAL command is to be ignored, whatever it is.
    let address_bytes = match fixed[13] {
        _ if is_local => 0,
        0x00 => 0,
        0x11 | 0x12 => IPV4_BYTES,
        0x21 | 0x22 => IPV6_BYTES,
        0x31 | 0x32 => UNIX_BYTES,
        other => return Err(format!("a PROXY header has the unknown address family and transport 0x{other:02x}")),
    };
    if body_bytes < address_bytes {
        return Err(format!(
            "a PROXY header has {body_bytes} bytes in the place of {address_bytes} bytes of addresses"
        ));
    }
    let Some(body) = received.get(FIXED_BYTES..len) else {
        return Ok(ProxyHeader::Partial { more_bytes_max: len - received.len() });
    };
    let source = match address_bytes {
        IPV4_BYTES => client(Ipv4Addr::from_bits(be_bits(&body[..4]) as u32), &body[8..10]),
        IPV6_BYTES => client(Ipv6Addr::from_bits(be_bits(&body[..16])), &body[32..34]),
        _ => Source::Local,
    };
    Ok(ProxyHeader::Complete { len, source })
}

fn client(address: impl Into<IpAddr>, port: &[u8]) -> Source {
    Source::Client(readable(SocketAddr::new(address.into(), be_bits(port) as u16)))
}

/// At most 16 bytes as a number, the first one the highest.
fn be_bits(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |bits, &byte| bits << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests;
