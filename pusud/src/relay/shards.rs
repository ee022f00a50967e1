//! The shards of a relay at its start: what they share, and their threads.

use crate::admission::Admission;
use crate::authenticator::Authenticator;
use crate::client;
use crate::config::Config;
use crate::frames::QueuedMemory;
use crate::relay::network_thread::NetworkThread;
use crate::revocation::Revocations;
use crate::routing::{self, Event, InboxSender, ShardIndex, Stats};
use crate::shard::Shard;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The index of so many shards, and of the network behind them.
pub(super) fn index(config: &Config, network_thread: Option<&NetworkThread>) -> ShardIndex {
    match network_thread {
        None => ShardIndex::default(),
        Some(network_thread) => ShardIndex::with_network(config.shards, network_thread.inbox()),
    }
}

/// What all shards have in common.
pub(super) fn common(
    config: &Config,
    authenticator: &Authenticator,
    admission: &Arc<Admission>,
    revocations: &Arc<Revocations>,
) -> anyhow::Result<client::Common> {
    Ok(client::Common {
        authenticator: authenticator.clone(),
        admission: admission.clone(),
        limits: config.limits.clone(),
        paths: client::Paths { publish: config.http.publish, events: config.http.events },
        seen: config.authenticator_sees.clone(),
        name: config.name.as_str().into(),
        shards: config.shards,
        verdicts: Arc::new(client::Verdicts::new(revocations.clone())),
        idempotency: Arc::new(client::IdempotencyKeys::new()?),
        revocations: revocations.clone(),
    })
}

/// Starts their threads. Gives their inboxes, and what each has counted when it ends.
pub(super) fn start_shards(
    config: &Config,
    common: client::Common,
    index: &Arc<ShardIndex>,
    network: Option<InboxSender<Event>>,
) -> anyhow::Result<(Vec<InboxSender>, Vec<oneshot::Receiver<Stats>>)> {
    let (inboxes, receivers): (Vec<_>, Vec<_>) =
        (0..config.shards).map(|_| routing::shard_inbox(config.shards, config.limits.max_queued_bytes)).unzip();
    let queued_memory = Arc::new(QueuedMemory::new(config.shards, config.limits.max_queued_bytes));
    let shards = receivers
        .into_iter()
        .enumerate()
        .map(|(number, inbox)| {
            let shard = Shard {
                number,
                inbox,
                inboxes: inboxes.clone(),
                network: network.clone(),
                index: index.clone(),
                queued_memory: queued_memory.clone(),
                common: common.clone(),
            };
            shard.start()
        })
        .collect::<anyhow::Result<_>>()?;
    Ok((inboxes, shards))
}
