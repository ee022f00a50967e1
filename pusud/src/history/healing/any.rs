//! Any bytes as messages of a peer, for tests and fuzzing: they harm nobody.

use super::parse::parse;
use super::{Healing, Out, Way};
use crate::history::{Appended, Logs, Now, Origin, Rule, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The origins of the relay itself and of its two peers.
const ORIGINS: [u64; 3] = [1, 2, 3];

/// What is delivered: of each origin in each channel the last number.
#[derive(Default)]
struct Delivered {
    last: BTreeMap<(Box<str>, Origin), u64>,
    sent: usize,
}

impl Out for Delivered {
    fn send(&mut self, _peer: Origin, message: &[u8]) {
        self.sent += message.len();
        assert!(written_again(message), "a relay writes what it can read");
    }

    fn room(&self, _peer: Origin) -> usize {
        1 << 16
    }

    fn deliver(&mut self, _frames: &[u8], appended: Appended, _shards: u64) {
        let before = self.last.entry((appended.log.name().into(), appended.origin)).or_default();
        let last = appended.first + appended.count - 1;
        assert!(last > *before && appended.first > *before, "{appended:?} comes behind {before}");
        *before = last;
    }

    fn deliver_plain(&mut self, _channel: &str, _content: &str) {}
}

/// Whether a message can be read; if so, it is written again as it was.
///
/// # Panics
/// It is not.
pub fn written_again(message: &[u8]) -> bool {
    let Ok(read) = parse(message) else { return false };
    let mut again = Vec::new();
    read.push(&mut again);
    assert_eq!(again, message, "{read:?}");
    true
}

/// Pieces of `bytes`, each behind its length (2 bytes), are messages of one peer or the other, from which time passes. Nothing
/// is delivered twice, and nothing panics.
///
/// # Panics
/// Where that does not hold.
pub fn messages(bytes: &[u8], way: Way) {
    let origin = |bits| Origin::of_bits(bits).expect("it is small");
    let rule = Rule { channels: vec!["*".into()], size: 3, ttl: Duration::from_secs(60), name: None };
    let logs = Arc::new(Logs::new(Settings { rules: vec![rule], bytes_max: 1 << 16 }, origin(ORIGINS[0]), 1));
    let at = |ms: i64| Now { ms, minute: 1000 };
    let (mut ms, mut out) = (0, Delivered::default());
    let mut healing = Healing::new(logs, way, "a", at(ms));
    for (peer, name) in [(ORIGINS[1], "b"), (ORIGINS[2], "c")] {
        healing.linked(origin(peer), name, at(ms), &mut out);
    }
    let mut rest = bytes;
    while let Some((&[high, low], behind)) = rest.split_first_chunk() {
        let (message, behind) = behind.split_at(usize::from(low).min(behind.len()));
        let peer = origin(ORIGINS[1 + usize::from(high & 1)]);
        let is_read = healing.received(peer, message, at(ms), &mut out).is_ok();
        assert_eq!(is_read, written_again(message));
        ms += i64::from(high >> 1) * 20;
        healing.tick(at(ms), &mut out);
        rest = behind;
    }
    healing.drain(at(ms), &mut out);
    for _ in 0..20 {
        ms += 500;
        healing.tick(at(ms), &mut out);
    }
    assert!(healing.is_drained(at(ms)) && healing.holes() == 0 && healing.is_ready());
}
