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

/// What stands for a position on the page: each is one that the relay has made.
const POSITION: &str = "POSITION-1";

/// The positions so far, by what stands for them.
#[derive(Default)]
struct Positions(BTreeMap<String, String>);

impl Positions {
    /// A text of the page with the positions that stand there.
    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, position)| text.replace(name, position))
    }

    /// Takes the positions out of what has come, which is this otherwise.
    fn expect(&mut self, expected: &str, found: &str) {
        let (mut expected, mut rest) = (expected, found);
        while let Some(at) = expected.find(&POSITION[..POSITION.len() - 1]) {
            let (before, behind) = expected.split_at(at);
            let (name, behind) = behind.split_at(POSITION.len());
            rest = rest.strip_prefix(before).unwrap_or_else(|| panic!("{before:?} is not in {found:?}"));
            let is_position = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(byte);
            let (position, more) = rest.split_at(rest.bytes().take_while(|byte| is_position(byte)).count());
            let known = self.0.entry(name.to_owned()).or_insert_with(|| position.to_owned());
            // They begin with the minute in which they were made.
            assert_eq!(known[4..], position[4..], "{name} in {found:?}");
            (expected, rest) = (behind, more);
        }
        assert_eq!(rest, expected, "the end of {found:?}");
    }
}

/// Reads so many bytes.
fn read(raw: &mut Raw, bytes: usize) -> String {
    let mut read = vec![0; bytes];
    raw.stream().read_exact(&mut read).unwrap_or_else(|error| panic!("waiting for {bytes} bytes: {error}"));
    String::from_utf8(read).unwrap()
}

/// Reads an answer, which has at least these header lines.
fn expect_answer(raw: &mut Raw, lines: &[&str], positions: &mut Positions) {
    let (head, body) = lines.split_at(lines.iter().position(|line| line.is_empty()).expect("a head ends"));
    let answered = raw.read_head();
    let answered: Vec<&str> = answered.lines().collect();
    assert_eq!(answered[0], head[0], "{answered:?}");
    for line in &head[1..] {
        assert!(answered.contains(line), "{line:?} is not in {answered:?}");
    }
    match answered.iter().find_map(|line| line.strip_prefix("Content-Length: ")) {
        Some(length) => positions.expect(&body[1..].join("\n"), &read(raw, length.parse().unwrap())),
        None => expect_events(raw, &body[1..], positions),
    }
}

/// Reads what comes in a stream, each event in a chunk.
fn expect_events(raw: &mut Raw, lines: &[&str], positions: &mut Positions) {
    for event in lines.split_inclusive(|line| line.is_empty()) {
        let mut size = String::new();
        while !size.ends_with("\r\n") {
            size += &read(raw, 1);
        }
        let chunk = read(raw, usize::from_str_radix(size.trim_end(), 16).unwrap() + 2);
        let event: String = event.iter().map(|line| format!("{line}\n")).collect();
        positions.expect(&format!("{event}\r\n"), &chunk);
    }
}

fn play(block: &str, daemon: &Daemon, positions: &mut Positions) {
    println!("{block}");
    let mut connections: BTreeMap<&str, (Raw, bool)> = BTreeMap::new();
    for Words { connection, is_sent, lines } in words(block) {
        let (raw, asks) = connections.entry(connection).or_insert_with(|| (Raw::connect(daemon.address()), false));
        match (is_sent, *asks) {
            (true, _) => raw.send(positions.fill(&request(&lines))),
            (false, true) => expect_answer(raw, &lines, positions),
            (false, false) => expect_events(raw, &lines, positions),
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
        let mut positions = Positions::default();
        exchanges.iter().for_each(|exchange| play(exchange, &daemon, &mut positions));
    }
}
