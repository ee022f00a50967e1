//! The status of a relay, gathered from its shards, its network and its authenticator when an operator asks.

use crate::admission::Admission;
use crate::authenticator::Authenticator;
use crate::config::Config;
use crate::control::status::{self, State, Status};
use crate::protocol::{Refusal, Refusals};
use crate::routing::{self, Disconnects, Event, InboxSender, PeerStatus, ShardIndex, ShardReports};
use crate::system;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a shard may take to answer before it is said to hang.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Gathers the status of a relay that serves.
pub struct StatusGatherer {
    config: Arc<Config>,
    address: SocketAddr,
    authenticator: Authenticator,
    sources: Sources,
    since: SystemTime,
    began: Instant,
    is_stopping: AtomicBool,
}

/// The parts of a relay that the status comes from.
pub struct Sources {
    /// The shards.
    pub inboxes: Vec<InboxSender>,
    /// Which of them have listeners of which channel.
    pub index: Arc<ShardIndex>,
    /// The admission of clients.
    pub admission: Arc<Admission>,
    /// The network of relays, if there is one.
    pub network: Option<InboxSender<Event>>,
}

impl StatusGatherer {
    /// Of a relay that begins to serve now, at `address`.
    pub fn new(config: Arc<Config>, address: SocketAddr, authenticator: Authenticator, sources: Sources) -> Self {
        let (since, began) = (SystemTime::now(), Instant::now());
        Self { config, address, authenticator, sources, since, began, is_stopping: AtomicBool::new(false) }
    }

    /// The relay has been asked to stop.
    pub fn set_stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Asks all sources. Takes a second where a shard hangs.
    pub async fn gather(&self) -> Status {
        let relays = self.relays().await;
        let ShardReports { mut sum, hanging } = routing::collect_reports(&self.sources.inboxes, ANSWER_WITHIN).await;
        sum.stats.refusals.add(&self.sources.admission.refusals());
        Status {
            name: self.config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            state: if self.is_stopping.load(Ordering::Relaxed) { State::Stopping } else { State::Serving },
            address: self.address.to_string(),
            since: self.since.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            uptime_seconds: self.began.elapsed().as_secs(),
            shards: self.sources.inboxes.len(),
            hanging_shards: hanging,
            connections: status::Connections { total: sum.connections, unauthorized: sum.unauthorized },
            channels: self.sources.index.local_channels_len(),
            subscriptions: sum.subscriptions,
            messages: status::Messages {
                published: sum.stats.published,
                delivered: sum.stats.delivered,
                dropped_bytes: sum.stats.dropped_bytes,
            },
            disconnects: disconnects(&sum.stats.disconnects),
            refusals: refusals(&sum.stats.refusals),
            lost_log_lines: system::lost_log_lines(),
            authenticator: self.authenticator(),
            network_hangs: relays.is_none(),
            relays: relays.unwrap_or_default(),
        }
    }

    /// The other relays; `None` if the network's thread does not answer.
    async fn relays(&self) -> Option<Vec<PeerStatus>> {
        let Some(network) = &self.sources.network else { return Some(Vec::new()) };
        let (reply, answer) = oneshot::channel();
        network.send(Event::Status(reply));
        Some(timeout(ANSWER_WITHIN, answer).await.ok()?.ok()?.peers)
    }

    fn authenticator(&self) -> status::Authenticator {
        let identity = self.authenticator.identity();
        let counts = self.authenticator.counts();
        status::Authenticator {
            id: identity.id,
            version: identity.version,
            sha256: identity.sha256,
            generation: self.authenticator.generation(),
            ready: self.authenticator.ready(),
            queued: self.authenticator.queued(),
            timed_out: counts.timed_out,
            turned_away: counts.turned_away,
            failed: counts.failed,
            late: counts.late,
            malformed: counts.malformed,
            stuck_threads: counts.stuck_threads,
            condition: self.authenticator.condition(),
            metrics: self
                .authenticator
                .metrics()
                .into_iter()
                .map(|(definition, value)| status::PluginMetric { definition, value })
                .collect(),
            restarts: counts.restarts,
        }
    }
}

fn disconnects(counted: &Disconnects) -> Vec<status::Disconnects> {
    let mut rows: Vec<_> = counted
        .iter()
        .map(|(disconnect, count)| status::Disconnects {
            code: disconnect.code(),
            reason: disconnect.reason().to_owned(),
            count,
        })
        .collect();
    rows.sort_by(|a, b| (a.code, &a.reason).cmp(&(b.code, &b.reason)));
    rows
}

/// All limits, also those that nothing was refused for: a program finds the same keys in every answer.
fn refusals(counted: &Refusals) -> BTreeMap<String, u64> {
    let none = Refusal::ALL.into_iter().map(|refusal| (refusal, 0));
    none.chain(counted.iter()).map(|(refusal, count)| (refusal.key().to_owned(), count)).collect()
}
