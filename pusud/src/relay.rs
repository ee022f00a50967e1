//! The relay as a whole: bind, start the shards and the network, accept, stop.

use crate::acceptor::Acceptor;
use crate::authenticator::Authenticator;
use crate::config::units::format_duration;
use crate::config::{Config, Overrides};
use crate::control::ControlSocket;
use crate::disconnect::Disconnect;
use crate::door::Door;
use crate::door::capacity::Capacity;
use crate::gateway::{Gateway, Links};
use crate::inbox::{self, InboxSender, Item};
use crate::network::Event;
use crate::overview::{self, Overview};
use crate::queued::Queued;
use crate::reload::Reload;
use crate::service_manager::ServiceManager;
use crate::shard::Shard;
use crate::shard_index::ShardIndex;
use crate::shutdown::{Listening, Shutdown};
use crate::stats::Stats;
use crate::watchdog;
use anyhow::{Context as _, bail};
use futures_util::future::{SelectAll, join_all, select_all};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::{info, warn};

/// What stopping may take beyond grace and spread: clients that are slow to go, and calls that are inside the plugin.
const STOP_EXTRA: Duration = Duration::from_secs(10);

/// A relay that has its sockets and does not serve yet.
pub struct Relay {
    config: Arc<Config>,
    authenticator: Authenticator,
    acceptor: Acceptor,
    door: Arc<Door>,
    /// `None`: no relays are configured.
    gateway: Option<Gateway>,
    /// What stands over the settings when they are read again; `None`: they never are.
    overrides: Option<Overrides>,
}

/// Shards that run, each until it sends what it has counted.
type Running = SelectAll<oneshot::Receiver<Stats>>;

impl Relay {
    /// Binds the clients' port, and the one for other relays where relays are configured, and sees to it that there is room
    /// for the clients.
    ///
    /// # Errors
    /// A port is taken, an address is not this machine's, the network's key cannot be read, or there is no room: says what
    /// to change.
    pub fn bind(config: Config, authenticator: Authenticator) -> anyhow::Result<Self> {
        let capacity = Capacity::make(&config)?;
        if let Some(warning) = capacity.warning {
            warn!("{warning}");
        }
        let acceptor = Acceptor::bind(SocketAddr::new(config.client_address, config.client_port))?;
        let door = Door::new(capacity.connections, &config.limits);
        let gateway = Gateway::bind(&config)?;
        Ok(Self { config: Arc::new(config), authenticator, acceptor, door, gateway, overrides: None })
    }

    /// Reads the settings again at SIGHUP, under the same `overrides` as at the start.
    pub fn reloading(mut self, overrides: Overrides) -> Self {
        self.overrides = Some(overrides);
        self
    }

    /// Where clients connect: the real port, also where the settings say 0.
    pub fn client_addr(&self) -> SocketAddr {
        self.acceptor.local_addr()
    }

    /// Serves until `shutdown` asks to stop, sees the clients off, and returns when they have gone. A second wish to stop
    /// returns at once. `serving` is called when clients are served and the wish to stop is heard.
    ///
    /// # Errors
    /// Threads or runtimes cannot be made, the control socket is in use, or a shard or the network's thread has died.
    pub fn run(self, shutdown: Shutdown, serving: impl FnOnce()) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime of the acceptor")?;
        runtime.block_on(async {
            let mut shutdown = shutdown.listen().context("cannot catch the signals that stop the daemon")?;
            let reload = self.reload().context("cannot catch the signal that has the settings read again")?;
            let control = ControlSocket::open(&self.config.control_socket, self.config.client_port)?;
            let Self { config, authenticator, acceptor, door, gateway, overrides: _ } = self;
            let index = Arc::new(index(&config, gateway.as_ref()));
            let network = gateway.as_ref().map(Gateway::inbox);
            let (inboxes, shards) = start_shards(&config, &authenticator, &door, &index, network.clone())?;
            let links = gateway.map(|gateway| gateway.start(inboxes.clone(), index.clone())).transpose()?;
            let address = acceptor.local_addr();
            let service = Service {
                manager: ServiceManager::default(),
                serving: format!("serving clients on {address}"),
                overview: Arc::new(Overview::new(
                    config.clone(),
                    address,
                    authenticator.clone(),
                    overview::Sources { inboxes: inboxes.clone(), index, door: door.clone(), network },
                )),
                config,
                door,
                inboxes,
            };
            serving();
            service.manager.ready(&service.serving);
            let stopped = tokio::select! {
                stopped = service.run(acceptor, shards, links, &mut shutdown, reload) => stopped,
                never = service.attend(control) => match never {},
            };
            // Whoever is in a hurry does not wait for calls that are inside the plugin either.
            if !matches!(stopped, Ok(Stopped::AtOnce)) {
                authenticator.stop();
            }
            stopped.map(drop)
        })
    }

    fn reload(&self) -> io::Result<Option<Reload>> {
        let listen =
            |overrides: &Overrides| Reload::listen(self.config.clone(), overrides.clone(), self.authenticator.clone());
        self.overrides.as_ref().map(listen).transpose()
    }
}

/// How it came to its end.
enum Stopped {
    /// The clients were seen off.
    InOrder,
    /// It was asked to a second time.
    AtOnce,
}

