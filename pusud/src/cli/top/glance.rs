//! A glance at a relay: its status, what has grown lately, and its clients and channels with the highest rates.

use anyhow::Context as _;
use pusud::control::{self, ChannelQuery, ClientQuery, Problem, Recent, Status};
use pusud::routing::{ChannelRow, ChannelSort, ClientRow, ClientSort};
use serde::Serialize;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What has grown in so long counts as lately.
const LATELY: Duration = Duration::from_secs(60);
/// Clients that are shown, and channels.
const ROWS: usize = 10;

/// What was seen.
#[derive(Serialize)]
pub(super) struct Glance {
    /// When, in milliseconds since 1970.
    pub(super) time_ms: u64,
    pub(super) rates: Rates,
    pub(super) problems: Vec<Problem>,
    pub(super) recent: Recent,
    pub(super) clients: Vec<ClientRow>,
    pub(super) channels: Vec<ChannelRow>,
    pub(super) status: Status,
}

/// What goes through in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Rates {
    pub(super) published: f64,
    pub(super) published_bytes: f64,
    pub(super) delivered: f64,
    pub(super) delivered_bytes: f64,
}

/// Whoever looks again and again.
pub(super) struct Watcher {
    path: PathBuf,
    /// The statuses of the last minute, the oldest first.
    seen: VecDeque<(Instant, Status)>,
}

impl Watcher {
    /// Of the relay behind this control socket.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: VecDeque::new() }
    }

    /// Looks. Takes a second, in which messages are counted.
    pub(super) fn glance(&mut self) -> anyhow::Result<Glance> {
        let path = &self.path;
        if self.seen.is_empty() {
            self.seen.push_back((Instant::now(), control::ask(path)?));
        }
        // At the same time, so that both share one count.
        let (clients, channels) = thread::scope(|scope| {
            let query = ChannelQuery { sort: ChannelSort::Rate, limit: Some(ROWS), search: None };
            let channels = scope.spawn(|| control::channels(path, query));
            let query = ClientQuery { sort: ClientSort::Rate, limit: Some(ROWS), ..ClientQuery::default() };
            (control::clients(path, query), channels.join())
        });
        let channels = channels.ok().context("the thread that asks for channels has ended")??;
        let (now, status) = (Instant::now(), control::ask(path)?);
        let rates = self.seen.back().map_or_else(Rates::default, |(then, before)| {
            rates(&Recent::between(before, &status, (now - *then).as_secs_f64()))
        });
        self.seen.push_back((now, status.clone()));
        while self.seen.len() > 2 && self.seen.get(1).is_some_and(|(then, _)| now - *then >= LATELY) {
            self.seen.pop_front();
        }
        let recent = self.seen.front().map_or_else(Recent::default, |(then, before)| {
            Recent::between(before, &status, (now - *then).as_secs_f64())
        });
        Ok(Glance {
            time_ms: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
            rates,
            problems: control::problems(&status, &recent),
            recent,
            clients: clients?.clients,
            channels: channels.channels,
            status,
        })
    }
}

fn rates(recent: &Recent) -> Rates {
    let a_second = |count: u64| if recent.seconds > 0.0 { count as f64 / recent.seconds } else { 0.0 };
    let messages = &recent.messages;
    Rates {
        published: a_second(messages.published),
        published_bytes: a_second(messages.published_bytes),
        delivered: a_second(messages.delivered),
        delivered_bytes: a_second(messages.delivered_bytes),
    }
}
