//! The relay as an operator is shown it, and as a probe is told.

use super::answers::{Answer, json};
use super::audit::audit;
use super::door::{Asked, Door};
use super::fault::Fault;
use super::query::Query;
use super::routes::Action;
use super::{health, metrics};
use crate::authenticator::Filter;
use crate::control::{self, ChannelQuery, ClientQuery, Problem, Recent, Status};
use crate::routing::{ChannelSort, ClientSort};
use hyper::{HeaderMap, StatusCode};
use serde::{Serialize, Serializer};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// How often the relay is looked at where nobody asks: for what has grown, and for threads that do not answer.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Decisions that are shown where nobody has said how many.
const DECISIONS: usize = 50;

/// The relay at one moment.
#[derive(Serialize)]
pub(super) struct Overview {
    #[serde(skip_serializing_if = "Option::is_none")]
    time_ms: Option<u64>,
    #[serde(serialize_with = "inside")]
    status: Arc<Status>,
    problems: Vec<Problem>,
    recent: Recent,
}

impl Door {
    /// Looks at the relay now and then, for ever.
    pub(super) async fn keep_looking(&self) {
        loop {
            self.history.note(&self.status.get().await);
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// The answer to a probe with these headers, if this is one.
    pub(super) async fn probe(&self, action: Action, verbose: bool, headers: &HeaderMap) -> Option<Answer> {
        match action {
            Action::Metrics => {
                let status = self.status.get().await;
                let checks = self.ready(&status);
                let is_ready = checks.iter().all(|(_, fault)| fault.is_none());
                Some(metrics::answer(&status, is_ready, headers))
            }
            Action::Livez => Some(health::report("livez", &health::live(&self.history), verbose)),
            Action::Readyz => {
                let status = self.status.get().await;
                let checks = self.ready(&status);
                Some(health::report("readyz", &checks, verbose))
            }
            _ => None,
        }
    }

    fn ready(&self, status: &Status) -> Vec<health::Check> {
        health::ready(status, &self.history.recent(status), self.parts.config.ready_needs_relays)
    }

    /// Shows what was asked for.
    pub(super) async fn look(self: &Arc<Self>, asked: Asked) -> Result<Answer, Fault> {
        let Asked { action, mut query, .. } = asked;
        let lists = self.parts.operator.lists();
        match action {
            Action::Live | Action::Tail => {
                let asked = Asked { query, ..asked };
                return if action == Action::Live { self.live(asked) } else { self.tail(asked).await };
            }
            Action::Session => {
                query.end()?;
                let who = asked.who.ok_or_else(|| Fault::new(StatusCode::UNAUTHORIZED, "sign in"))?;
                Ok(self.signed_in(&who))
            }
            Action::Status => {
                query.end()?;
                Ok(json(&self.overview(None).await))
            }
            Action::Clients => {
                let clients = lists.clients(&clients(query)?).await.map_err(Fault::wrong)?;
                Ok(json(&clients))
            }
            Action::Client => {
                let id = query.need("id")?;
                query.end()?;
                let client = lists.client(&id).await.map_err(Fault::wrong)?;
                let gone = || Fault::new(StatusCode::NOT_FOUND, "there is no such client here any more");
                Ok(json(&client.ok_or_else(gone)?))
            }
            Action::Channels => {
                let channels = lists.channels(&channels(query)?).await.map_err(Fault::wrong)?;
                Ok(json(&channels))
            }
            Action::Channel => {
                let name = query.need("name")?;
                query.end()?;
                Ok(json(&lists.channel(&name).await.map_err(Fault::wrong)?))
            }
            Action::History => {
                let channel = query.need("channel")?;
                let last = query.take_as("last", LIMIT)?;
                query.end()?;
                let who = asked.who.ok_or_else(|| Fault::new(StatusCode::UNAUTHORIZED, "sign in"))?;
                let kept = lists.kept(&channel, last).map_err(Fault::wrong)?;
                audit(&who, asked.caller, action.word(), Some(&format!("channel {channel:?}")), "shown");
                Ok(json(&kept))
            }
            Action::Revocations => {
                query.end()?;
                Ok(json(&json!({ "revocations": self.parts.operator.revocations() })))
            }
            Action::Decisions => Ok(json(&self.parts.operator.decisions(&decisions(query)?).map_err(Fault::wrong)?)),
            Action::Settings => {
                query.end()?;
                self.settings().await
            }
            _ => Err(Fault::new(StatusCode::NOT_FOUND, "there is nothing at this path")),
        }
    }

    /// The relay now. `time_ms`: when that is, where it is said.
    pub(super) async fn overview(&self, time_ms: Option<u64>) -> Overview {
        let status = self.status.get().await;
        let recent = self.history.recent(&status);
        Overview { time_ms, problems: control::problems(&status, &recent), status, recent }
    }
}

fn inside<S: Serializer>(status: &Arc<Status>, serializer: S) -> Result<S::Ok, S::Error> {
    status.serialize(serializer)
}

/// Now, in milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

const LIMIT: &str = "a whole number";

fn clients(mut query: Query) -> Result<ClientQuery, Fault> {
    let sorts = [
        ("waiting", ClientSort::Waiting),
        ("rate", ClientSort::Rate),
        ("subscriptions", ClientSort::Subscriptions),
        ("age", ClientSort::Age),
    ];
    let clients = ClientQuery {
        sort: query.take_word("sort", &sorts)?.unwrap_or_default(),
        limit: query.take_as("limit", LIMIT)?,
        address: query.take("address"),
        subject: query.take("subject"),
        channel: query.take("channel"),
    };
    query.end().map(|()| clients)
}

fn channels(mut query: Query) -> Result<ChannelQuery, Fault> {
    let sorts = [("listeners", ChannelSort::Listeners), ("rate", ChannelSort::Rate), ("name", ChannelSort::Name)];
    let channels = ChannelQuery {
        sort: query.take_word("sort", &sorts)?.unwrap_or_default(),
        limit: query.take_as("limit", LIMIT)?,
        search: query.take("search"),
    };
    query.end().map(|()| channels)
}

fn decisions(mut query: Query) -> Result<Filter, Fault> {
    let filter = Filter {
        address: query.take("address"),
        subject: query.take("subject"),
        refused: query.take_as("refused", "true or false")?.unwrap_or(false),
        last: query.take_as("last", LIMIT)?.unwrap_or(DECISIONS),
    };
    query.end().map(|()| filter)
}
