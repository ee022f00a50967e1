//! The request that a connection begins with.

use crate::client::{self, Progress, Upgrade};
use crate::http::{HeaderNames, Request};
use crate::protocol::Limits;

/// A request is answered once it is whole, by one well-formed answer, and by the same one whatever pieces it comes in.
///
/// # Panics
/// Where that does not hold.
pub fn http_upgrade(bytes: &[u8]) {
    let bytes_max = Limits::default().max_header_bytes;
    match client::advance(bytes, bytes_max, None, &seen()) {
        Progress::Partial => assert!(bytes.len() < bytes_max),
        Progress::Refuse(response, _) => {
            let (head, reason) = parts(&response);
            assert!(head.starts_with("HTTP/1.1 4") || head.starts_with("HTTP/1.1 505 "), "{head}");
            assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", reason.len())), "{head}");
            let more = [bytes, b"\r\n\r\n"].concat();
            assert!(
                matches!(client::advance(&more, bytes_max, None, &seen()), Progress::Refuse(..)),
                "refused, then not"
            );
        }
        Progress::Request(request, _) => is_read_in_any_pieces(&request, bytes, bytes_max),
        Progress::Accept(upgrade) => is_accepted_in_any_pieces(&upgrade, bytes, bytes_max),
    }
}

/// Headers that authenticators see.
fn seen() -> HeaderNames {
    HeaderNames::parse(["cookie", "origin", "x-request-id"]).expect("these are good names")
}

fn is_accepted_in_any_pieces(upgrade: &Upgrade, bytes: &[u8], bytes_max: usize) {
    let len = upgrade.request_len;
    assert!(bytes[..len].ends_with(b"\r\n\r\n") && len <= bytes_max);
    let (head, rest) = parts(&upgrade.response);
    assert!(head.starts_with("HTTP/1.1 101 ") && rest.is_empty(), "{head}");
    assert_eq!(head.lines().count(), 5, "the client's text is in the answer: {head}");
    assert!(upgrade.facts.as_ref().is_none_or(|facts| facts.path.starts_with('/') && !facts.path.contains(' ')));
    match client::advance(&bytes[..len], bytes_max, None, &seen()) {
        Progress::Accept(alone) => assert_eq!(alone, *upgrade),
        other => panic!("what follows the request matters: without it, it is {other:?}"),
    }
    for cut in (0..len).step_by(1 + len / 16).chain([len - 1]) {
        assert_eq!(client::advance(&bytes[..cut], bytes_max, None, &seen()), Progress::Partial, "cut at {cut}");
    }
}

fn is_read_in_any_pieces(request: &Request, bytes: &[u8], bytes_max: usize) {
    let len = request.head_len();
    assert!(bytes[..len].ends_with(b"\r\n\r\n") && len <= bytes_max);
    let head = std::str::from_utf8(&bytes[..len]).unwrap_or_default().to_ascii_lowercase();
    let has = |name: &str| head.contains(&format!("\r\n{name}:"));
    assert!(!(has("content-length") && has("transfer-encoding")), "its end is where the next reader sees another");
    assert!(request.framing.is_some() || !(has("content-length") || has("transfer-encoding")), "a body is overlooked");
    assert!(request.path().starts_with('/') && !request.path().contains([' ', '?', '#']));
    match client::advance(&bytes[..len], bytes_max, None, &seen()) {
        Progress::Request(alone, _) => assert!(alone == *request),
        other => panic!("what follows the head matters: without it, it is {other:?}"),
    }
    for cut in (0..len).step_by(1 + len / 16).chain([len - 1]) {
        assert_eq!(client::advance(&bytes[..cut], bytes_max, None, &seen()), Progress::Partial, "cut at {cut}");
    }
}

/// The head of an answer with the empty line behind it, and what follows.
fn parts(response: &[u8]) -> (&str, &str) {
    let text = std::str::from_utf8(response).expect("answers are text");
    let head_len = text.find("\r\n\r\n").expect("a head has an end") + 4;
    text.split_at(head_len)
}
