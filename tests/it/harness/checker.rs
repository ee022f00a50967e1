//! One checker for every test that counts: what a publication carries, and what has to hold of those that arrive.
//!
//! A publication's content is `[source, number, micros, padding]`: who sent it, its number among those that this source
//! sent to this channel (from 1), and when, or 0. What arrives may not repeat, may not go back, and may not leave out
//! anything that came after `subscribe_ok`, except where a test breaks links and compares what is left out with what
//! was counted.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The content of a publication: JSON text.
pub(crate) fn stamped(source: usize, number: u64, padding: usize) -> String {
    format!(r#"[{source},{number},{},"{}"]"#, micros(), ".".repeat(padding))
}

/// One that does not say when it was sent, of so many bytes, where that is enough for its numbers.
pub(crate) fn numbered(source: usize, number: u64, bytes: usize) -> String {
    let bare = format!(r#"[{source},{number},0,""]"#);
    let padding = ".".repeat(bytes.saturating_sub(bare.len()));
    format!(r#"[{source},{number},0,"{padding}"]"#)
}

fn micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_micros()).unwrap()
}

/// A publication that was under way for longer than most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Late {
    /// Who sent it.
    pub(crate) source: usize,
    pub(crate) sent: Instant,
    pub(crate) arrived: Instant,
}

/// What arrives sooner is not late.
pub(crate) const LATE: Duration = Duration::from_millis(100);

/// What has arrived at one listener.
#[derive(Default)]
pub(crate) struct Checker {
    channels: HashMap<Box<str>, Vec<Seen>>,
    /// Publications that have arrived.
    pub(crate) received: u64,
    /// The longest that one was under way.
    pub(crate) slowest: Duration,
    /// All that were under way for longer than [`LATE`].
    pub(crate) late: Vec<Late>,
    /// A channel that has been asked for, without an answer yet.
    asked: Option<Box<str>>,
    may_lose: bool,
}

/// What has arrived of one source on one channel.
#[derive(Default, Clone, Copy)]
struct Seen {
    number: u64,
    /// How many.
    count: u64,
    /// Subscribed to since then: what was sent meanwhile is not expected.
    anew: bool,
}

impl Checker {
    /// One that takes it as it is when something is left out.
    pub(crate) fn of_losses() -> Self {
        Self { may_lose: true, ..Self::default() }
    }

    /// How many publications of this source have arrived on `channel`, and the number of the last one.
    pub(crate) fn arrived_of(&self, channel: &str, source: usize) -> (u64, u64) {
        let seen = self.channels.get(channel).and_then(|sources| sources.get(source));
        seen.map_or((0, 0), |seen| (seen.count, seen.number))
    }

    /// The listener asks for `channel`, perhaps again. Until the answer comes there may be gaps: what was on its way
    /// when it unsubscribed still arrives, and what was sent between that and now does not.
    pub(crate) fn asked(&mut self, channel: &str) {
        self.channels.entry(channel.into()).or_default();
        self.asked = Some(channel.into());
    }

    /// The answer has come: from here on nothing is left out.
    pub(crate) fn subscribed(&mut self, channel: &str) {
        self.asked = None;
        for seen in self.channels.entry(channel.into()).or_default() {
            seen.anew = true;
        }
    }

    /// Takes a message of the relay; false if it is no publication.
    pub(crate) fn take(&mut self, message: &[u8]) -> bool {
        let Some(rest) = message.strip_prefix(br#"{"type":"publish","channel":""#) else { return false };
        let message = std::str::from_utf8(rest).expect("the relay sends UTF-8");
        let (channel, content) = message.split_once(r#"","content":["#).expect("every publication here is stamped");
        let mut fields = content.splitn(4, ',').map(|field| field.parse::<u64>());
        let mut field = || fields.next().expect("a stamp has three numbers").expect("a stamp has three numbers");
        let (source, number, sent) = (field(), field(), field());
        let source = usize::try_from(source).unwrap();
        if sent > 0 {
            self.was_under_way(source, Duration::from_micros(micros().saturating_sub(sent)));
        }
        self.arrived(channel, source, number);
        true
    }

    fn was_under_way(&mut self, source: usize, way: Duration) {
        self.slowest = self.slowest.max(way);
        if way > LATE {
            let arrived = Instant::now();
            self.late.push(Late { source, sent: arrived - way, arrived });
        }
    }

    fn arrived(&mut self, channel: &str, source: usize, number: u64) {
        let sources = self.channels.get_mut(channel).unwrap_or_else(|| panic!("nobody subscribed to {channel:?}"));
        if sources.len() <= source {
            sources.resize(source + 1, Seen { number: 0, count: 0, anew: true });
        }
        let seen = &mut sources[source];
        assert!(
            number > seen.number,
            "source {source} on {channel:?}: number {number} came after {}: doubled or out of order",
            seen.number
        );
        if !seen.anew && !self.may_lose && self.asked.as_deref() != Some(channel) {
            let left_out = number - seen.number - 1;
            assert_eq!(left_out, 0, "source {source} on {channel:?}: so many were left out before number {number}");
        }
        *seen = Seen { number, count: seen.count + 1, anew: false };
        self.received += 1;
    }

    /// Asserts that of every one of `sources` the publications 1 to `last` have arrived on `channel`.
    pub(crate) fn assert_complete(&self, channel: &str, sources: usize, last: u64) {
        let seen: Vec<_> = self.channels[channel].iter().map(|seen| seen.number).collect();
        assert_eq!(seen, vec![last; sources], "what came last on {channel:?}, by source");
    }
}
