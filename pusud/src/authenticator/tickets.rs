//! Tickets of the calls that wait for an answer, each with its deadline and the door its verdict goes through.
//!
//! **Invariant:** a ticket is answered once at most; whoever takes it out of the table is the one who answers.
//! **Invariant:** later tickets have later deadlines, so the first one in the table is the next to expire.

use super::answer::Understood;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// Over all instances of the process, so that a ticket of one can never be taken for a ticket of another. Never 0.
static NEXT: AtomicU64 = AtomicU64::new(1);

struct Open {
    deadline: Instant,
    reply: Reply,
}

/// The door through which the one who waits for a ticket is answered.
pub(super) struct Reply(oneshot::Sender<Understood>);

impl Reply {
    /// Answers, and wakes the one who waits.
    pub(super) fn send(self, answer: impl Into<Understood>) {
        // The one who waits may have gone in this very moment, which is as good as an answer that is not read.
        let _ = self.0.send(answer.into());
    }
}

/// The open tickets of one instance.
#[derive(Default)]
pub(super) struct Tickets(Mutex<BTreeMap<u64, Open>>);

impl Tickets {
    /// Opens a ticket. The caller sees to it that `deadline` is not before that of an earlier ticket.
    pub(super) fn open(&self, deadline: Instant) -> (u64, oneshot::Receiver<Understood>) {
        let (reply, receiver) = oneshot::channel();
        let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(ticket, Open { deadline, reply: Reply(reply) });
        (ticket, receiver)
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether somebody still waits for the ticket's answer.
    pub(super) fn is_open(&self, ticket: u64) -> bool {
        self.lock().contains_key(&ticket)
    }

    /// Takes a ticket out, to answer it; `None` if it was answered or given up before.
    pub(super) fn take(&self, ticket: u64) -> Option<Reply> {
        self.lock().remove(&ticket).map(|open| open.reply)
    }

    /// Takes out every ticket whose time is up by `now`, oldest first.
    pub(super) fn take_due(&self, now: Instant) -> Vec<(u64, Reply)> {
        let mut table = self.lock();
        let mut due = Vec::new();
        while let Some(first) = table.first_entry()
            && first.get().deadline <= now
        {
            let (ticket, open) = first.remove_entry();
            due.push((ticket, open.reply));
        }
        due
    }

    /// Takes out every ticket.
    pub(super) fn take_all(&self) -> Vec<(u64, Reply)> {
        std::mem::take(&mut *self.lock()).into_iter().map(|(ticket, open)| (ticket, open.reply)).collect()
    }

    /// When the next ticket expires.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.lock().first_key_value().map(|(_, open)| open.deadline)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Open>> {
        // No operation leaves the table half changed, so a panic elsewhere does not make it unusable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Decision;
    use super::*;
    use std::time::Duration;

    #[test]
    fn one_answer_each() {
        let tickets = Tickets::default();
        let (ticket, mut receiver) = tickets.open(Instant::now());
        assert_ne!(ticket, 0);
        assert!(tickets.is_open(ticket));
        tickets.take(ticket).unwrap().send(Decision::Refuse("first".into()));
        assert!(tickets.take(ticket).is_none() && !tickets.is_open(ticket));
        assert_eq!(receiver.try_recv().unwrap(), Decision::Refuse("first".into()).into());
        assert_ne!(tickets.open(Instant::now()).0, ticket);
    }

    #[test]
    fn fall_due_in_order_and_one_by_one() {
        let (tickets, start) = (Tickets::default(), Instant::now());
        let opened: Vec<_> = (0..3).map(|second| tickets.open(start + Duration::from_secs(second))).collect();
        assert_eq!(tickets.next_deadline(), Some(start));
        let due: Vec<_> =
            tickets.take_due(start + Duration::from_secs(1)).into_iter().map(|(ticket, _)| ticket).collect();
        assert_eq!(due, [opened[0].0, opened[1].0]);
        let rest: Vec<_> = tickets.take_all().into_iter().map(|(ticket, _)| ticket).collect();
        assert_eq!(rest, [opened[2].0]);
        assert_eq!(tickets.next_deadline(), None);
    }
}
