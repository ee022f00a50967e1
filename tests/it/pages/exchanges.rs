//! docs/protocol/client.md, its requests over HTTP: each is sent as it is printed, and answered as it is printed.

use super::page::blocks;
use super::protocol::daemon_of_the_page;
use crate::harness::{Daemon, Raw};
use std::collections::BTreeMap;
use std::io::Read as _;

const PAGE: &str = "docs/protocol/client.md";

/// Lines in a row that go the same way over one connection.
struct Words<'a> {
    connection: &'a str,
    is_sent: bool,
    lines: Vec<&'a str>,
}

/// A block, in its order.
fn words(block: &str) -> Vec<Words<'_>> {
    let mut all: Vec<Words<'_>> = Vec::new();
    for line in block.lines() {
        let (connection, rest) = line.split_once(' ').unwrap();
        let (arrow, text) = rest.split_once(' ').unwrap_or((rest, ""));
        assert!(["→", "←"].contains(&arrow), "what is {line}?");
        let is_sent = arrow == "→";
        match all.last_mut() {
            Some(last) if (last.connection, last.is_sent) == (connection, is_sent) => last.lines.push(text),
            _ => all.push(Words { connection, is_sent, lines: vec![text] }),
        }
    }
    all
}

/// A request in bytes.
fn request(lines: &[&str]) -> String {
    let (head, body) = lines.split_at(lines.iter().position(|line| line.is_empty()).expect("a head ends"));
    let head: String = head.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{head}\r\n{}", body[1..].join("\n"))
}

/// Reads as many bytes as are expected.
fn expect(raw: &mut Raw, expected: &str) {
    let mut read = vec![0; expected.len()];
    raw.stream().read_exact(&mut read).unwrap_or_else(|error| panic!("waiting for {expected:?}: {error}"));
    assert_eq!(String::from_utf8_lossy(&read), expected);
}

/// Reads an answer, which has at least these header lines.
fn expect_answer(raw: &mut Raw, lines: &[&str]) {
    let (head, body) = lines.split_at(lines.iter().position(|line| line.is_empty()).expect("a head ends"));
    let answered = raw.read_head();
    let answered: Vec<&str> = answered.lines().collect();
    assert_eq!(answered[0], head[0], "{answered:?}");
    for line in &head[1..] {
        assert!(answered.contains(line), "{line:?} is not in {answered:?}");
    }
    let length = answered.iter().find_map(|line| line.strip_prefix("Content-Length: "));
    let expected = match length {
        Some(length) => {
            let expected = body[1..].join("\n");
            assert_eq!(length, expected.len().to_string(), "{expected:?}");
            expected
        }
        None => return expect_events(raw, &body[1..]),
    };
    expect(raw, &expected);
}

/// Reads what comes in a stream in chunks, as one chunk.
fn expect_events(raw: &mut Raw, lines: &[&str]) {
    let events: String = lines.iter().map(|line| format!("{line}\n")).collect();
    expect(raw, &format!("{:x}\r\n{events}\r\n", events.len()));
}

fn play(block: &str, daemon: &Daemon) {
    println!("{block}");
    let mut connections: BTreeMap<&str, (Raw, bool)> = BTreeMap::new();
    for Words { connection, is_sent, lines } in words(block) {
        let (raw, asks) = connections.entry(connection).or_insert_with(|| (Raw::connect(daemon.address()), false));
        match (is_sent, *asks) {
            (true, _) => raw.send(request(&lines)),
            (false, true) => expect_answer(raw, &lines),
            (false, false) => expect_events(raw, &lines),
        }
        *asks = is_sent;
    }
}

#[test]
fn its_requests_are_answered() {
    let exchanges = blocks(PAGE).into_iter().filter(|block| block.language == "http");
    let exchanges: Vec<String> = exchanges.map(|block| block.text).collect();
    assert!(exchanges.len() >= 4, "the page has lost its examples");
    for shards in [1, 3] {
        let daemon = daemon_of_the_page(shards);
        exchanges.iter().for_each(|exchange| play(exchange, &daemon));
    }
}
