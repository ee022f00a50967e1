//! Incoming data of one client, as far as the shard has to know: for how long none has come, and what is not finished.
//!
//! It stands in the outbox, which everybody who has to do with a client knows; hence the few bytes.

use crate::frames;
use std::cell::Cell;

/// The state of one client's incoming side.
#[derive(Default)]
pub struct Incoming {
    unfinished_bytes: Cell<u32>,
    arrived_bytes: Cell<u32>,
    activity: Cell<Activity>,
}

/// For how long nothing has come, in checks: there are two in one interval between pings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Activity {
    /// The handshake is not complete: it has a deadline of its own.
    #[default]
    Connecting,
    /// Something has come since the last check.
    Active,
    /// Nothing has come since the last check.
    Silent,
    /// Nothing has come for half an interval at least.
    LongSilent,
    /// A ping is on its way, and nothing has come since.
    Pinged,
    /// A ping is on its way, and something has come since.
    Answered,
}

impl Incoming {
    /// The client speaks WebSocket now and can be pinged.
    pub fn open(&self) {
        self.activity.set(Activity::Active);
    }

    /// Bytes have come.
    pub fn note_activity(&self) {
        self.activity.set(match self.activity.get() {
            Activity::Pinged | Activity::Answered => Activity::Answered,
            Activity::Connecting | Activity::Active | Activity::Silent | Activity::LongSilent => Activity::Active,
        });
    }

    /// Half an interval has passed; true if it is time for a ping, which counts as sent.
    pub fn check_silence(&self) -> bool {
        let (next, is_time) = match self.activity.get() {
            Activity::Active => (Activity::Silent, false),
            Activity::Silent => (Activity::LongSilent, false),
            Activity::LongSilent => (Activity::Pinged, true),
            same @ (Activity::Connecting | Activity::Pinged | Activity::Answered) => (same, false),
        };
        self.activity.set(next);
        is_time
    }

    /// The ping has no answer: the next one comes an interval later all the same.
    pub fn expect_no_answer(&self) {
        self.activity.set(Activity::Silent);
    }

    /// The time for the answer to the ping is over; whether anything has come.
    pub fn has_answered(&self) -> bool {
        // Counted from the ping, so that a client that only listens is pinged once in an interval.
        self.activity.replace(Activity::Silent) != Activity::Pinged
    }

    /// What has been received and not been handled yet, in bytes.
    pub fn unfinished_bytes(&self) -> usize {
        self.unfinished_bytes.get() as usize
    }

    /// How much of that has come: the rest is room that was made for what is to come.
    pub fn arrived_bytes(&self) -> usize {
        self.arrived_bytes.get() as usize
    }

    /// So much is taken by what has not been handled yet, and so much of it has come.
    pub fn set_unfinished(&self, bytes: usize, arrived: usize) {
        self.set_unfinished_bytes(bytes);
        self.arrived_bytes.set(u32::try_from(arrived).unwrap_or(u32::MAX));
    }

    /// So much has been received and not been handled yet.
    pub fn set_unfinished_bytes(&self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.arrived_bytes.set(bytes);
        frames::hold(bytes as usize);
        frames::release(self.unfinished_bytes.replace(bytes) as usize);
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.set_unfinished_bytes(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_client_is_pinged_after_an_interval_and_once_in_each() {
        let incoming = Incoming::default();
        assert!(
            !incoming.check_silence() && !incoming.check_silence() && !incoming.check_silence(),
            "nothing before the handshake"
        );
        incoming.open();
        assert_eq!([(); 4].map(|()| incoming.check_silence()), [false, false, true, false]);
        incoming.note_activity();
        assert!(incoming.has_answered());
        assert_eq!(
            [(); 3].map(|()| incoming.check_silence()),
            [false, true, false],
            "the next ping is an interval after the first"
        );
        assert!(!incoming.has_answered());
    }

    #[test]
    fn where_no_answer_is_expected_there_is_one_in_each_interval() {
        let incoming = Incoming::default();
        incoming.open();
        assert_eq!([(); 3].map(|()| incoming.check_silence()), [false, false, true]);
        for _ in 0..3 {
            incoming.expect_no_answer();
            assert_eq!([(); 2].map(|()| incoming.check_silence()), [false, true]);
        }
    }

    #[test]
    fn a_client_that_speaks_is_not_pinged() {
        let incoming = Incoming::default();
        incoming.open();
        for _ in 0..5 {
            assert!(!incoming.check_silence() && !incoming.check_silence());
            incoming.note_activity();
        }
    }

    #[test]
    fn what_is_unfinished_is_held_until_it_is_handled_or_the_client_gone() {
        let before = frames::held();
        let incoming = Incoming::default();
        for bytes in [10, 500, 20] {
            incoming.set_unfinished_bytes(bytes);
            assert_eq!((frames::held() - before, incoming.unfinished_bytes()), (bytes, bytes));
        }
        drop(incoming);
        assert_eq!(frames::held(), before);
    }
}
