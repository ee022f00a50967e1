//! The relay as a whole: bind, start the shards and the network, and have them serve.

mod acceptor;
mod capacity;
mod certificates;
mod dealer;
mod doors;
mod endpoint;
mod entrance;
mod file_watch;
mod listener;
mod memory;
mod network_thread;
mod reload;
mod revoking;
mod service;
mod shard_picker;
#[cfg(unix)]
mod unix_socket;
mod watchdog;
mod wishes;

pub use capacity::Capacity;
pub use certificates::load_certificates;
pub use doors::Doors;
pub use memory::{Part, ceiling, usual};
pub use network_thread::settings;

use crate::admission::{self, Admission};
use crate::authenticator::{self, Authenticator, Decisions};
use crate::client;
use crate::config::{Config, Overrides, WatchedFiles};
use crate::control::{self, ControlSocket, Lists, Operator, StatusGatherer};
use crate::frames::QueuedMemory;
use crate::http::Health;
use crate::operations::{self, OperationsPort};
use crate::relay::network_thread::NetworkThread;
use crate::relay::reload::Reload;
use crate::relay::revoking::{Revoking, finish};
use crate::relay::service::{Service, Stopped};
use crate::relay::wishes::Wishes;
use crate::revocation::Revocations;
use crate::routing::Event;
use crate::routing::{self, InboxSender, ShardIndex, Stats};
use crate::shard::Shard;
use crate::system::{self, HandedOver, Shutdown, Sighups};
use anyhow::Context as _;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::warn;

/// A relay that has its sockets and does not serve yet.
pub struct Relay {
    config: Arc<Config>,
    authenticator: Authenticator,
    doors: Doors,
    admission: Arc<Admission>,
    /// `None`: operators have no port.
    operations: Option<OperationsPort>,
    /// `None`: no relays are configured.
    network_thread: Option<NetworkThread>,
    revoking: Revoking,
    decisions: Arc<Decisions>,
    /// The most memory that it takes, in bytes.
    memory_ceiling: usize,
    /// When the settings are read again, and what stands over them then; `None`: they never are.
    reload_at: Option<(Sighups, Overrides)>,
}

