//! The relay as a whole: bind, start the shards and the network, accept, stop.

use crate::acceptor::Acceptor;
use crate::authenticator::Authenticator;
use crate::config::{Config, Overrides};
use crate::disconnect::Disconnect;
use crate::door::Door;
use crate::door::capacity::Capacity;
use crate::gateway::{Gateway, Links};
use crate::inbox::{self, InboxSender, Item};
use crate::network::Event;
use crate::reload::Reload;
use crate::shard::Shard;
use crate::shard_index::ShardIndex;
use crate::shutdown::{Listening, Shutdown};
use crate::stats::Stats;
use anyhow::{Context as _, bail};
use futures_util::future::{SelectAll, select_all};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::{info, warn};

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

    /// Serves until `shutdown` asks to stop, tells the clients, and returns when they have gone. A second wish to stop
    /// returns at once. `serving` is called when clients are served and the wish to stop is heard.
    ///
    /// # Errors
    /// Threads or runtimes cannot be made, or a shard or the network's thread has died.
    pub fn run(mut self, shutdown: Shutdown, serving: impl FnOnce()) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime of the acceptor")?;
        runtime.block_on(async {
            let mut shutdown = shutdown.listen().context("cannot catch the signals that stop the daemon")?;
            let reload = self.reload().context("cannot catch the signal that has the settings read again")?;
            let gateway = self.gateway.take();
            let index = Arc::new(index(&self.config, gateway.as_ref()));
            let network = gateway.as_ref().map(Gateway::inbox);
            let (inboxes, shards) = start_shards(&self.config, &self.authenticator, &self.door, &index, network)?;
            let links = gateway.map(|gateway| gateway.start(inboxes.clone(), index)).transpose()?;
            serving();
            let stopped = self.serve(&inboxes, shards, links, &mut shutdown, reload).await;
            self.authenticator.stop();
            stopped
        })
    }

    fn reload(&self) -> io::Result<Option<Reload>> {
        let listen =
            |overrides: &Overrides| Reload::listen(self.config.clone(), overrides.clone(), self.authenticator.clone());
        self.overrides.as_ref().map(listen).transpose()
    }

    async fn serve(
        &self,
        inboxes: &[InboxSender],
        shards: Vec<oneshot::Receiver<Stats>>,
        mut links: Option<Links>,
        shutdown: &mut Listening,
        reload: Option<Reload>,
    ) -> anyhow::Result<()> {
        let mut shards = select_all(shards);
        let reloading = async {
            match reload {
                Some(reload) => reload.run(inboxes).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = self.acceptor.run(inboxes, &self.door) => return Err(error),
            _ = &mut shards => bail!("a shard has died; its thread's panic is in the log"),
            () = died(&mut links) => bail!("the network's thread has died; its panic is in the log"),
            by = shutdown.requested() => info!(by, "stopping: no new connections"),
            never = reloading => match never {},
        }
        for inbox in inboxes {
            inbox.send(Item::Stop);
        }
        let stopped = async {
            let stats = collect(shards).await?;
            // Behind the shards, so that whatever they have accepted leaves to the other relays too.
            if let Some(links) = links {
                links.stop().await;
            }
            anyhow::Ok(stats)
        };
        tokio::select! {
            stats = stopped => {
                let mut stats = stats?;
                stats.refusals.add(&self.door.refusals());
                log_stats(&stats);
            }
            by = shutdown.requested() => warn!(by, "asked to stop again: stopping without waiting for the clients"),
        }
        Ok(())
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
