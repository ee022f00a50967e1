//! The relay as a whole: bind, start the shards and the network, and have them serve.

mod acceptor;
mod assembly;
mod capacity;
mod certificates;
mod dealer;
mod doors;
mod endpoint;
mod entrance;
mod file_watch;
mod history;
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
pub use network_thread::{check_nats, settings};

use crate::admission::{self, Admission};
use crate::authenticator::{Authenticator, Decisions};
use crate::config::{Backplane, Config, HeldSettings, Overrides, WatchedFiles};
use crate::control::{self, ControlSocket, Operator, StatusGatherer};
use crate::operations::OperationsPort;
use crate::relay::network_thread::NetworkThread;
use crate::relay::revoking::{Revoking, finish};
use crate::relay::service::{Service, Stopped};
use crate::system::{HandedOver, Shutdown, Sighups};
use anyhow::Context as _;
use std::net::SocketAddr;
use std::sync::Arc;
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
        let parts = ceiling(&config, capacity.connections, config.relays.len());
        let memory_ceiling = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.bytes));
        let operations = OperationsPort::bind(&config, doors::take_operations(&config, &mut sockets))?;
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
        runtime.block_on(self.serve(shutdown, serving))
    }

    async fn serve(self, shutdown: Shutdown, serving: impl FnOnce()) -> anyhow::Result<()> {
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
        let held = HeldSettings::new(config.clone());
        let served = [doors.certificates(), certificates::of_operations(operations.as_ref())].concat();
        let (overrides, reload) =
            assembly::reload(reload_at, reload_requests, held.clone(), &authenticator, served, &files, &network)?;
        assembly::answer_health(&admission, &authenticator);
        let index = Arc::new(assembly::index(&config, network_thread.as_ref()));
        let logs = history::open(&config, network_thread.as_ref().map(NetworkThread::origin), &index)?;
        let (is_timed, is_asked) = (operations.is_some(), operations.is_some() || control.is_some());
        let common = assembly::common(&config, &authenticator, &admission, &revoking.revocations, is_timed, is_asked)?;
        let (inboxes, shards, queued_memory) = assembly::start_shards(&config, common, &index, &logs, network.clone())?;
        revoking.tell(inboxes.clone(), network.clone());
        let mut links = network_thread
            .map(|network| network.start(inboxes.clone(), index.clone(), revoking.revocations.clone(), logs.clone()))
            .transpose()?;
        let Revoking { revocations, saving } = revoking;
        let unsaved = saving.clone();
        let lists = assembly::lists(&config, &inboxes, &network, &revocations, &authenticator, &admission, &logs);
        let revoked = revocations.clone();
        let operator = Arc::new(Operator::new(inboxes.clone(), network.clone(), revoked, saving, decisions, lists));
        assembly::tell_who_decides(&authenticator, network.as_ref());
        let sources = control::Sources {
            inboxes: inboxes.clone(),
            index,
            admission: admission.clone(),
            network,
            files,
            queued_memory,
            memory_ceiling,
            revocations,
            logs,
        };
        let (at, operators) = (doors.described(), operations.as_ref().map(OperationsPort::described));
        let gatherer = Arc::new(StatusGatherer::new(config.clone(), at, operators, authenticator.clone(), sources));
        let status = format!("serving clients on {}", doors.addresses());
        doors.log();
        certificates::watch([doors.certificates(), certificates::of_operations(operations.as_ref())].concat())?;
        history::wait_for_others(links.as_mut()).await;
        let accepting = doors.open(&config, &inboxes, &admission)?;
        let reloading = (overrides, ask_to_reload.clone());
        let _operations = assembly::operations(operations, held, &gatherer, &operator, &authenticator, reloading)?;
        let service = Service::new(status, config, admission, inboxes, gatherer, authenticator.clone());
        serving();
        service.ready();
        let stopped = tokio::select! {
            stopped = service.run(accepting, shards, links, &mut shutdown, reload) => stopped,
            never = service.serve_control_and_watchdog(control, ask_to_reload, operator) => match never {},
        };
        // Whoever is in a hurry waits for no disk.
        finish(unsaved, matches!(stopped, Ok(Stopped::AtOnce))).await;
        assembly::end(&authenticator, &stopped);
        stopped.map(drop)
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
    if matches!(config.backplane, Backplane::Mesh) && config.has_network() {
        admission::RELAYS.bind(SocketAddr::new(config.network_address, 0))?;
    }
    Ok(())
}
