//! The book of grants: one for each authenticator, through all its instances.
//!
//! **Invariant:** the lock is never held during a call into a plugin, and orders for many grants let go of it in between.

use super::hearing::Next;
use super::held::HeldGrant;
use super::mailbox::Mailbox;
use super::order::{GrantOrders, Order, Whom};
use super::register::Register;
use crate::authenticator::decider::Offers;
use anyhow::{Context as _, Result};
use pusu_plugin_abi as abi;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;

/// Most orders that wait to be carried out.
const ORDERS_MAX: usize = 1024;
/// Grants of a subject that are reached before others may have the lock.
const REACHED_AT_ONCE: usize = 256;

/// The grants of one authenticator.
pub(in crate::authenticator) struct GrantBook {
    state: Mutex<Register>,
    /// There are news, or another instance hears.
    news: Condvar,
    /// The instance that hears has become deaf, or another one hears.
    deafness: Condvar,
    /// An order has been carried out.
    room: Condvar,
    orders: OnceLock<SyncSender<Sealed>>,
    /// What clients sent is kept, so that they can be rechecked.
    can_recheck: AtomicBool,
    /// The instance that hears leaves too many news waiting.
    is_deaf: AtomicBool,
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
            deafness: Condvar::new(),
            room: Condvar::new(),
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
        self.lock().add(ticket, epoch, subject, expires_unix_ms);
        HeldGrant::new(ticket, self.clone())
    }

    /// The instance of `epoch` takes `ticket` for one that was granted, and nobody has the grant: its end, at once.
    pub(in crate::authenticator) fn never_arrived(&self, ticket: u64, epoch: u64, why: i32) {
        let has_room = self.lock().hearing.ended(ticket, epoch, why);
        self.told(has_room);
    }

    pub(super) fn deliver_to(&self, ticket: u64, mailbox: &Arc<Mailbox>) {
        self.lock().deliver_to(ticket, mailbox);
    }

    pub(super) fn ended(&self, ticket: u64, why: i32) {
        let has_room = self.lock().remove(ticket, why);
        self.told(has_room);
    }

    fn told(&self, has_room: bool) {
        if !has_room && !self.is_deaf.swap(true, Ordering::Relaxed) {
            // Under the lock, so that whoever has just looked waits already.
            drop(self.lock());
            self.deafness.notify_all();
        }
        self.news.notify_all();
    }

    /// Another instance hears from here on, if it offers to, and adopts what lives. Its number is put into `epoch`.
    pub(in crate::authenticator) fn begin_hearing(&self, offers: Offers, epoch: &AtomicU64) {
        self.begin(&mut self.lock(), offers, epoch);
    }

    /// As [`Self::begin_hearing`], for a new process of the instance whose number `epoch` is; nothing if another instance
    /// hears by now.
    #[cfg(unix)]
    pub(in crate::authenticator) fn go_on_hearing(&self, offers: Offers, epoch: &AtomicU64) {
        let register = &mut *self.lock();
        let number = epoch.load(Ordering::Relaxed);
        if number > 0 && number == register.hearing.epoch {
            self.begin(register, offers, epoch);
        }
    }

    fn begin(&self, register: &mut Register, offers: Offers, epoch: &AtomicU64) {
        register.epochs += 1;
        let (number, next_ticket) = (register.epochs, register.next_ticket());
        register.hearing.begin(if offers.hears { number } else { 0 }, offers.hears && offers.adopts, next_ticket);
        // Before the lock is let go of: who is told that its turn is over looks here for the next one.
        epoch.store(number, Ordering::Relaxed);
        self.is_deaf.store(false, Ordering::Relaxed);
        self.news.notify_all();
        self.deafness.notify_all();
    }

    /// The instance of `epoch` hears no more; if no other has taken its place, nobody does.
    pub(in crate::authenticator) fn end_hearing(&self, epoch: u64) {
        let register = &mut *self.lock();
        if register.hearing.epoch == epoch {
            self.begin(register, Offers::default(), &AtomicU64::default());
        }
    }

    /// Whether the instance that hears leaves too many news waiting.
    pub(in crate::authenticator) fn is_deaf(&self) -> bool {
        self.is_deaf.load(Ordering::Relaxed)
    }

    /// Waits until the instance of `epoch` is deaf, unless that is said to be `known`; false: it hears no more.
    pub(in crate::authenticator) fn wait_until_deaf(&self, epoch: u64, known: bool) -> bool {
        let waits = |register: &mut Register| register.hearing.epoch == epoch && (known || !self.is_deaf());
        let waited = self.deafness.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        waited.hearing.epoch == epoch
    }

    /// Waits for the next news for the instance of `epoch`.
    pub(in crate::authenticator) fn next_news(&self, epoch: u64) -> Next {
        let mut register = self.lock();
        loop {
            if register.hearing.epoch != epoch {
                return Next::Over;
            }
            if let Some(heard) = register.next_heard() {
                return Next::Heard(heard);
            }
            register = self.news.wait(register).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`GrantOrders::order`], and waits for room where there is none: what the plugin has been told is taken, is.
    #[cfg(unix)]
    pub(in crate::authenticator) fn order_in_turn(&self, order: &Order) -> i32 {
        let mut register = self.lock();
        loop {
            match self.put(&mut register, order.clone()) {
                abi::FULL => register = self.room.wait(register).unwrap_or_else(PoisonError::into_inner),
                status => return status,
            }
        }
    }

    fn put(&self, register: &mut Register, order: Order) -> i32 {
        if !order.is_well_formed() {
            return abi::MALFORMED;
        }
        if matches!(order, Order::Recheck(_)) && !self.can_recheck() {
            return abi::UNSUPPORTED;
        }
        let Some(orders) = self.orders.get() else { return abi::UNSUPPORTED };
        let sequence = register.sequence + 1;
        if let Whom::Ticket(ticket) = order.whom() {
            // It is in the client's mailbox before anything that the plugin does next.
            register.sequence = sequence;
            register.reach(*ticket, sequence, &*order.mail());
            return abi::TAKEN;
        }
        // In the order of their numbers: sent before another can have the next one.
        match orders.try_send(Sealed { sequence, order }) {
            Ok(()) => {
                register.sequence = sequence;
                abi::TAKEN
            }
            Err(TrySendError::Full(_)) => abi::FULL,
            // Its thread lives as long as the book.
            Err(TrySendError::Disconnected(_)) => abi::UNSUPPORTED,
        }
    }

    fn carry_out(&self, Sealed { sequence, order }: &Sealed) {
        let Whom::Subject(subject) = order.whom() else { return };
        let mail = order.mail();
        let mut from = 0;
        loop {
            let mut register = self.lock();
            let some = register.tickets_of(subject, from, REACHED_AT_ONCE);
            let Some(last) = some.last() else { return };
            from = last + 1;
            some.into_iter().for_each(|ticket| register.reach(ticket, *sequence, &*mail));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Register> {
        // No change of the register is left half made, so a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GrantOrders for GrantBook {
    fn order(&self, order: Order) -> i32 {
        self.put(&mut self.lock(), order)
    }
}

/// Carries out what comes, until the book is gone.
fn carry_out_all(book: &Weak<GrantBook>, orders: &Receiver<Sealed>) {
    while let Ok(sealed) = orders.recv() {
        let Some(book) = book.upgrade() else { return };
        book.carry_out(&sealed);
        // It has had the lock since there was room, so that whoever found none waits already.
        book.room.notify_all();
    }
}

#[cfg(test)]
mod tests;
