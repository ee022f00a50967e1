//! From a source's text to a listener's frame.

use divan::Bencher;
use divan::counter::BytesCount;
use pusud::frames;
use pusud::protocol::{self, Limits};

/// Bytes of content: an empty one, the usual, a large one.
const SIZES: [usize; 3] = [2, 128, 64 * 1024];

fn content(size: usize) -> String {
    format!("\"{}\"", "x".repeat(size - 2))
}

#[divan::bench(args = SIZES)]
fn parse_publish(bencher: Bencher<'_, '_>, size: usize) {
    let text = format!(r#"{{"type":"publish","channel":"auction.1","content":{}}}"#, content(size));
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| assert!(protocol::parse(divan::black_box(&text), &Limits::default()).is_ok()));
}

#[divan::bench]
fn parse_subscribe(bencher: Bencher<'_, '_>) {
    let text = r#"{"type":"subscribe","channel":"auction.1"}"#;
    bencher.bench(|| assert!(protocol::parse(divan::black_box(text), &Limits::default()).is_ok()));
}

#[divan::bench(args = SIZES)]
fn encode_publish(bencher: Bencher<'_, '_>, size: usize) {
    let content = content(size);
    let mut out = Vec::new();
    bencher.counter(BytesCount::of_str(&content)).bench_local(|| {
        out.clear();
        frames::push_publish(&mut out, divan::black_box("auction.1"), divan::black_box(&content));
        divan::black_box_drop(&out);
    });
}
