//! Who waits for which answer: tickets, each with its deadline and the door its verdict goes through.
//!
//! **Invariant:** a ticket is answered once at most; whoever takes it out of the table is the one who answers.
//! **Invariant:** later tickets have later deadlines, so the first one in the table is the next to expire.

use super::verdict::Verdict;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// Over all instances of the process, so that a ticket of one can never be taken for a ticket of another. Never 0.
static NEXT: AtomicU64 = AtomicU64::new(1);

struct Open {
    deadline: Instant,
    reply: oneshot::Sender<Verdict>,
}

/// The open tickets of one instance.
#[derive(Default)]
pub(super) struct Tickets(Mutex<BTreeMap<u64, Open>>);

impl Tickets {
    /// Opens a ticket. The caller sees to it that `deadline` is not before that of an earlier ticket.
    pub(super) fn open(&self, deadline: Instant) -> (u64, oneshot::Receiver<Verdict>) {
        let (reply, receiver) = oneshot::channel();
        let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(ticket, Open { deadline, reply });
        (ticket, receiver)
    }

    /// Whether somebody still waits for the ticket's answer.
    pub(super) fn is_open(&self, ticket: u64) -> bool {
        self.lock().contains_key(&ticket)
    }

    /// Answers; `false` if nobody waits any more, and the verdict is dropped.
    pub(super) fn answer(&self, ticket: u64, verdict: Verdict) -> bool {
        let open = self.lock().remove(&ticket);
        // The one who waits may have gone in this very moment, which is as good as an answer that is not read.
        open.map(|open| open.reply.send(verdict)).is_some()
    }

    /// Closes a ticket whose answer is no longer wanted; `false` if it was closed already.
    pub(super) fn forget(&self, ticket: u64) -> bool {
        self.lock().remove(&ticket).is_some()
    }

    /// Answers every ticket whose time is up by `now`, and says which.
    pub(super) fn expire(&self, now: Instant, verdict: &Verdict) -> Vec<u64> {
        let mut expired = Vec::new();
        while let Some((ticket, open)) = self.pop_due(now) {
            // As in `answer`.
            let _ = open.reply.send(verdict.clone());
            expired.push(ticket);
        }
        expired
    }

    /// Answers every ticket, and says which.
    pub(super) fn close(&self, verdict: &Verdict) -> Vec<u64> {
        let all = std::mem::take(&mut *self.lock());
        let tickets = all.keys().copied().collect();
        for open in all.into_values() {
            // As in `answer`.
            let _ = open.reply.send(verdict.clone());
        }
        tickets
    }

    /// When the next ticket expires.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.lock().first_key_value().map(|(_, open)| open.deadline)
    }

    fn pop_due(&self, now: Instant) -> Option<(u64, Open)> {
        let mut table = self.lock();
        let first = table.first_entry()?;
        (first.get().deadline <= now).then(|| first.remove_entry())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Open>> {
        // No operation leaves the table half changed, so a panic elsewhere does not make it unusable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn refuse(text: &str) -> Verdict {
        Verdict::Refuse(text.into())
    }

    #[test]
    fn one_answer_each() {
        let tickets = Tickets::default();
        let (ticket, mut receiver) = tickets.open(Instant::now());
        assert_ne!(ticket, 0);
        assert!(tickets.answer(ticket, refuse("first")));
        assert!(!tickets.answer(ticket, refuse("second")));
        assert_eq!(receiver.try_recv().unwrap(), refuse("first"));
        let (other, _receiver) = tickets.open(Instant::now());
        assert_ne!(ticket, other);
        assert!(tickets.is_open(other) && tickets.forget(other) && !tickets.forget(other));
        assert!(!tickets.answer(other, refuse("late")));
    }

    #[test]
    fn expire_in_order_and_only_what_is_due() {
        let (tickets, start) = (Tickets::default(), Instant::now());
        let opened: Vec<_> = (0..3).map(|second| tickets.open(start + Duration::from_secs(second))).collect();
        assert_eq!(tickets.next_deadline(), Some(start));
        let expired = tickets.expire(start + Duration::from_secs(1), &refuse("time is up"));
        assert_eq!(expired, [opened[0].0, opened[1].0]);
        assert_eq!(tickets.close(&refuse("stopping")), [opened[2].0]);
        assert_eq!(tickets.next_deadline(), None);
    }
}