impl Relay {
    /// Binds the places where clients connect, and the one for other relays where relays are configured, and sees to it that
    /// there is room for the clients. Sockets of the service manager's stand for those that have their names.
    ///
    /// # Errors
    /// A port is taken, an address is not this machine's, the network's key or a certificate cannot be used, or there is no
    /// room: says what to change.
    pub fn bind(config: Config, authenticator: Authenticator, mut sockets: HandedOver) -> anyhow::Result<Self> {
        let capacity = Capacity::make(&config)?;
        if let Some(warning) = capacity.warning {
            warn!("{warning}");
        }
        let operations = OperationsPort::bind(&config, doors::take_operations(&config, &mut sockets))?;
        let parts = ceiling(&config, capacity.connections, config.relays.len());
        let memory_ceiling = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.bytes));
        let doors = Doors::bind(&config, sockets)?;
        let own_limits: Vec<_> = config.listeners.iter().map(|listener| listener.limits).collect();
        let admission = Admission::new(capacity.connections, &config.limits, &own_limits);
        let network_thread = NetworkThread::bind(&config)?;
        let revoking = Revoking::open(&config, network_thread.as_ref().and_then(NetworkThread::keys))?;
        let decisions = Arc::new(Decisions::new(config.remembered_decisions));
        authenticator.guard(revoking.revocations.clone(), decisions.clone());
        let config = Arc::new(config);
        Ok(Self {
            config,
            authenticator,
            doors,
            admission,
            operations,
            network_thread,
            revoking,
            decisions,
            memory_ceiling,
            reload_at: None,
        })
    }

    /// Reads the settings again at SIGHUP, under the same `overrides` as at the start.
    pub fn reloading(mut self, sighups: Sighups, overrides: Overrides) -> Self {
        self.reload_at = Some((sighups, overrides));
        self
    }

    /// Where clients connect, the first place of those: the real port, also where the settings say 0.
    pub fn client_address(&self) -> &str {
        self.doors.first_address()
    }

    /// Serves until `shutdown` asks to stop, drains the clients, and returns when they have gone. A second request to stop
    /// returns at once. `serving` is called when clients are served and the request to stop is heard.
    ///
    /// # Errors
    /// Threads or runtimes cannot be made, the control socket is in use, or a shard or the network's thread has died.
    pub fn run(self, shutdown: Shutdown, serving: impl FnOnce()) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime of the acceptor")?;
        runtime.block_on(async {
            let mut shutdown = shutdown.listen();
            let control = ControlSocket::open(&self.config.control_socket, self.config.client_port)?;
            let Self {
                config,
                authenticator,
                doors,
                admission,
                operations,
                network_thread,
                revoking,
                decisions,
                memory_ceiling,
                reload_at,
            } = self;
            let (ask_to_reload, reload_requests) = control::reload_requests();
            let network = network_thread.as_ref().map(NetworkThread::inbox);
            let files = WatchedFiles::of(&config);
            let reload = match reload_at {
                None => None,
                Some((sighups, overrides)) => {
                    let wishes = Wishes::new(sighups, reload_requests);
                    file_watch::watch(&files, &wishes.changed_files())?;
                    let (config, authenticator) = (config.clone(), authenticator.clone());
                    let own = certificates::of_operations(operations.as_ref());
                    let certificates = [doors.certificates(), own].concat();
                    let (files, network) = (files.clone(), network.clone());
                    Some(Reload::new(config, overrides, authenticator, certificates, files, wishes, network))
                }
            };
            let asked = authenticator.clone();
            admission.turned_away().answer_health(move || match asked.ready() {
                true => Health::Serving,
                false => Health::Undecided,
            });
            let index = Arc::new(index(&config, network_thread.as_ref()));
            let common = common(&config, &authenticator, &admission, &revoking.revocations)?;
            let queued_memory = Arc::new(QueuedMemory::new(config.shards, config.limits.max_queued_bytes));
            let (inboxes, shards) = start_shards(&config, common, &index, &queued_memory, network.clone())?;
            revoking.tell(inboxes.clone(), network.clone());
            let links = network_thread
                .map(|network| network.start(inboxes.clone(), index.clone(), revoking.revocations.clone()))
                .transpose()?;
            let Revoking { revocations, saving } = revoking;
            let unsaved = saving.clone();
            let lists = Arc::new(Lists::new(
                inboxes.clone(),
                network.clone(),
                revocations.clone(),
                entry_name(&authenticator),
                admission.clone(),
                config.limits.max_message_bytes,
            ));
            let operator =
                Operator::new(inboxes.clone(), network.clone(), revocations.clone(), saving, decisions, lists);
            if let Some(network) = &network {
                network.send(Event::Deciders(authenticator.deciders()));
            }
            let status_gatherer = Arc::new(StatusGatherer::new(
                config.clone(),
                doors.described(),
                operations.as_ref().map(OperationsPort::url),
                authenticator.clone(),
                control::Sources {
                    inboxes: inboxes.clone(),
                    index,
                    admission: admission.clone(),
                    network,
                    files,
                    queued_memory,
                    memory_ceiling,
                    revocations,
                },
            ));
            let status = format!("serving clients on {}", doors.addresses());
            doors.log();
            let accepting = doors.open(&config, &inboxes, &admission)?;
            certificates::watch(certificates::of_operations(operations.as_ref()))?;
            let parts = operations::Parts { config: config.clone(), status: status_gatherer.clone() };
            let _operations = operations.map(|port| port.start(parts)).transpose()?;
            let service = Service::new(status, config, admission, inboxes, status_gatherer, authenticator.clone());
            serving();
            service.ready();
            let stopped = tokio::select! {
                stopped = service.run(accepting, shards, links, &mut shutdown, reload) => stopped,
                never = service.serve_control_and_watchdog(control, ask_to_reload, operator) => match never {},
            };
            // Whoever is in a hurry waits for no disk, and for no calls that are inside the plugin.
            let is_in_a_hurry = matches!(stopped, Ok(Stopped::AtOnce));
            finish(unsaved, is_in_a_hurry).await;
            if authenticator::loading_hangs() {
                // Threads that end wait for the lock of the system's loader, and so does whoever waits for them.
                system::finish_log();
                authenticator::exit_past_hanging_threads(stopped.is_err().into());
            }
            if !is_in_a_hurry {
                authenticator.stop();
            }
            stopped.map(drop)
        })
    }
}

/// Makes sure that this machine has the addresses that the settings name; ports are left alone.
///
/// # Errors
/// It has not: says which key to change.
pub fn check_addresses(config: &Config) -> anyhow::Result<()> {
    for listener in &config.listeners {
        endpoint::check(listener)?;
    }
    if !config.relays.is_empty() {
        admission::RELAYS.bind(SocketAddr::new(config.network_address, 0))?;
    }
    Ok(())
}

/// Finds the names of authenticators.
fn entry_name(authenticator: &Authenticator) -> control::EntryName {
    let authenticator = authenticator.clone();
    Box::new(move |number| {
        let entries = authenticator.entries().into_iter();
        entries.filter(|entry| entry.number == number && entry.trial.is_none()).map(|entry| entry.name).next()
    })
}

/// The index of so many shards, and of the network behind them.
fn index(config: &Config, network_thread: Option<&NetworkThread>) -> ShardIndex {
    match network_thread {
        None => ShardIndex::default(),
        Some(network_thread) => ShardIndex::with_network(config.shards, network_thread.inbox()),
    }
}

/// What all shards have in common.
fn common(
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
        has_operations: true,
        is_timed: true,
    })
}

fn start_shards(
    config: &Config,
    common: client::Common,
    index: &Arc<ShardIndex>,
    queued_memory: &Arc<QueuedMemory>,
    network: Option<InboxSender<Event>>,
) -> anyhow::Result<(Vec<InboxSender>, Vec<oneshot::Receiver<Stats>>)> {
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
                queued_memory: queued_memory.clone(),
                common: common.clone(),
            };
            shard.start()
        })
        .collect::<anyhow::Result<_>>()?;
    Ok((inboxes, shards))
}
