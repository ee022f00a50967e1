//! The headers in which proxies name the client.

use crate::http::{ForwardedError, client};
use std::net::{IpAddr, Ipv4Addr};

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// Whatever a client sends, the proxy's own words count: with the client's address added by a trusted proxy, on a line of
/// its own or on the client's, the answer is that address or the request is refused. The bytes are header lines, `F…` for
/// `Forwarded` and all others for `X-Forwarded-For`.
///
/// # Panics
/// Where that does not hold.
pub fn forwarded(bytes: &[u8]) {
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    let (forwarded, other): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.starts_with(b"F"));
    let forwarded: Vec<Vec<u8>> = forwarded.iter().map(|line| line[1..].to_vec()).collect();
    let other: Vec<Vec<u8>> = other.iter().map(|line| line.to_vec()).collect();
    let anything = ask(&forwarded, &other, PROXY);
    assert_eq!(anything, ask(&forwarded, &other, PROXY));
    assert_eq!(ask(&forwarded, &other, CLIENT), Ok(CLIENT), "headers of a stranger count");
    is_the_naive_answer(&other);

    let x_added: [&[u8]; 3] = [b"192.0.2.7", b"192.0.2.7:47, 10.0.0.2", b"[::ffff:192.0.2.7]:47,10.9.9.9:1"];
    for added in x_added {
        for lines in with(&other, added) {
            let answer = ask(&[], &lines, PROXY);
            assert!(matches!(answer, Ok(CLIENT) | Err(ForwardedError::TooMany)), "{answer:?}");
            let both = ask(&forwarded, &lines, PROXY);
            assert!(both.is_err() || both == Ok(CLIENT), "{both:?}");
        }
    }
    let added: [&[u8]; 3] =
        [b"for=192.0.2.7", b"by=_a;for=\"192.0.2.7:47\", for=10.0.0.2", b"for=\"[::ffff:192.0.2.7]:47\""];
    for added in added {
        for lines in with(&forwarded, added) {
            for answer in [ask(&lines, &[], PROXY), ask(&lines, &other, PROXY)] {
                assert!(answer.is_err() || answer == Ok(CLIENT), "{answer:?}");
            }
        }
    }
}

fn ask(forwarded: &[Vec<u8>], other: &[Vec<u8>], peer: IpAddr) -> Result<IpAddr, ForwardedError> {
    let named = |name, lines: &[Vec<u8>]| lines.iter().map(move |_| name).collect::<Vec<_>>();
    let names = [named("Forwarded", forwarded), named("X-Forwarded-For", other)].concat();
    let values = forwarded.iter().chain(other);
    let headers: Vec<_> = names.iter().zip(values).map(|(name, value)| httparse::Header { name, value }).collect();
    client(&headers, peer, is_trusted)
}

fn is_trusted(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10)
}

/// The lines of a client and what a proxy adds: as a line of its own, or at the end of the last one.
fn with(lines: &[Vec<u8>], added: &[u8]) -> [Vec<Vec<u8>>; 2] {
    let mut own_line = lines.to_vec();
    own_line.push(added.to_vec());
    let mut same_line = lines.to_vec();
    match same_line.last_mut() {
        Some(last) => last.extend([b", ", added].concat()),
        None => same_line.push(added.to_vec()),
    }
    [own_line, same_line]
}

/// Plain addresses in `X-Forwarded-For`, read in the simplest way that could be.
fn is_the_naive_answer(lines: &[Vec<u8>]) {
    let joined = String::from_utf8_lossy(&lines.join(&b","[..])).into_owned();
    let elements = joined.split(',').map(|element| element.trim_matches(['\t', ' ']));
    let elements: Vec<&str> = elements.filter(|element| !element.is_empty()).collect();
    let Ok(addresses) = elements.iter().map(|element| element.parse()).collect::<Result<Vec<IpAddr>, _>>() else {
        return;
    };
    let addresses: Vec<IpAddr> = addresses.into_iter().map(|address| address.to_canonical()).collect();
    if addresses.len() <= 100 {
        let stranger = addresses.iter().rev().find(|address| !is_trusted(**address));
        let expected = stranger.or(addresses.first()).copied().unwrap_or(PROXY);
        assert_eq!(ask(&[], lines, PROXY), Ok(expected));
    }
}
