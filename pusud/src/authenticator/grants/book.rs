//! The book of grants: one for each authenticator, through all its instances.
//!
//! **Invariant:** the lock is never held during a call into a plugin, and orders for many grants let go of it in between.

use super::hearing::{Heard, Hearing, Next, Waiting};
use super::held::HeldGrant;
use super::mailbox::{Mail, Mailbox};
use super::order::{GrantOrders, Order, Whom};
use anyhow::{Context as _, Result};
use pusu_plugin_abi as abi;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;

/// Most orders that wait to be carried out.
const ORDERS_MAX: usize = 1024;
/// Grants of a subject that are reached before others may have the lock.
const REACHED_AT_ONCE: usize = 256;

/// The grants of one authenticator.
pub(in crate::authenticator) struct GrantBook {
    state: Mutex<State>,
    /// There are news, or another instance hears.
    news: Condvar,
    orders: OnceLock<SyncSender<Sealed>>,
    /// What clients sent is kept, so that they can be rechecked.
    can_recheck: AtomicBool,
    /// The instance that hears leaves too many news waiting.
    is_deaf: AtomicBool,
}

#[derive(Default)]
struct State {
    grants: BTreeMap<u64, Entry>,
    by_subject: HashMap<Arc<str>, BTreeSet<u64>>,
    /// Goes up with each grant and each order.
    sequence: u64,
    epochs: u64,
    hearing: Hearing,
}

struct Entry {
    /// `None`: it has none.
    subject: Option<Arc<str>>,
    sequence: u64,
    /// Milliseconds since 1970; 0: never.
    expires_unix_ms: u64,
    is_revoked: bool,
    place: Place,
}

/// Where orders for a grant go.
enum Place {
    /// It is on its way to the client; what has come for it meanwhile.
    Underway(Vec<Mail>),
    Mailbox(Arc<Mailbox>),
}

/// An order, with its place in the order of things.
struct Sealed {
    sequence: u64,
    order: Order,
}

