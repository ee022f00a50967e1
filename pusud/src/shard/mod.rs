//! A shard: one thread with a runtime of its own that serves its share of the clients, and its inbox.

pub mod drain;
mod memory;

pub use memory::shard_bytes_max;

use crate::client;
use crate::frames::QueuedMemory;
use crate::history::Logs;
use crate::hub::Hub;
use crate::protocol::Disconnect;
use crate::routing::{Event, Inbox, InboxSender, Item, Outgoing, ShardIndex, Stats};
use crate::shard::drain::drain;
use anyhow::Context as _;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::oneshot;
use tokio::task::{spawn_local, yield_now};
use tracing::debug;

/// What a shard is made of.
pub struct Shard {
    /// Its number, and its place in `inboxes`.
    pub number: usize,
    /// Where it is reached.
    pub inbox: Inbox,
    /// Where all shards are reached.
    pub inboxes: Vec<InboxSender>,
    /// Where the network of relays is reached, if there is one.
    pub network: Option<InboxSender<Event>>,
    /// Which shards have listeners of which channel.
    pub index: Arc<ShardIndex>,
    /// The logs of channels with history, if there can be such channels.
    pub logs: Option<Arc<Logs>>,
    /// The queued memory of all shards.
    pub queued_memory: Arc<QueuedMemory>,
    /// What it has in common with the other shards.
    pub common: client::Common,
}

impl Shard {
    /// Starts the shard's thread. The receiver gets what it has counted, when it has ended.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made: the system is out of threads or files.
    pub fn start(self) -> anyhow::Result<oneshot::Receiver<Stats>> {
        let number = self.number;
        let (done, ended) = oneshot::channel();
        let (started, wait_for_start) = mpsc::channel();
        std::thread::Builder::new()
            .name(format!("pusu-shard-{number}"))
            .spawn(move || match runtime() {
                Ok(runtime) => {
                    // Nobody listening to either means that the relay has given up meanwhile.
                    started.send(Ok(())).ok();
                    done.send(runtime.block_on(self.run())).ok();
                }
                Err(error) => {
                    started.send(Err(error)).ok();
                }
            })
            .with_context(|| format!("cannot start the thread of shard {number}"))?;
        wait_for_start
            .recv()
            .with_context(|| format!("the thread of shard {number} has died"))?
            .with_context(|| format!("cannot start the runtime of shard {number}"))?;
        Ok(ended)
    }

    async fn run(mut self) -> Stats {
        let limits = self.common.limits.clone();
        let outgoing = Outgoing::of_shard(self.number, self.inboxes, self.network);
        let (memory, is_timed) = (self.queued_memory, self.common.is_timed);
        let hub = Rc::new(Hub::new(outgoing, self.index, self.logs, memory, limits.clone(), is_timed));
        let context = Rc::new(client::Context::new(hub.clone(), self.common));
        let ends = context.clone();
        spawn_local(flush(hub.clone(), move || ends.ends.any_due()));
        let watching = hub.clone();
        spawn_local(async move { watching.watch_inboxes().await });
        spawn_local(client::run_timers(context.clone()));
        let mut stopping = false;
        while !stopping {
            for item in self.inbox.next().await {
                match item {
                    Item::Accepted(arrival) => {
                        let client = arrival.client;
                        match client::serve(&context, *arrival) {
                            Ok(serving) => drop(spawn_local(serving)),
                            Err(error) => debug!(%client, %error, "cannot serve a connection"),
                        }
                    }
                    Item::Batch(batch) => hub.deliver(&batch),
                    Item::Mark(channel) => hub.mark(&channel),
                    Item::Settled(number) => hub.acknowledged(number),
                    Item::Passed(number) => hub.passed(number),
                    Item::Reauthorize => context.reauthorizations.enqueue_all(),
                    Item::ForgetAuthorizations => context.reauthorizations.forget_all(),
                    Item::Revoked(numbers, tally) => {
                        if hub.suspect(&numbers, tally) {
                            let hub = hub.clone();
                            drop(spawn_local(async move { hub.look_for_suspects().await }));
                        }
                    }
                    Item::Kick(target, tally) => {
                        let hub = hub.clone();
                        drop(spawn_local(async move { tally.add(hub.kick(&target).await) }));
                    }
                    Item::Look(look) => drop(spawn_local(hub.clone().look(look))),
                    Item::Operator(socket, place, end) if !context.is_draining.get() => {
                        match client::serve_operator(&context, socket, place, end) {
                            Ok(serving) => drop(spawn_local(serving)),
                            Err(error) => debug!(%error, "cannot serve the operator"),
                        }
                    }
                    Item::Operator(_, _, end) => drop(end.set(Disconnect::GoingAway)),
                    // An error means that nobody waits for the answer any more.
                    Item::Report(reply) => drop(reply.send(hub.report())),
                    Item::Drain(drained) => {
                        context.is_draining.set(true);
                        hub.close_operators();
                        let context = context.clone();
                        let (grace, spread_max) = (limits.drain_grace, limits.drain_spread);
                        let hub = hub.clone();
                        spawn_local(async move {
                            drain(&hub, grace, spread_max, || context.admission.census().connections).await;
                            // Nobody listening means that the relay does not wait any more.
                            drained.send(()).ok();
                        });
                    }
                    Item::Stop => stopping = true,
                }
            }
        }
        hub.flush_all();
        hub.stats()
    }
}

/// The runtime that a shard's thread runs, and all its clients in.
///
/// # Errors
/// The system is out of files.
pub fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())
}

/// Writes at the end of every batch. It is woken by the first mark and runs behind the tasks that are ready then, which
/// is what makes a batch of what they do. Where an authorization `has_ended` it lets the client's task take back what waits
/// past that end.
pub async fn flush(hub: Rc<Hub>, has_ended: impl Fn() -> bool) {
    loop {
        poll_fn(|cx| hub.poll_flush_due(cx)).await;
        loop {
            if has_ended() {
                // The tasks are ready, and so have their turn before this one has it again.
                yield_now().await;
            }
            let has_more = hub.flush_some();
            if has_more || hub.anybody_waits() {
                // The runtime looks for what has come in meanwhile: whoever else is ready is not starved by those who wait.
                yield_now().await;
                hub.go_on();
            }
            if !has_more {
                break;
            }
        }
    }
}