/// A relay that serves.
struct Service {
    config: Arc<Config>,
    door: Arc<Door>,
    inboxes: Vec<InboxSender>,
    overview: Arc<Overview>,
    manager: ServiceManager,
    /// What the service manager is told while all is well.
    serving: String,
}

impl Service {
    async fn run(
        &self,
        acceptor: Acceptor,
        shards: Vec<oneshot::Receiver<Stats>>,
        mut links: Option<Links>,
        shutdown: &mut Listening,
        reload: Option<Reload>,
    ) -> anyhow::Result<Stopped> {
        let mut shards = select_all(shards);
        let reloading = async {
            match reload {
                Some(reload) => reload.run(&self.inboxes, &self.manager, &self.serving).await,
                None => std::future::pending().await,
            }
        };
        let by = tokio::select! {
            // Who was accepted by the system before the wish to stop came is still let in.
            biased;
            error = acceptor.run(&self.inboxes, &self.door) => return Err(error),
            _ = &mut shards => bail!("a shard has died; its thread's panic is in the log"),
            () = died(&mut links) => bail!("the network's thread has died; its panic is in the log"),
            by = shutdown.requested() => by,
            never = reloading => match never {},
        };
        self.announce_stop(by);
        tokio::select! {
            stats = self.stop(shards, links) => log_stats(&stats?),
            by = shutdown.requested() => {
                warn!(by, "asked to stop again: stopping without waiting for the clients");
                return Ok(Stopped::AtOnce);
            }
        }
        Ok(Stopped::InOrder)
    }

    /// What goes on from the start to the end.
    async fn attend(&self, control: Option<ControlSocket>) -> Infallible {
        let controlling = async {
            match control {
                Some(control) => control.serve(self.overview.clone()).await,
                None => std::future::pending().await,
            }
        };
        let watching = watchdog::watch(&self.inboxes, self.manager.watchdog_period(), || self.manager.alive());
        tokio::select! {
            never = controlling => never,
            never = watching => never,
        }
    }

    fn announce_stop(&self, by: &str) {
        self.overview.stops();
        let limits = &self.config.limits;
        let time = limits.drain_grace + limits.drain_spread;
        let (grace, spread) = (format_duration(limits.drain_grace), format_duration(limits.drain_spread));
        info!(
            by,
            %grace,
            %spread,
            "stopping: no new connections; clients are served on for `grace` and disconnected over `spread`; send the \
             signal again (or press Ctrl-C again) to stop at once"
        );
        self.manager.stopping("stopping: no new connections, clients are seen off", time + STOP_EXTRA);
    }

    /// Sees all clients off and then ends the shards: none of them before the last client has gone, since it may publish
    /// to all the others.
    async fn stop(&self, mut shards: Running, links: Option<Links>) -> anyhow::Result<Stats> {
        let drain = |inbox: &InboxSender| {
            let (drained, wait) = oneshot::channel();
            inbox.send(Item::Drain(drained));
            wait
        };
        let draining: Vec<_> = self.inboxes.iter().map(drain).collect();
        tokio::select! {
            // An error means that the shard has died, which the other branch reports.
            _ = join_all(draining) => {}
            _ = &mut shards => bail!("a shard has died while stopping; its thread's panic is in the log"),
        }
        for inbox in &self.inboxes {
            inbox.send(Item::Stop);
        }
        let mut stats = collect(shards).await?;
        stats.refusals.add(&self.door.refusals());
        // Behind the shards, so that whatever they have accepted leaves to the other relays too.
        if let Some(links) = links {
            links.stop().await;
        }
        Ok(stats)
    }
}

/// The index of so many shards, and of the network behind them.
fn index(config: &Config, gateway: Option<&Gateway>) -> ShardIndex {
    match gateway {
        None => ShardIndex::default(),
        Some(gateway) => ShardIndex::with_network(config.shards, gateway.inbox()),
    }
}

/// Waits until the network's thread has died; for ever where there is none.
async fn died(links: &mut Option<Links>) {
    match links {
        Some(links) => links.died().await,
        None => std::future::pending().await,
    }
}

fn start_shards(
    config: &Arc<Config>,
    authenticator: &Authenticator,
    door: &Arc<Door>,
    index: &Arc<ShardIndex>,
    network: Option<InboxSender<Event>>,
) -> anyhow::Result<(Vec<InboxSender>, Vec<oneshot::Receiver<Stats>>)> {
    let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..config.shards).map(|_| inbox::channel()).unzip();
    let queued = Arc::new(Queued::new(config.shards, config.limits.max_queued_bytes));
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
                queued: queued.clone(),
                authenticator: authenticator.clone(),
                door: door.clone(),
                config: config.clone(),
            };
            shard.start()
        })
        .collect::<anyhow::Result<_>>()?;
    Ok((inboxes, shards))
}

async fn collect(mut running: Running) -> anyhow::Result<Stats> {
    let mut sum = Stats::default();
    loop {
        let (stats, _, rest) = running.await;
        sum.add(&stats.context("a shard has died while stopping; its thread's panic is in the log")?);
        if rest.is_empty() {
            return Ok(sum);
        }
        running = select_all(rest);
    }
}

fn log_stats(stats: &Stats) {
    info!(
        published = stats.published,
        delivered = stats.delivered,
        dropped_bytes = stats.dropped_bytes,
        slow_consumers = stats.disconnects.of(Disconnect::SlowConsumer),
        refused = %stats.refusals,
        "stopped"
    );
}
