//! The parts of a relay put together: its shards, what they have in common, and its operator's hand; and the end of them.

use super::certificates::Certificates;
use super::file_watch;
use super::network_thread::NetworkThread;
use super::reload::Reload;
use super::service::Stopped;
use super::wishes::Wishes;
use crate::admission::Admission;
use crate::authenticator::{self, Authenticator};
use crate::client;
use crate::config::{Config, HeldSettings, Overrides, WatchedFiles};
use crate::control::{EntryNames, Lists, Operator, ReloadRequest, StatusGatherer};
use crate::frames::QueuedMemory;
use crate::history::Logs;
use crate::http::Health;
use crate::operations::{OperationsPort, Parts, Running};
use crate::revocation::Revocations;
use crate::routing::{self, Event, InboxSender, ShardIndex, Stats};
use crate::shard::Shard;
use crate::system::{self, Sighups};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// What each shard has counted, when it has ended.
type Ends = Vec<oneshot::Receiver<Stats>>;

/// Has health checks over the clients' port answered by what the authenticator is able to.
pub(super) fn answer_health(admission: &Arc<Admission>, authenticator: &Authenticator) {
    let asked = authenticator.clone();
    admission.turned_away().answer_health(move || match asked.ready() {
        true => Health::Serving,
        false => Health::Undecided,
    });
}

/// What answers an operator's questions about clients and channels.
pub(super) fn lists(
    config: &Config,
    inboxes: &[InboxSender],
    network: &Option<InboxSender<Event>>,
    revocations: &Arc<Revocations>,
    authenticator: &Authenticator,
    admission: &Arc<Admission>,
    logs: &Option<Arc<Logs>>,
) -> Arc<Lists> {
    let lists = Lists::new(
        inboxes.to_vec(),
        network.clone(),
        revocations.clone(),
        entry_names(authenticator),
        admission.clone(),
        config.limits.max_message_bytes,
    );
    Arc::new(lists.with_logs(logs.clone()))
}

/// Has other relays told how this one decides.
pub(super) fn tell_who_decides(authenticator: &Authenticator, network: Option<&InboxSender<Event>>) {
    if let Some(network) = network {
        network.send(Event::Deciders(authenticator.deciders()));
    }
}

/// Reads the settings again when that is wished for, and the files in them when they change; nothing where that is not
/// wanted. With it comes what stands over the settings.
///
/// # Errors
/// The system is out of threads.
pub(super) fn reload(
    at: Option<(Sighups, Overrides)>,
    requests: mpsc::Receiver<ReloadRequest>,
    held: HeldSettings,
    authenticator: &Authenticator,
    certificates: Vec<Certificates>,
    files: &WatchedFiles,
    network: &Option<InboxSender<Event>>,
) -> anyhow::Result<(Overrides, Option<Reload>)> {
    let Some((sighups, overrides)) = at else { return Ok(Default::default()) };
    let wishes = Wishes::new(sighups, requests);
    file_watch::watch(files, &wishes.changed_files())?;
    let (over, decides, files) = (overrides.clone(), authenticator.clone(), files.clone());
    Ok((overrides, Some(Reload::new(held, over, decides, certificates, files, wishes, network.clone()))))
}

/// Serves the operations port, if there is one. `reloading`: what stands over the settings, and takes wishes to read them.
///
/// # Errors
/// The system is out of threads or files.
pub(super) fn operations(
    port: Option<OperationsPort>,
    held: HeldSettings,
    gatherer: &Arc<StatusGatherer>,
    operator: &Arc<Operator>,
    authenticator: &Authenticator,
    reloading: (Overrides, mpsc::Sender<ReloadRequest>),
) -> anyhow::Result<Option<Running>> {
    let Some(port) = port else { return Ok(None) };
    let (overrides, reload) = reloading;
    let (config, status) = (held.now(), gatherer.clone());
    let (operator, authenticator) = (operator.clone(), authenticator.clone());
    port.start(Parts { config, held, overrides, status, operator, authenticator, reload }).map(Some)
}

/// Ends what has nothing to wait for any more, when the relay has `stopped` serving.
pub(super) fn end(authenticator: &Authenticator, stopped: &anyhow::Result<Stopped>) {
    if authenticator::loading_hangs() {
        // Threads that end wait for the lock of the system's loader, and so does whoever waits for them.
        system::finish_log();
        authenticator::exit_past_hanging_threads(stopped.is_err().into());
    }
    // Whoever is in a hurry waits for no calls that are inside the plugin.
    if !matches!(stopped, Ok(Stopped::AtOnce)) {
        authenticator.stop();
    }
}

/// Finds the names of the authenticators in a list.
fn entry_names(authenticator: &Authenticator) -> EntryNames {
    let authenticator = authenticator.clone();
    Box::new(move || {
        let is_list = authenticator.is_list();
        let entries = authenticator.entries().into_iter().filter(|entry| is_list && entry.trial.is_none());
        entries.map(|entry| (entry.number, entry.name)).collect()
    })
}

/// The index of so many shards, and of the network behind them.
pub(super) fn index(config: &Config, network_thread: Option<&NetworkThread>) -> ShardIndex {
    match network_thread {
        None => ShardIndex::default(),
        Some(network_thread) => network_thread.index(config.shards),
    }
}

/// What all shards have in common. `is_timed`: they look how long things take. `is_asked`: an operator may
/// ask whose a client is.
///
/// # Errors
/// The system gives no random numbers.
pub(super) fn common(
    config: &Config,
    authenticator: &Authenticator,
    admission: &Arc<Admission>,
    revocations: &Arc<Revocations>,
    is_timed: bool,
    is_asked: bool,
) -> anyhow::Result<client::Common> {
    Ok(client::Common {
        authenticator: authenticator.clone(),
        admission: admission.clone(),
        limits: config.limits.clone(),
        paths: client::Paths { publish: config.http.publish, events: config.http.events, history: config.http.history },
        seen: config.authenticator_sees.clone(),
        name: config.name.as_str().into(),
        shards: config.shards,
        verdicts: Arc::new(client::Verdicts::new(revocations.clone())),
        idempotency: Arc::new(client::IdempotencyKeys::new()?),
        revocations: revocations.clone(),
        is_asked,
        is_timed,
    })
}

/// Starts them. Gives where they are reached, what each has counted when it has ended, and what they hold for clients.
///
/// # Errors
/// The system is out of threads or files.
pub(super) fn start_shards(
    config: &Config,
    common: client::Common,
    index: &Arc<ShardIndex>,
    logs: &Option<Arc<Logs>>,
    network: Option<InboxSender<Event>>,
) -> anyhow::Result<(Vec<InboxSender>, Ends, Arc<QueuedMemory>)> {
    let queued_memory = Arc::new(QueuedMemory::new(config.shards, config.limits.max_queued_bytes));
    let (inboxes, receivers): (Vec<_>, Vec<_>) =
        (0..config.shards).map(|_| routing::shard_inbox(config.shards, config.limits.max_queued_bytes)).unzip();
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
                logs: logs.clone(),
                queued_memory: queued_memory.clone(),
                common: common.clone(),
            };
            shard.start()
        })
        .collect::<anyhow::Result<_>>()?;
    Ok((inboxes, shards, queued_memory))
}
