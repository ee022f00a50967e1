//! Answers, whole and cut.

use super::*;
use proptest::prelude::*;

/// What is seen of a connection: heads and bodies, and how it ends.
type Seen = (Vec<(Head, Vec<u8>)>, Eof);

fn read(bytes: &[u8], mut cuts: impl Iterator<Item = usize>) -> Result<Seen, Failure> {
    let mut reader = AnswerReader::default();
    let (mut answers, mut open) = (Vec::new(), None);
    let mut rest = bytes;
    while !rest.is_empty() {
        let (mut chunk, more) = rest.split_at(cuts.next().unwrap_or(usize::MAX).min(rest.len()));
        rest = more;
        while let Some(part) = reader.next(&mut chunk)? {
            match part {
                Part::Head(head) => assert!(open.replace((head, Vec::new())).is_none(), "a head in a body"),
                Part::Body(body) => open.as_mut().expect("a head").1.extend_from_slice(body),
                Part::End => answers.extend(open.take()),
            }
        }
        assert!(chunk.is_empty(), "bytes are left");
    }
    let eof = reader.eof();
    if eof == Eof::Complete {
        answers.extend(open.take());
    }
    Ok((answers, eof))
}

fn head(status: u16) -> Head {
    Head { status, closes: false, media: Media::Other, retry_after: None }
}

const ANSWERS: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n\
    HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"accepted\":1}\
    HTTP/1.1 204 No Content\r\n\r\n\
    HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 7\r\n\r\n\
    4;name=value\r\nwhat\r\n0a\r\n is\nthis?\r\r\n0\r\nTrailer: 1\r\n\r\n\
    HTTP/1.1 429 Too Many Requests\r\ncontent-type: Application/Problem+JSON; charset=utf-8\r\nRETRY-AFTER: 7\r\n\
    content-length: 2\r\nContent-Length: 2\r\nConnection: Keep-Alive, Close\r\n\r\n{}\
    HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: to the end\n\n";

fn expected() -> Seen {
    let problem = Head { closes: true, media: Media::Problem, retry_after: Some(Duration::from_secs(7)), ..head(429) };
    let events = Head { closes: true, media: Media::Events, ..head(200) };
    let answers = [
        (head(202), &b"{\"accepted\":1}"[..]),
        (head(204), b""),
        (head(200), b"what is\nthis?\r"),
        (problem, b"{}"),
        (events, b": to the end\n\n"),
    ];
    (answers.map(|(head, body)| (head, body.to_vec())).into(), Eof::Complete)
}

#[test]
fn answers_are_read_one_after_the_other() {
    assert_eq!(read(ANSWERS, std::iter::empty()).unwrap(), expected());
    assert_eq!(read(ANSWERS, std::iter::repeat(1)).unwrap(), expected());
}

proptest! {
    #[test]
    fn cuts_change_nothing(cuts in prop::collection::vec(1usize..90, 1..40)) {
        prop_assert_eq!(read(ANSWERS, cuts.into_iter().cycle()).unwrap(), expected());
    }

    #[test]
    fn anything_is_read_or_is_an_error(bytes: Vec<u8>, cuts in prop::collection::vec(1usize..9, 1..9)) {
        let _ = read(&bytes, cuts.into_iter().cycle());
    }
}

#[test]
fn the_end_of_the_connection_ends_an_answer_or_cuts_it() {
    let complete = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\n1";
    assert_eq!(read(complete, std::iter::empty()).unwrap().1, Eof::Between);
    for len in 1..complete.len() {
        assert_eq!(read(&complete[..len], std::iter::empty()).unwrap().1, Eof::Cut, "{len}");
    }
    let chunked = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
    assert_eq!(read(chunked, std::iter::empty()).unwrap().1, Eof::Cut);
}

#[test]
fn an_older_http_closes_unless_it_says_otherwise() {
    let closes = |head: &str| read(head.as_bytes(), std::iter::empty()).unwrap().0[0].0.closes;
    assert!(closes("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert!(!closes("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
}

#[test]
fn whatever_is_no_answer_is_said() {
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(HEAD_BYTES_MAX));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (bytes, expected) in [
        ("\x15\x03\x01\0\x02", "https://"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "something else"),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "no number"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "two lengths"),
        (&endless, "without end"),
        (&format!("{chunked}+1\r\n"), "without a size"),
        (&format!("{chunked}\r\n"), "without a size"),
        (&format!("{chunked}1\r\nab\r\n"), "longer than its size"),
        (&format!("{chunked}{}", "1".repeat(HEAD_BYTES_MAX + 1)), "without end"),
    ] {
        let error = read(bytes.as_bytes(), std::iter::empty()).unwrap_err();
        assert!(error.message.starts_with("expected an HTTP answer") && error.message.contains(expected), "{error}");
    }
}
