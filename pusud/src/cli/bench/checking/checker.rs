//! Finds what a listener did not get, got twice, or got in the wrong order.
//!
//! One checker a listener. Every source numbers its messages to a channel from 0, and a listener is subscribed before
//! the first one is sent, so it has to see 0, 1, 2 and so on of each source.

use std::collections::BTreeMap;
use std::ops::Range;

/// What one listener has seen of the channel it listens to.
#[derive(Clone)]
pub(super) struct Checker {
    /// By source: the sequence that comes next.
    next: Box<[u64]>,
    /// By source and first sequence: where what was skipped and has not come since ends. Nearly always empty.
    skipped: BTreeMap<(u16, u64), u64>,
}

/// What a message means to the listener that got it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is the next one, or later ones are: then these were skipped, and are lost unless they come later.
    New { skipped: Range<u64> },
    /// It comes behind a later one.
    Late,
    /// It has come before.
    Again,
    /// There is no such source.
    Unknown,
}

impl Checker {
    pub(super) fn new(sources: u32) -> Self {
        Self { next: vec![0; sources as usize].into(), skipped: BTreeMap::new() }
    }

    /// Takes note of a message.
    pub(super) fn see(&mut self, source: u16, sequence: u64) -> Seen {
        let Some(next) = self.next.get_mut(usize::from(source)) else { return Seen::Unknown };
        let expected = *next;
        if sequence >= expected {
            *next = sequence + 1;
            if sequence > expected {
                self.skipped.insert((source, expected), sequence);
            }
            return Seen::New { skipped: expected..sequence };
        }
        let range = self.skipped.range(..=(source, sequence)).next_back();
        let Some((&(of, start), &end)) = range.filter(|&(&(of, _), &end)| of == source && sequence < end) else {
            return Seen::Again;
        };
        self.skipped.remove(&(of, start));
        if start < sequence {
            self.skipped.insert((source, start), sequence);
        }
        if sequence + 1 < end {
            self.skipped.insert((source, sequence + 1), end);
        }
        Seen::Late
    }

    /// What has not come of the `sent` messages of a source: how many, and the first of them.
    pub(super) fn lost(&self, source: u16, sent: u64) -> Option<(u64, u64)> {
        let next = self.next.get(usize::from(source)).copied().unwrap_or(0);
        let skipped = self.skipped.range((source, 0)..=(source, u64::MAX));
        let (mut first, mut count) = (None, 0);
        for (&(_, start), &end) in skipped {
            first = first.or(Some(start));
            count += end - start;
        }
        if next < sent {
            first = first.or(Some(next));
            count += sent - next;
        }
        first.map(|first| (count, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// What a checker of one source says to these sequences.
    fn seen(sequences: &[u64]) -> (Vec<Seen>, Checker) {
        let mut checker = Checker::new(1);
        (sequences.iter().map(|&sequence| checker.see(0, sequence)).collect(), checker)
    }

    fn new(skipped: Range<u64>) -> Seen {
        Seen::New { skipped }
    }

    #[test]
    fn everything_in_order_is_good() {
        let (seen, checker) = seen(&[0, 1, 2]);
        assert_eq!(seen, [new(0..0), new(1..1), new(2..2)]);
        assert_eq!(checker.lost(0, 3), None);
    }

    #[test]
    fn a_gap_is_found() {
        let (seen, checker) = seen(&[0, 3]);
        assert_eq!(seen, [new(0..0), new(1..3)]);
        assert_eq!(checker.lost(0, 4), Some((2, 1)));
    }

    #[test]
    fn a_missing_end_is_found() {
        assert_eq!(seen(&[0, 1]).1.lost(0, 5), Some((3, 2)));
        assert_eq!(seen(&[]).1.lost(0, 5), Some((5, 0)));
    }

    #[test]
    fn a_duplicate_is_found() {
        assert_eq!(seen(&[0, 0]).0[1], Seen::Again);
        assert_eq!(seen(&[0, 2, 1, 1]).0[3], Seen::Again, "also of one that came late");
    }

    #[test]
    fn a_reordering_is_neither_loss_nor_duplicate() {
        let (seen, checker) = seen(&[0, 2, 1, 3]);
        assert_eq!(seen, [new(0..0), new(1..2), Seen::Late, new(3..3)]);
        assert_eq!(checker.lost(0, 4), None);
    }

    #[test]
    fn sources_are_told_apart() {
        let mut checker = Checker::new(2);
        assert_eq!(checker.see(1, 1), new(0..1));
        assert_eq!(checker.see(0, 0), new(0..0));
        assert_eq!(checker.see(0, 0), Seen::Again, "what the other source skipped is not this one's");
        assert_eq!(checker.see(2, 0), Seen::Unknown);
        assert_eq!((checker.lost(0, 1), checker.lost(1, 2)), (None, Some((1, 0))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn agrees_with_a_set_of_all_that_was_seen(sequences in prop::collection::vec((0u16..2, 0u64..12), 0..40)) {
            let mut checker = Checker::new(2);
            let mut all = BTreeSet::new();
            for (source, sequence) in sequences {
                let next = all.range((source, 0)..=(source, 99)).next_back().map_or(0, |&(_, last)| last + 1);
                let expected = match (sequence >= next, all.insert((source, sequence))) {
                    (true, _) => new(next..sequence),
                    (false, true) => Seen::Late,
                    (false, false) => Seen::Again,
                };
                prop_assert_eq!(checker.see(source, sequence), expected);
                for source in 0..2 {
                    let missing: Vec<u64> = (0..12).filter(|&at| !all.contains(&(source, at))).collect();
                    let expected = missing.first().map(|&first| (missing.len() as u64, first));
                    prop_assert_eq!(checker.lost(source, 12), expected);
                }
            }
        }
    }
}
