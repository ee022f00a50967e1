//! Channels with history: appending a run, and what a listener that comes back has missed.

use divan::Bencher;
use divan::counter::ItemsCount;
use pusud::history::{Log, Logs, Origin, Position, Room, Rule, Settings, Start};
use std::sync::Arc;
use std::time::Duration;

/// How many starts of relays have published to the channel.
const ORIGINS: [u64; 3] = [1, 3, 16];
const CHANNEL: &str = "auction.1";

fn logs() -> Logs {
    let rule = Rule { channels: vec!["*".into()], size: 1000, ttl: Duration::from_secs(600), name: None };
    Logs::new(Settings { rules: vec![rule], ..Settings::default() }, origin(1), 1)
}

fn origin(number: u64) -> Origin {
    Origin::of_boot(&u128::from(number).to_be_bytes())
}

/// JSON text of 128 bytes.
fn content() -> String {
    format!("\"{}\"", "x".repeat(126))
}

/// The log of a channel to which so many have published.
fn log(logs: &Logs, origins: u64) -> Arc<Log> {
    let (log, content) = (logs.log(CHANNEL, logs.now()).unwrap(), content());
    for other in 2..=origins {
        let entries = [(content.as_str().into(), 0)].into_iter();
        log.receive(origin(other), 1, 1, entries, logs.now(), &mut Vec::new(), |_, _, _| {});
    }
    publish(logs, &log, &content, 1, &mut Vec::new());
    log
}

fn publish(logs: &Logs, log: &Arc<Log>, content: &str, messages: usize, frames: &mut Vec<u8>) {
    frames.clear();
    log.publish(0, std::iter::repeat_n(content, messages), logs.now(), frames, |_, _, _| {});
}

#[divan::bench(args = ORIGINS)]
fn append_one(bencher: Bencher<'_, '_>, origins: u64) {
    append(bencher, origins, 1);
}

#[divan::bench(args = ORIGINS)]
fn append_16(bencher: Bencher<'_, '_>, origins: u64) {
    append(bencher, origins, 16);
}

fn append(bencher: Bencher<'_, '_>, origins: u64, messages: usize) {
    let logs = logs();
    let (log, content, mut frames) = (log(&logs, origins), content(), Vec::new());
    bencher
        .counter(ItemsCount::new(messages))
        .bench_local(|| publish(&logs, &log, divan::black_box(&content), messages, &mut frames));
}

/// A listener that has missed the last 20, from the text that it brings.
#[divan::bench(args = ORIGINS)]
fn join_with_20_missed(bencher: Bencher<'_, '_>, origins: u64) {
    let logs = logs();
    let log = log(&logs, origins);
    let position = log.read(Start::Now, logs.now()).position.text();
    publish(&logs, &log, &content(), 20, &mut Vec::new());
    bencher.bench_local(|| {
        let since = Position::parse(divan::black_box(&position));
        let joining = log.join(0, Start::Since(since), Room::ANY, logs.now()).unwrap();
        assert_eq!(joining.missed.len(), 20);
        joining
    });
}
