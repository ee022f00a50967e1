//! Problems of a relay, in words: what its status, and what has grown since an earlier one, say is wrong, what to do about it,
//! and which view of the console shows it.
//!
//! Functions of values alone. **Invariant:** each problem is one sentence that names the thing and the way out.

mod authenticator;
mod history;
mod nats;
mod network;
mod traffic;

use crate::control::{Listener, Recent, State, Status};
use serde::{Deserialize, Serialize};

/// Days before its end from which on a certificate is a problem.
const CERTIFICATE_DAYS: i64 = 14;
/// The part of a bound, in percent, from which on it is near.
const NEAR_PERCENT: u64 = 80;

/// How grave a problem is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Somebody is not served.
    Error,
    /// Somebody may soon not be.
    #[default]
    Warning,
}

/// Where in the console it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The relay's state.
    #[default]
    Now,
    /// The relays and their links.
    Network,
    /// The clients.
    Clients,
    /// The channels.
    Channels,
    /// The authenticator and what it decides.
    Why,
    /// The settings.
    Settings,
}

/// One problem.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind it is.
    pub id: String,
    /// How grave it is.
    pub level: Level,
    /// What is wrong, and the way out, in one sentence.
    pub text: String,
    /// Where it is shown.
    pub view: View,
    /// The thing itself, where there is one to go to.
    pub item: Option<String>,
}

impl Problem {
    fn new(level: Level, id: &str, view: View, text: String) -> Self {
        Self { id: id.to_owned(), level, text, view, item: None }
    }

    fn error(id: &str, view: View, text: String) -> Self {
        Self::new(Level::Error, id, view, text)
    }

    fn warning(id: &str, view: View, text: String) -> Self {
        Self::new(Level::Warning, id, view, text)
    }

    fn about(self, item: impl Into<String>) -> Self {
        Self { item: Some(item.into()), ..self }
    }
}

/// What is wrong with a relay of this status, of which this has grown lately; the gravest first.
pub fn problems(status: &Status, recent: &Recent) -> Vec<Problem> {
    let mut found = of_the_process(status, recent);
    found.extend(authenticator::problems(status, recent));
    found.extend(certificates(status));
    found.extend(network::problems(status, recent));
    found.extend(status.nats.iter().flat_map(|nats| nats::problems(status, nats, recent)));
    found.extend(status.history.iter().flat_map(|kept| history::problems(kept, recent)));
    found.extend(traffic::problems(status, recent));
    found.sort_by_key(|problem| problem.level);
    found
}

fn of_the_process(status: &Status, recent: &Recent) -> Vec<Problem> {
    let mut found = Vec::new();
    if status.state == State::Stopping {
        let text = "The relay is stopping and accepts no clients: start it again, unless that was meant.".to_owned();
        found.push(Problem::error("stopping", View::Now, text));
    }
    for shard in &status.hanging_shards {
        let text = format!(
            "Shard {shard} has not answered for a second, and its clients are not served: look whether the machine has processor \
             time left, and restart the relay if it stays so."
        );
        found.push(Problem::error("shard_hangs", View::Now, text).about(shard.to_string()));
    }
    let memory = &status.memory;
    if is_near(memory.queued_bytes as u64, memory.queued_bytes_max as u64) {
        let text = format!(
            "What waits for clients takes {} of {} (limits.max_queued_bytes), and past that those are disconnected for whom most \
             waits: see which clients read too slowly.",
            mebibytes(memory.queued_bytes),
            mebibytes(memory.queued_bytes_max)
        );
        found.push(Problem::warning("memory", View::Clients, text));
    }
    if let (Some(used), Some(max)) = (status.open_files.used, status.open_files.max)
        && is_near(used, max)
    {
        let text = format!(
            "{used} of {max} files are open, and connections are refused when there are no more: raise the limit of open files \
             (LimitNOFILE) or lower limits.max_connections."
        );
        found.push(Problem::warning("open_files", View::Now, text));
    }
    if recent.lost_log_lines > 0 {
        let text = format!(
            "{} log lines were lost in {}: nobody reads standard error, or it cannot be written; see to whoever takes the log.",
            recent.lost_log_lines,
            within(recent)
        );
        found.push(Problem::warning("log_lines", View::Now, text));
    }
    found.extend(status.option_files.iter().filter_map(|file| {
        let fault = file.fault.as_ref()?;
        let text = format!(
            "The authenticator does not have what stands in {} now ({fault}): put that right, and it is taken over.",
            file.path
        );
        Some(Problem::warning("option_file", View::Settings, text).about(&file.path))
    }));
    found
}

fn certificates(status: &Status) -> impl Iterator<Item = Problem> {
    let of_listener = |listener: &Listener| {
        let tls = listener.tls.clone()?;
        Some((format!("the listener {}", listener.name), listener.name.clone(), tls))
    };
    let of_operations = status.operations_tls.clone();
    let of_operations = of_operations.map(|tls| ("the operations port".to_owned(), "operations".to_owned(), tls));
    status.listeners.iter().filter_map(of_listener).chain(of_operations).filter_map(|(place, name, tls)| {
        let names = tls.certificates.iter().flat_map(|certificate| certificate.names.first());
        let names = names.cloned().collect::<Vec<_>>().join(", ");
        let whose = format!("of {place} ({names})");
        let way_out = "put a new one in the place of its file and run `pusud reload`";
        let problem = match tls.days_left {
            ..0 => Problem::error(
                "certificate",
                View::Now,
                format!("The certificate {whose} has expired, and clients that check it do not connect: {way_out}."),
            ),
            days @ 0..CERTIFICATE_DAYS => Problem::warning(
                "certificate",
                View::Now,
                format!("The certificate {whose} expires in {}: {way_out}.", counted(days.unsigned_abs(), "day")),
            ),
            _ => return None,
        };
        Some(problem.about(&name))
    })
}

fn is_near(used: u64, max: u64) -> bool {
    max > 0 && u128::from(used) * 100 >= u128::from(max) * u128::from(NEAR_PERCENT)
}

fn mebibytes(bytes: usize) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// `1 day`, `2 days`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// `the last 60 s`.
fn within(recent: &Recent) -> String {
    format!("the last {:.0} s", recent.seconds.max(1.0))
}

#[cfg(test)]
mod tests;
