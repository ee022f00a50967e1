//! The status of a relay, gathered from its shards, its network and its authenticator when an operator asks.

use crate::admission::Admission;
use crate::authenticator::Authenticator;
use crate::config::{Config, FileReport, WatchedFiles};
use crate::control::entry::of_entries;
use crate::control::figures::{Memory, OpenFiles};
use crate::control::history;
use crate::control::shard_sums::ShardSums;
use crate::control::status::{self, State, Status};
use crate::control::{AuthenticatorEntry, History};
use crate::frames::QueuedMemory;
use crate::history::Logs;
use crate::protocol::{Refusal, Refusals};
use crate::revocation::Revocations;
use crate::routing::{self, Disconnects, Event, InboxSender, Report, ShardIndex};
use crate::system;
use crate::tls::{CertificateFacts, Served};
use std::collections::BTreeMap;
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
    listeners: Vec<DescribedListener>,
    operations: Option<DescribedOperations>,
    authenticator: Authenticator,
    sources: Sources,
    shard_sums: ShardSums,
    since: SystemTime,
    began: Instant,
    is_stopping: AtomicBool,
}

/// A listener, as far as it does not change.
pub struct DescribedListener {
    /// Its name.
    pub name: String,
    /// Where it is bound.
    pub address: String,
    /// What it serves; `None`: it does not encrypt.
    pub certificates: Option<Served>,
    /// Whether a PROXY header is required.
    pub proxy_protocol: bool,
    /// The trusted proxies, as the settings write them; `None`: nobody's.
    pub trusted_proxies: Option<String>,
}

/// Where operators connect.
pub struct DescribedOperations {
    /// Its address.
    pub url: String,
    /// What it serves; `None`: it does not encrypt.
    pub certificates: Option<Served>,
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
    /// The files whose texts stand in the settings.
    pub files: WatchedFiles,
    /// What waits for clients in all shards.
    pub queued_memory: Arc<QueuedMemory>,
    /// The most memory that the relay takes, as it is computed from its settings, in bytes.
    pub memory_ceiling: usize,
    /// Whose authorizations the operator has taken back.
    pub revocations: Arc<Revocations>,
    /// The logs of channels with history; `None`: no channel has any.
    pub logs: Option<Arc<Logs>>,
}

impl StatusGatherer {
    /// Of a relay that begins to serve now, through these listeners. `operations`: where operators connect.
    pub fn new(
        config: Arc<Config>,
        listeners: Vec<DescribedListener>,
        operations: Option<DescribedOperations>,
        authenticator: Authenticator,
        sources: Sources,
    ) -> Self {
        let (since, began) = (SystemTime::now(), Instant::now());
        let is_stopping = AtomicBool::new(false);
        Self {
            config,
            listeners,
            operations,
            authenticator,
            sources,
            shard_sums: ShardSums::default(),
            since,
            began,
            is_stopping,
        }
    }

    /// The relay has been asked to stop.
    pub fn set_stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Asks all sources. Takes a second where a shard hangs.
    pub async fn gather(&self) -> Status {
        let network = self.network().await;
        let reports = routing::collect_reports(&self.sources.inboxes, ANSWER_WITHIN).await;
        let hanging = reports.hanging();
        let mut sum = self.shard_sums.sum(reports);
        sum.stats.refusals.add(&self.sources.admission.refusals());
        Status {
            name: self.config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            state: if self.is_stopping.load(Ordering::Relaxed) { State::Stopping } else { State::Serving },
            address: self.listeners.first().map(|listener| listener.address.clone()).unwrap_or_default(),
            listeners: self.listeners(),
            operations: self.operations.as_ref().map(|operations| operations.url.clone()),
            operations_tls: self.operations.as_ref().and_then(|operations| operations.certificates.as_ref()).map(tls),
            since: self.since.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            uptime_seconds: self.began.elapsed().as_secs(),
            shards: self.sources.inboxes.len(),
            hanging_shards: hanging,
            connections: self.connections(&sum),
            channels: self.sources.index.local_channels_len(),
            subscriptions: sum.subscriptions,
            messages: messages(&sum),
            times: sum.stats.times.into(),
            memory: self.memory(&sum),
            open_files: OpenFiles::now(),
            disconnects: disconnects(&sum.stats.disconnects),
            ended: sum.stats.ended.newest(),
            refusals: refusals(&sum.stats.refusals),
            lost_log_lines: system::lost_log_lines(),
            left_out_log_lines: system::left_out_log_lines(),
            revocations: self.sources.revocations.count(),
            history: self.history(network.as_ref().map_or(0, |network| network.history_holes)),
            authenticator: self.authenticator(),
            option_files: self.option_files(),
            network_hangs: network.is_none(),
            nats: network.as_ref().and_then(|network| network.nats.clone()),
            relays: network.map_or_else(Vec::new, |network| network.peers),
        }
    }

