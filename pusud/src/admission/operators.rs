//! Places for the operator's own sessions: a few, which are none of the clients'.
//!
//! **Invariant:** however many channels are tailed, something can be published.

use super::Admission;
use std::sync::Arc;

/// The most channels that are tailed at a time.
pub const TAILS_MAX: usize = 16;
/// Places beyond those, for messages that are published.
const PUBLISHING: usize = 2;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorUse {
    /// It tails a channel.
    Tail,
    /// It publishes a message.
    Publish,
}

/// The sessions that there are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Operators {
    tails: usize,
    publishing: usize,
}

impl Operators {
    fn of(&mut self, wanted: OperatorUse) -> &mut usize {
        match wanted {
            OperatorUse::Tail => &mut self.tails,
            OperatorUse::Publish => &mut self.publishing,
        }
    }
}

/// A place for one session; dropping it gives it back.
pub struct OperatorPlace(Arc<Admission>, OperatorUse);

impl Admission {
    /// Takes a place for a session of the operator's; `None`: all of them are taken.
    pub fn admit_operator(self: &Arc<Self>, wanted: OperatorUse) -> Option<OperatorPlace> {
        let operators = &mut self.state().operators;
        let has_room = match wanted {
            OperatorUse::Tail => operators.tails < TAILS_MAX,
            OperatorUse::Publish => true,
        };
        (has_room && operators.tails + operators.publishing < TAILS_MAX + PUBLISHING).then(|| {
            *operators.of(wanted) += 1;
            OperatorPlace(self.clone(), wanted)
        })
    }
}

impl Drop for OperatorPlace {
    fn drop(&mut self) {
        *self.0.state().operators.of(self.1) -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Limits;

    #[test]
    fn there_are_some_and_they_are_none_of_the_clients() {
        let admission = Admission::new(1, &Limits::default(), &[Default::default()]);
        let mut taken: Vec<_> = (0..TAILS_MAX).map(|_| admission.admit_operator(OperatorUse::Tail).unwrap()).collect();
        assert!(admission.admit_operator(OperatorUse::Tail).is_none() && admission.census() == Default::default());
        taken.pop();
        assert!(admission.admit_operator(OperatorUse::Tail).is_some());
    }

    #[test]
    fn tails_leave_room_for_messages() {
        let admission = Admission::new(1, &Limits::default(), &[Default::default()]);
        let take = |wanted| std::iter::from_fn(|| admission.admit_operator(wanted)).collect::<Vec<_>>();
        let tails = take(OperatorUse::Tail);
        let publishing = take(OperatorUse::Publish);
        assert_eq!((tails.len(), publishing.len()), (TAILS_MAX, PUBLISHING));
        drop((tails, publishing));
        assert_eq!(take(OperatorUse::Publish).len(), TAILS_MAX + PUBLISHING);
    }
}
