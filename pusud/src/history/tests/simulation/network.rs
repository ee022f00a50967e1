//! Wires between relays: a link for each two of them, or something that loses and delays messages.

use crate::history::Way;

/// One direction's end of a link, as the relay there sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct End {
    /// The start of a relay at this end, and that at the other.
    pub(super) here: usize,
    pub(super) there: usize,
    /// Which link it is.
    pub(super) link: u64,
}

/// What is between two places.
pub(super) struct Wire {
    /// Nothing gets through.
    pub(super) is_cut: bool,
    /// Which link is the last one that was made.
    pub(super) link: u64,
    /// What arrives later than this over that link does not arrive.
    pub(super) ends_ms: i64,
    /// For the lower place and the higher one: what it takes for its link.
    pub(super) ends: [Option<End>; 2],
    /// When the last message arrives, in each direction.
    arrives_ms: [i64; 2],
    delay_ms: i64,
}

/// When a message arrives; `None`: it does not.
pub(super) struct Travel(pub(super) Option<i64>);

impl Wire {
    pub(super) fn new(rng: &mut fastrand::Rng) -> Self {
        Self {
            is_cut: false,
            link: 0,
            ends_ms: i64::MAX,
            ends: [None; 2],
            arrives_ms: [0; 2],
            delay_ms: [0, 2, 10, 40][rng.usize(..4)],
        }
    }

    /// A link begins, and both ends are up at this time.
    pub(super) fn begin(&mut self, link: u64, ms: i64) {
        (self.link, self.ends_ms, self.arrives_ms) = (link, i64::MAX, [ms; 2]);
    }

    /// Whether the link goes on, whatever the relays take it for.
    pub(super) fn goes_on(&self) -> bool {
        self.link > 0 && self.ends_ms == i64::MAX
    }

    /// It ends: what has not arrived at this time is lost.
    pub(super) fn end(&mut self, ms: i64) {
        self.ends_ms = self.ends_ms.min(ms);
    }

    /// A message is sent from one of both places.
    pub(super) fn travel(&mut self, from: usize, end: End, way: Way, ms: i64, rng: &mut fastrand::Rng) -> Travel {
        let delay_ms = self.delay_ms + rng.i64(0..=1 + self.delay_ms / 2);
        match way {
            Way::Lossy => {
                let late_ms = if rng.u8(..100) < 5 { rng.i64(0..900) } else { 0 };
                let is_lost = self.is_cut || rng.u8(..100) < 3;
                Travel((!is_lost).then_some(ms + delay_ms + late_ms))
            }
            Way::Links => {
                let arrives_ms = (ms + delay_ms).max(self.arrives_ms[from]);
                if end.link != self.link || arrives_ms >= self.ends_ms {
                    return Travel(None);
                }
                self.arrives_ms[from] = arrives_ms;
                Travel(Some(arrives_ms))
            }
        }
    }
}
