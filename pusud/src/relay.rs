//! The relay as a whole: bind, start the shards, accept, stop.

use crate::acceptor::Acceptor;
use crate::authenticator::Authenticator;
use crate::config::{Config, Overrides};
use crate::disconnect::Disconnect;
use crate::door::Door;
use crate::door::capacity::Capacity;
use crate::inbox::{self, InboxSender, Item};
use crate::queued::Queued;
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
    /// What stands over the settings when they are read again; `None`: they never are.
    overrides: Option<Overrides>,
}

/// Shards that run, each until it sends what it has counted.
type Running = SelectAll<oneshot::Receiver<Stats>>;

impl Relay {
    /// Binds the clients' port, and sees to it that there is room for the clients.
    ///
    /// # Errors
    /// The port is taken, the address is not this machine's, or there is no room: says what to change.
    pub fn bind(config: Config, authenticator: Authenticator) -> anyhow::Result<Self> {
        let capacity = Capacity::make(&config)?;
        if let Some(warning) = capacity.warning {
            warn!("{warning}");
        }
        let acceptor = Acceptor::bind(SocketAddr::new(config.client_address, config.client_port))?;
        let door = Door::new(capacity.connections, &config.limits);
        Ok(Self { config: Arc::new(config), authenticator, acceptor, door, overrides: None })
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
    /// Threads or runtimes cannot be made, or a shard has died.
    pub fn run(self, shutdown: Shutdown, serving: impl FnOnce()) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime of the acceptor")?;
        runtime.block_on(async {
            let mut shutdown = shutdown.listen().context("cannot catch the signals that stop the daemon")?;
            let reload = self.reload().context("cannot catch the signal that has the settings read again")?;
            let (inboxes, shards) = start_shards(&self.config, &self.authenticator, &self.door)?;
            serving();
            let stopped = self.serve(&inboxes, shards, &mut shutdown, reload).await;
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
            by = shutdown.requested() => info!(by, "stopping: no new connections"),
            never = reloading => match never {},
        }
        for inbox in inboxes {
            inbox.send(Item::Stop);
        }
        tokio::select! {
            stats = collect(shards) => {
                let mut stats = stats?;
                stats.refusals.add(&self.door.refusals());
                log_stats(&stats);
            }
            by = shutdown.requested() => warn!(by, "asked to stop again: stopping without waiting for the clients"),
        }
        Ok(())
    }
}

fn start_shards(
    config: &Arc<Config>,
    authenticator: &Authenticator,
    door: &Arc<Door>,
) -> anyhow::Result<(Vec<InboxSender>, Vec<oneshot::Receiver<Stats>>)> {
    let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..config.shards).map(|_| inbox::channel()).unzip();
    let index = Arc::new(ShardIndex::default());
    let queued = Arc::new(Queued::new(config.shards, config.limits.max_queued_bytes));
    let shards = receivers
        .into_iter()
        .enumerate()
        .map(|(number, inbox)| {
            let shard = Shard {
                number,
                inbox,
                inboxes: inboxes.clone(),
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
