//! A relay that serves: its tasks from start to end, and its graceful shutdown.

use crate::admission::Admission;
use crate::authenticator::Authenticator;
use crate::config::{Config, format_duration};
use crate::control::{ControlSocket, Operator, ReloadRequest, StatusGatherer};
use crate::protocol::Disconnect;
use crate::relay::network_thread::Links;
use crate::relay::reload::Reload;
use crate::relay::watchdog;
use crate::routing::{InboxSender, Item, Stats};
use crate::system::{Listening, ServiceManager};
use anyhow::{Context as _, bail};
use futures_util::future::{SelectAll, join_all, select_all};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

/// What stopping may take beyond grace and spread: clients that are slow to go, and calls that are inside the plugin.
const STOP_EXTRA: Duration = Duration::from_secs(10);

/// Shards that run, each until it sends what it has counted.
type Running = SelectAll<oneshot::Receiver<Stats>>;

/// How it stopped.
pub(crate) enum Stopped {
    /// After the graceful shutdown.
    Gracefully,
    /// At once, since it was asked a second time.
    AtOnce,
}

/// A relay that serves.
pub(crate) struct Service {
    config: Arc<Config>,
    admission: Arc<Admission>,
    inboxes: Vec<InboxSender>,
    status_gatherer: Arc<StatusGatherer>,
    authenticator: Authenticator,
    manager: ServiceManager,
    /// What the service manager is told while all is well.
    serving: String,
}

impl Service {
    /// Serves the clients that come through the doors and that `admission` lets in, on the shards behind `inboxes`.
    pub(crate) fn new(
        serving: String,
        config: Arc<Config>,
        admission: Arc<Admission>,
        inboxes: Vec<InboxSender>,
        status_gatherer: Arc<StatusGatherer>,
        authenticator: Authenticator,
    ) -> Self {
        let manager = ServiceManager::default();
        Self { config, admission, inboxes, status_gatherer, authenticator, manager, serving }
    }

    /// Tells the service manager that clients are served.
    pub(crate) fn ready(&self) {
        self.manager.ready(&self.serving);
    }

    /// Serves until it is asked to stop, and then until the clients have been drained.
    ///
    /// # Errors
    /// Accepting has failed for good, or a shard or the network's thread has died.
    pub(crate) async fn run(
        &self,
        accepting: impl Future<Output = anyhow::Error>,
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
            // Connections that the system had accepted before the request to stop are still let in.
            biased;
            error = accepting => return Err(error),
            _ = &mut shards => bail!("a shard has died; its thread's panic is in the log"),
            () = died(&mut links) => bail!("the network's thread has died; its panic is in the log"),
            by = shutdown.requested() => by,
            never = reloading => match never {},
        };
        self.announce_stop(by);
        tokio::select! {
            stats = self.stop(shards, links) => log_stats(&stats?),
            by = shutdown.requested() => {
                warn!(by, "second signal: immediate shutdown");
                return Ok(Stopped::AtOnce);
            }
        }
        Ok(Stopped::Gracefully)
    }

    /// Serves the control socket and the service manager's watchdog, from the start of the relay to its end.
    pub(crate) async fn serve_control_and_watchdog(
        &self,
        control: Option<ControlSocket>,
        reload: mpsc::Sender<ReloadRequest>,
        operator: Arc<Operator>,
    ) -> Infallible {
        let controlling = async {
            match control {
                Some(control) => control.serve(self.status_gatherer.clone(), reload, operator).await,
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
        self.status_gatherer.set_stopping();
        self.authenticator.end_news();
        let limits = &self.config.limits;
        let time = limits.drain_grace + limits.drain_spread;
        let (grace, spread) = (format_duration(limits.drain_grace), format_duration(limits.drain_spread));
        info!(
            by,
            %grace,
            %spread,
            "graceful shutdown: no new connections; clients are served for `grace` and disconnected within `spread`; \
             send the signal again (or press Ctrl-C again) to stop at once"
        );
        self.manager
            .stopping("graceful shutdown: no new connections, clients are being disconnected", time + STOP_EXTRA);
    }

    /// Drains the clients of all shards and then ends the shards: none of them before the last client has gone, since it
    /// may publish to all the others.
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
        stats.refusals.add(&self.admission.refusals());
        // Behind the shards, so that whatever they have accepted leaves to the other relays too.
        if let Some(links) = links {
            links.stop().await;
        }
        Ok(stats)
    }
}

/// Waits until the network's thread has died; for ever where there is none.
async fn died(links: &mut Option<Links>) {
    match links {
        Some(links) => links.died().await,
        None => std::future::pending().await,
    }
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