impl GrantBook {
    pub(in crate::authenticator) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            news: Condvar::new(),
            orders: OnceLock::new(),
            can_recheck: AtomicBool::new(false),
            is_deaf: AtomicBool::new(false),
        })
    }

    /// Makes it usable for a plugin with the flag GRANTS.
    ///
    /// # Errors
    /// The system is out of threads.
    pub(in crate::authenticator) fn open(self: &Arc<Self>) -> Result<()> {
        if self.orders.get().is_none() {
            let (sender, receiver) = sync_channel(ORDERS_MAX);
            let book = Arc::downgrade(self);
            let carry_out = move || carry_out_all(&book, &receiver);
            thread::Builder::new()
                .name("pusu-grants".into())
                .spawn(carry_out)
                .context("the thread that ends grants cannot be started; raise the limit on processes")?;
            // It was not there, and only one thread swaps authenticators.
            let _ = self.orders.set(sender);
        }
        Ok(())
    }

    /// Whether clients can be rechecked (`on_swap: reauthorize`).
    pub(in crate::authenticator) fn set_can_recheck(&self, can_recheck: bool) {
        self.can_recheck.store(can_recheck, Ordering::Relaxed);
    }

    /// Whether clients can be rechecked.
    pub(in crate::authenticator) fn can_recheck(&self) -> bool {
        self.can_recheck.load(Ordering::Relaxed)
    }

    /// A verdict gives something: from here on `ticket` names it. `epoch` says which instance has decided.
    pub(in crate::authenticator) fn grant(
        self: &Arc<Self>,
        ticket: u64,
        epoch: u64,
        subject: &str,
        expires_unix_ms: u64,
    ) -> HeldGrant {
        let subject: Option<Arc<str>> = (!subject.is_empty()).then(|| subject.into());
        let state = &mut *self.lock();
        state.sequence += 1;
        if let Some(subject) = &subject {
            state.by_subject.entry(subject.clone()).or_default().insert(ticket);
        }
        let (sequence, place) = (state.sequence, Place::Underway(Vec::new()));
        state.grants.insert(ticket, Entry { subject, sequence, expires_unix_ms, is_revoked: false, place });
        state.hearing.granted(ticket, epoch);
        HeldGrant::new(ticket, self.clone())
    }

    /// The plugin takes `ticket` for one that was granted, and nobody has the grant.
    #[cfg(unix)]
    pub(in crate::authenticator) fn never_arrived(&self, ticket: u64) {
        self.ended(ticket, abi::ENDED_CLOSED);
    }

    pub(super) fn deliver_to(&self, ticket: u64, mailbox: &Arc<Mailbox>) {
        let state = &mut *self.lock();
        let Some(entry) = state.grants.get_mut(&ticket) else { return };
        if let Place::Underway(mail) = std::mem::replace(&mut entry.place, Place::Mailbox(mailbox.clone())) {
            mail.into_iter().for_each(|mail| mailbox.put(mail));
        }
    }

    pub(super) fn ended(&self, ticket: u64, why: i32) {
        let state = &mut *self.lock();
        if let Some(Entry { subject: Some(subject), .. }) = state.grants.remove(&ticket)
            && let Some(tickets) = state.by_subject.get_mut(&subject)
        {
            tickets.remove(&ticket);
            if tickets.is_empty() {
                state.by_subject.remove(&subject);
            }
        }
        if !state.hearing.ended(ticket, why) {
            self.is_deaf.store(true, Ordering::Relaxed);
        }
        self.news.notify_all();
    }

    /// Another instance hears from here on: its number. It adopts what lives. `hears`: it wants to at all.
    pub(in crate::authenticator) fn begin_hearing(&self, hears: bool) -> u64 {
        let state = &mut *self.lock();
        state.epochs += 1;
        let next_ticket = state.grants.last_key_value().map_or(0, |(last, _)| last + 1);
        state.hearing.begin(if hears { state.epochs } else { 0 }, next_ticket);
        self.is_deaf.store(false, Ordering::Relaxed);
        self.news.notify_all();
        state.epochs
    }

    /// The instance of `epoch` hears no more; if no other has taken its place, nobody does.
    pub(in crate::authenticator) fn end_hearing(&self, epoch: u64) {
        if self.lock().hearing.epoch == epoch {
            self.begin_hearing(false);
        }
    }

    /// Whether the instance that hears leaves too many news waiting.
    pub(in crate::authenticator) fn is_deaf(&self) -> bool {
        self.is_deaf.load(Ordering::Relaxed)
    }

    /// Waits for the next news for the instance of `epoch`.
    pub(in crate::authenticator) fn next_news(&self, epoch: u64) -> Next {
        let mut state = self.lock();
        loop {
            if state.hearing.epoch != epoch {
                return Next::Over;
            }
            if let Some(heard) = state.next_heard() {
                return Next::Heard(heard);
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn carry_out(&self, Sealed { sequence, order }: Sealed) {
        let (whom, mail): (_, Box<dyn Fn(u64) -> Mail>) = match order {
            Order::Revoke(whom, reason) => {
                let reason: Arc<str> = reason.into();
                (whom, Box::new(move |ticket| Mail::Revoke(ticket, reason.clone())))
            }
            Order::Recheck(whom) => (whom, Box::new(Mail::Recheck)),
        };
        match whom {
            Whom::Ticket(ticket) => self.lock().reach(ticket, sequence, &mail),
            Whom::Subject(subject) => {
                let mut from = 0;
                loop {
                    let mut state = self.lock();
                    let Some(tickets) = state.by_subject.get(&*subject) else { return };
                    let some: Vec<u64> = tickets.range(from..).take(REACHED_AT_ONCE).copied().collect();
                    let Some(last) = some.last() else { return };
                    from = last + 1;
                    some.into_iter().for_each(|ticket| state.reach(ticket, sequence, &mail));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No change of the state is left half made, so a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GrantOrders for GrantBook {
    fn order(&self, order: Order) -> i32 {
        if !order.is_well_formed() {
            return abi::MALFORMED;
        }
        if matches!(order, Order::Recheck(_)) && !self.can_recheck() {
            return abi::UNSUPPORTED;
        }
        let Some(orders) = self.orders.get() else { return abi::UNSUPPORTED };
        let mut state = self.lock();
        let sequence = state.sequence + 1;
        // In the order of their numbers: sent before another can have the next one.
        match orders.try_send(Sealed { sequence, order }) {
            Ok(()) => {
                state.sequence = sequence;
                abi::TAKEN
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => abi::FULL,
        }
    }
}

/// Carries out what comes, until the book is gone.
fn carry_out_all(book: &Weak<GrantBook>, orders: &Receiver<Sealed>) {
    while let Ok(sealed) = orders.recv() {
        let Some(book) = book.upgrade() else { return };
        book.carry_out(sealed);
    }
}

impl State {
    /// Hands an order to one grant, if it was made before the order.
    fn reach(&mut self, ticket: u64, sequence: u64, mail: &dyn Fn(u64) -> Mail) {
        let Some(entry) = self.grants.get_mut(&ticket).filter(|entry| entry.sequence < sequence) else { return };
        if entry.is_revoked {
            return;
        }
        let mail = mail(ticket);
        entry.is_revoked = matches!(mail, Mail::Revoke(..));
        match &mut entry.place {
            Place::Mailbox(mailbox) => mailbox.put(mail),
            Place::Underway(waiting) if waiting.contains(&mail) => {}
            Place::Underway(waiting) => waiting.push(mail),
        }
    }

    fn next_heard(&mut self) -> Option<Heard> {
        if !self.hearing.to_adopt.is_empty() {
            if let Some((ticket, entry)) = self.grants.range(self.hearing.to_adopt.clone()).next() {
                self.hearing.to_adopt.start = ticket + 1;
                return Some(entry.adopted(*ticket));
            }
            self.hearing.to_adopt = 0..0;
        }
        while let Some(waiting) = self.hearing.waiting.pop_front() {
            match waiting {
                Waiting::Ended(ticket, why) => return Some(Heard::Ended(ticket, why)),
                Waiting::Adopted(ticket) => match self.grants.get(&ticket) {
                    Some(entry) => return Some(entry.adopted(ticket)),
                    // It has ended before it was adopted: of that nothing needs to be heard.
                    None => self
                        .hearing
                        .waiting
                        .retain(|other| !matches!(other, Waiting::Ended(ended, _) if *ended == ticket)),
                },
            }
        }
        None
    }
}

impl Entry {
    fn adopted(&self, ticket: u64) -> Heard {
        let subject = self.subject.as_deref().unwrap_or_default().to_owned();
        Heard::Adopted(ticket, subject, self.expires_unix_ms)
    }
}

#[cfg(test)]
mod tests;