    fn connections(&self, sum: &Report) -> status::Connections {
        status::Connections {
            total: sum.connections,
            unauthorized: sum.unauthorized,
            handshakes: self.sources.admission.census().handshakes,
            accepted: self.sources.admission.accepted(),
            by_transport: sum.transports,
            by_state: sum.states,
        }
    }

    fn memory(&self, sum: &Report) -> Memory {
        Memory {
            queued_bytes: self.sources.queued_memory.held_by_all(),
            queued_bytes_max: self.config.limits.max_queued_bytes,
            outbox_bytes: sum.outbox_bytes,
            ceiling_bytes: self.sources.memory_ceiling,
        }
    }

    fn listeners(&self) -> Vec<status::Listener> {
        let connections = self.sources.admission.by_listener();
        let listener = |(listener, connections): (&DescribedListener, usize)| status::Listener {
            name: listener.name.clone(),
            address: listener.address.clone(),
            connections,
            tls: listener.certificates.as_ref().map(tls),
            proxy_protocol: listener.proxy_protocol,
            trusted_proxies: listener.trusted_proxies.clone(),
        };
        self.listeners.iter().zip(connections).map(listener).collect()
    }

    /// On the thread of whoever asks.
    fn history(&self, holes: u64) -> Option<History> {
        self.sources.logs.as_ref().map(|logs| history::of_relay(logs, holes))
    }

    fn option_files(&self) -> Vec<status::OptionFile> {
        let file = |report: FileReport| status::OptionFile {
            path: report.path.display().to_string(),
            since: report.since.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            fault: report.fault,
        };
        self.sources.files.report().into_iter().map(file).collect()
    }

    /// The network; `None` if its thread does not answer.
    async fn network(&self) -> Option<routing::Status> {
        let Some(network) = &self.sources.network else { return Some(routing::Status::default()) };
        let (reply, answer) = oneshot::channel();
        network.send(Event::Status(reply));
        timeout(ANSWER_WITHIN, answer).await.ok()?.ok()
    }

    fn authenticator(&self) -> status::Authenticator {
        let identity = self.authenticator.identity();
        let counts = self.authenticator.counts();
        let entries = self.authenticator.entries();
        let (decisions, durations) = of_entries(&entries);
        status::Authenticator {
            id: identity.id,
            version: identity.version,
            sha256: identity.sha256,
            generation: self.authenticator.generation(),
            since: self.authenticator.since(),
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
            decisions,
            durations: durations.into(),
            entries: match self.authenticator.is_list() {
                true => entries.into_iter().map(AuthenticatorEntry::from).collect(),
                false => Vec::new(),
            },
        }
    }
}

fn messages(sum: &Report) -> status::Messages {
    let stats = &sum.stats;
    status::Messages {
        published: stats.published,
        published_bytes: stats.published_bytes,
        delivered: stats.delivered,
        delivered_bytes: stats.delivered_bytes,
        dropped: stats.dropped,
        dropped_bytes: stats.dropped_bytes,
    }
}

fn tls(served: &Served) -> status::Tls {
    let credentials = served.credentials();
    let certificate = |facts: &CertificateFacts| status::Certificate {
        names: facts.names.dns.iter().chain(&facts.names.ip).cloned().collect(),
        key: facts.key.to_string(),
        sha256: facts.sha256.clone(),
        not_after: facts.not_after,
    };
    status::Tls {
        certificates: credentials.facts().iter().map(certificate).collect(),
        client_certificates: served.files().client_certificates.to_string(),
        days_left: served.days_left(),
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
