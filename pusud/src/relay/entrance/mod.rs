//! The entrance: connections that begin with more than a request, a PROXY header or a TLS handshake, are taken in here, on
//! threads of their own, and dealt out to the shards behind it.
//!
//! So handshakes, which cost much more than anything else that a connection does, delay no deliveries.
//! **Invariant:** there are at most `max_handshakes` connections in it, each for `handshake_timeout` at the most.

mod failure;
mod handshake;
mod proxied;
mod visit;

pub(super) use visit::Visit;

use super::acceptor::Acceptor;
use super::dealer::Dealer;
use crate::admission::{Admission, Places, RefusalLog, TakenPlace, TurnedAway};
use crate::config::Config;
use crate::protocol::Refusal;
use anyhow::Context as _;
use failure::Failure;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

/// Most threads: with so many, tens of thousands of clients come back in a second.
pub(super) const ENTRANCE_THREADS_MAX: usize = 4;

/// A place in the entrance, which is free again when this is dropped.
pub(super) struct Seat(#[expect(dead_code, reason = "it is held, and nothing is asked of it")] OwnedSemaphorePermit);

/// The most guests at a time: connections that a limit keeps out, and that are let in as far as needed to tell them so, and
/// to answer health checks. Whoever comes next takes the place of the oldest.
pub(super) const GUESTS_MAX: usize = 16;

/// A connection that is not let in, and is told so.
pub(super) struct Guest {
    refusal: Refusal,
    place: TakenPlace,
}

/// The way into it.
pub(super) struct Entrance {
    seats: Arc<Semaphore>,
    guests: Places,
    threads: Vec<UnboundedSender<Visit>>,
    next: AtomicUsize,
}

/// Most bytes taken from a socket in one call.
const READ_BYTES_MAX: usize = 64 * 1024;

/// What all visits of a thread share.
struct Shared {
    dealer: Arc<Dealer>,
    admission: Arc<Admission>,
    turned_away: TurnedAway,
    timeout: Duration,
    guests: Places,
    /// For reading. Its content lives only as long as a call.
    buffer: RefCell<Box<[u8]>>,
    failures: UnboundedSender<Failure>,
}

impl Entrance {
    /// Starts its threads, one for two shards, if any of the acceptors needs it. They end when it is dropped.
    ///
    /// # Errors
    /// The system is out of threads or files.
    pub(super) fn start_for(
        acceptors: &[Acceptor],
        dealer: &Arc<Dealer>,
        admission: &Arc<Admission>,
        config: &Config,
    ) -> anyhow::Result<Option<Self>> {
        if !acceptors.iter().any(Acceptor::has_entrance) {
            return Ok(None);
        }
        let limits = &config.limits;
        let threads = config.shards.div_ceil(2).clamp(1, ENTRANCE_THREADS_MAX);
        let guests = Places::new(GUESTS_MAX);
        let start = |number: usize| {
            let (sender, visits) = mpsc::unbounded_channel();
            let (dealer, admission, timeout) = (dealer.clone(), admission.clone(), limits.handshake_timeout);
            let guests = guests.clone();
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().context("cannot start the runtime of the entrance")?;
            std::thread::Builder::new()
                .name(format!("pusu-entrance-{number}"))
                .spawn(move || LocalSet::new().block_on(&runtime, run(dealer, admission, timeout, guests, visits)))
                .context("cannot start a thread of the entrance")?;
            Ok(sender)
        };
        let threads = (0..threads).map(start).collect::<anyhow::Result<_>>()?;
        let seats = Arc::new(Semaphore::new(limits.max_handshakes));
        Ok(Some(Self { seats, guests, threads, next: AtomicUsize::new(0) }))
    }

    /// Waits for a place in it.
    pub(super) async fn seat(&self) -> Seat {
        Seat(self.seats.clone().acquire_owned().await.expect("it is never closed"))
    }

    /// Lets a connection in as a guest that was refused for this limit.
    pub(super) fn guest(&self, refusal: Refusal) -> Guest {
        Guest { refusal, place: self.guests.take() }
    }

    /// Takes a connection in.
    pub(super) fn send_in(&self, visit: Visit) {
        let thread = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        // A thread that has died drops what it is given: the connection is closed, and its place free again.
        self.threads[thread].send(visit).ok();
    }
}

/// Receives visits until nobody can send any more.
async fn run(
    dealer: Arc<Dealer>,
    admission: Arc<Admission>,
    timeout: Duration,
    guests: Places,
    mut visits: UnboundedReceiver<Visit>,
) {
    let (failures, mut failed) = mpsc::unbounded_channel();
    let buffer = RefCell::new(vec![0; READ_BYTES_MAX].into());
    let turned_away = admission.turned_away();
    let shared = Rc::new(Shared { dealer, admission, turned_away, timeout, guests, buffer, failures });
    let mut log = RefusalLog::default();
    loop {
        tokio::select! {
            visit = visits.recv() => match visit {
                Some(visit) => drop(spawn_local(visit.receive(shared.clone()))),
                None => return,
            },
            // The sender is in `shared`.
            Some(failure) = failed.recv() => log.note_reason(failure.refusal, failure.client, failure.reason),
            () = log.due() => log.write(Instant::now()),
        }
    }
}
