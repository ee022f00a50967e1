//! Requests and answers over a stream in memory.

use super::*;
use std::future::poll_fn;
use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};

const ACCEPTING: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 14\r\n\r\n{\"accepted\":1}";

fn pipeline(room: usize) -> (Pipeline<u32, DuplexStream>, DuplexStream) {
    let (stream, relay) = duplex(room);
    (Pipeline::new(stream), relay)
}

fn push(pipeline: &mut Pipeline<u32, DuplexStream>, numbers: std::ops::Range<u32>, request: &str) {
    for number in numbers {
        pipeline.push(number, |out, number| out.extend_from_slice(format!("{request}{number:04}").as_bytes()));
    }
}

/// What a step is, in a word.
async fn step(pipeline: &mut Pipeline<u32, DuplexStream>) -> String {
    match poll_fn(|cx| pipeline.poll_step(cx)).await {
        Ok(Step::Accepted(number)) => format!("accepted {number}"),
        Ok(Step::Refused(number, refusing)) => format!("refused {number}: {}", refusing.failure(None)),
        Ok(Step::Closed { announced }) => format!("closed {announced}"),
        Err(failure) => failure.message,
    }
}

#[tokio::test]
async fn answers_come_in_the_order_of_requests() {
    let (mut pipeline, mut relay) = pipeline(1 << 16);
    push(&mut pipeline, 0..4, "request ");
    assert!(!pipeline.is_written());
    let problem = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}";
    relay.write_all([ACCEPTING, ACCEPTING, problem, ACCEPTING].concat().as_bytes()).await.unwrap();
    for expected in
        ["accepted 0", "accepted 1", "refused 2: the relay refused: permission_denied (HTTP 403)", "accepted 3"]
    {
        assert_eq!(step(&mut pipeline).await, expected);
    }
    assert!(pipeline.unanswered().is_empty());
    drop(relay);
    assert_eq!((step(&mut pipeline).await.as_str(), pipeline.answered()), ("closed false", 4));
}

#[tokio::test]
async fn cuts_between_answers_change_nothing() {
    let (mut pipeline, mut relay) = pipeline(7);
    push(&mut pipeline, 0..20, "");
    let relay = async {
        let mut asked = vec![0; 20 * 4];
        relay.read_exact(&mut asked).await.unwrap();
        for _ in 0..20 {
            relay.write_all(ACCEPTING.as_bytes()).await.unwrap();
        }
        asked
    };
    let client = async {
        for number in 0..20 {
            assert_eq!(step(&mut pipeline).await, format!("accepted {number}"));
        }
    };
    let (asked, ()) = tokio::join!(relay, client);
    let expected: String = (0..20).map(|number| format!("{number:04}")).collect();
    assert_eq!(asked, expected.as_bytes());
}

/// The relay answers before it reads on, and there is room for neither.
#[tokio::test]
async fn it_reads_while_it_writes() {
    let (mut pipeline, mut relay) = pipeline(64);
    push(&mut pipeline, 0..500, &"x".repeat(96));
    let relay = async {
        let mut request = [0; 100];
        for _ in 0..500 {
            relay.read_exact(&mut request).await.unwrap();
            relay.write_all(ACCEPTING.as_bytes()).await.unwrap();
        }
    };
    let client = async {
        for number in 0..500 {
            assert_eq!(step(&mut pipeline).await, format!("accepted {number}"));
        }
    };
    tokio::join!(relay, client);
    assert!(pipeline.is_written());
}

#[tokio::test]
async fn who_is_not_answered_any_more_is_left() {
    let closing = ACCEPTING.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    for (said, expected, left) in [
        (closing.clone() + ACCEPTING, "closed true", 2),
        (ACCEPTING.to_owned(), "closed false", 2),
        (ACCEPTING.to_owned() + "HTTP/1.1 2", "the connection to the relay ended in the middle of an answer", 2),
        (ACCEPTING.to_owned() + "SSH", "expected an HTTP answer, found something else (invalid HTTP version)", 2),
    ] {
        let (mut pipeline, mut relay) = pipeline(1 << 16);
        push(&mut pipeline, 0..3, "");
        let relay = async move {
            relay.read_exact(&mut [0; 12]).await.unwrap();
            relay.write_all(said.as_bytes()).await.unwrap();
        };
        let (first, ()) = tokio::join!(step(&mut pipeline), relay);
        assert_eq!(first, "accepted 0");
        assert_eq!(step(&mut pipeline).await, expected);
        assert_eq!(pipeline.into_unanswered().len(), left);
    }
}

/// Some servers say why before they close a connection that is idle.
#[tokio::test]
async fn an_answer_that_nobody_awaits_is_an_end() {
    let (mut pipeline, mut relay) = pipeline(1 << 16);
    push(&mut pipeline, 0..1, "");
    relay.write_all([ACCEPTING, ACCEPTING].concat().as_bytes()).await.unwrap();
    assert_eq!(step(&mut pipeline).await, "accepted 0");
    assert_eq!(step(&mut pipeline).await, "closed true");
}

/// A relay that refuses may do so before it has read everything.
#[tokio::test]
async fn a_refusal_explains_more_than_that_nothing_can_be_sent() {
    let (mut pipeline, mut relay) = pipeline(64);
    push(&mut pipeline, 0..1, &"x".repeat(1000));
    let refusal = "HTTP/1.1 413 Content Too Large\r\n\r\ntoo large";
    relay.write_all(refusal.as_bytes()).await.unwrap();
    drop(relay);
    let expected = "refused 0: expected a relay that speaks HTTP, found a server that answers HTTP 413: too large";
    assert_eq!(step(&mut pipeline).await, expected);
}
