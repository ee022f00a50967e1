//! `pusud status`: asks a relay of this machine how it is, through its control socket, and shows the answer.

pub(super) mod history_rows;
pub(super) mod nats_rows;

use super::health;
use super::listener_rows;
use super::metric_row;
use super::option_files;
use super::print;
use super::relay_socket::RelaySocketArgs;
use super::status_entries::{self, decided};
use super::status_figures::{self, by_state, by_transport, within};
use anyhow::Context as _;
use pusud::authenticator::{Condition, reason_or_none};
use pusud::config::format_duration;
use pusud::control::{self, Authenticator, Connections, Messages, OptionFile, State, Status};
use pusud::protocol::Disconnect;
use pusud::routing::{PeerState, PeerStatus};
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud status                                   the relay with the settings in the working directory, or on port 55000
  pusud status --config /etc/pusud/settings.yaml the relay with these settings
  pusud status --check                           the same, and exit code 1 if the relay is not healthy
  pusud status --json | jq .connections          for programs";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// End with exit code 1 if the relay is not healthy, as `pusud health` does
    #[arg(long)]
    check: bool,
}

pub(super) fn status(args: &Args) -> anyhow::Result<()> {
    let status = control::ask(&args.relay.find()?)?;
    if args.json {
        let json = serde_json::to_string(&status).context("cannot write the answer as JSON")?;
        print(&(json + "\n"))?;
    } else {
        print(&describe(&status))?;
    }
    if args.check { health::check(&status) } else { Ok(()) }
}

/// The column in which the values begin.
const LABEL_WIDTH: usize = 24;

/// The status for people, one line a fact; what has never happened is left out.
fn describe(status: &Status) -> String {
    let Status { name, version, pid, address, connections, authenticator, .. } = status;
    let state = match status.state {
        State::Serving => "serving clients",
        State::Stopping => "stopping (graceful shutdown)",
    };
    let since = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(status.since));
    let uptime = format_duration(Duration::from_secs(status.uptime_seconds));
    let mut rows = vec![
        ("relay", format!("{name} (pusud {version}, process {pid})")),
        ("state", format!("{state} on {address}")),
        ("uptime", format!("{uptime}, since {since}")),
        ("shards", shards(status)),
    ];
    let listeners = listener_rows::of_status(status).into_iter().enumerate();
    rows.extend(listeners.map(|(n, listener)| (if n == 0 { "listeners" } else { "" }, listener)));
    rows.extend(operations(status).map(|operations| ("operations", operations)));
    rows.extend([("connections", describe_connections(connections))]);
    rows.extend(listed("  by transport", by_transport(&connections.by_transport)));
    rows.extend(listed("  by state", by_state(&connections.by_state)));
    rows.extend([
        ("channels", format!("{} with listeners, {} subscriptions", status.channels, status.subscriptions)),
        ("messages", describe_messages(&status.messages)),
        ("slow consumers", slow_consumers(status)),
        ("memory", status_figures::memory(&status.memory)),
    ]);
    rows.extend(status_figures::open_files(&status.open_files).map(|files| ("open files", files)));
    rows.extend(status.history.iter().flat_map(history_rows::of_status));
    rows.extend(listed("times", status_figures::times(&status.times)));
    let disconnects = status.disconnects.iter().map(|row| format!("{} {} ({})", row.count, row.reason, row.code));
    rows.extend(listed("disconnects", disconnects));
    rows.extend(listed("  the last", status.ended.iter().take(3).map(|one| format!("{} ({})", one.address, one.code))));
    let refusals = status.refusals.iter().filter(|(_, count)| **count > 0);
    rows.extend(listed("refusals", refusals.map(|(key, count)| format!("{count} for {key}"))));
    if status.revocations > 0 {
        rows.push(("revocations", status.revocations.to_string()));
    }
    rows.extend(listed("log", log(status).into_iter()));
    rows.extend(authenticator_rows(authenticator));
    for (n, OptionFile { path, since, fault }) in status.option_files.iter().enumerate() {
        rows.push((if n == 0 { "option files" } else { "" }, option_files::of_status(path, *since, fault.as_deref())));
    }
    rows.extend(status.nats.iter().flat_map(nats_rows::of_status));
    let relays = relay_lines(status).enumerate();
    rows.extend(relays.map(|(n, relay)| (if n == 0 { "relays" } else { "" }, relay)));
    if status.network_hangs {
        rows.push(("relays", "unknown: the network's thread HANGS".into()));
    }
    let mut text = String::new();
    for (label, value) in rows {
        let colon = if label.is_empty() { "" } else { ":" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<LABEL_WIDTH$}{value}", format!("{label}{colon}"));
    }
    text
}

/// The rows about the authenticator.
fn authenticator_rows(authenticator: &Authenticator) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let ready = if authenticator.ready { "ready" } else { "NOT READY" };
    let identity = format!("{} {}", authenticator.id, authenticator.version);
    rows.push(("authenticator", format!("{}, generation {}, {ready}", identity.trim_end(), authenticator.generation)));
    rows.extend(status_entries::rows(&authenticator.entries).into_iter().map(|row| ("  entry", row)));
    match &authenticator.condition {
        Condition::Good => {}
        Condition::Degraded(why) => rows.push(("authenticator health", format!("degraded: {}", reason_or_none(why)))),
        Condition::Bad(why) => rows.push(("authenticator health", format!("BAD: {}", reason_or_none(why)))),
    }
    rows.push(("authenticator decided", decided(&authenticator.decisions)));
    rows.extend(within(&authenticator.durations).map(|within| ("authenticator takes", within)));
    rows.push(("authenticator queue", authenticator.queued.to_string()));
    let failures = [
        (authenticator.timed_out, "timed out"),
        (authenticator.turned_away, "turned away"),
        (authenticator.failed, "failed"),
        (authenticator.late, "answered too late"),
        (authenticator.malformed, "malformed"),
        (authenticator.stuck_threads as u64, "hanging threads"),
        (authenticator.restarts, "restarts"),
    ];
    let failures = failures.into_iter().filter(|(count, _)| *count > 0);
    rows.extend(listed("authenticator failures", failures.map(|(count, what)| format!("{count} {what}"))));
    rows.extend(listed("authenticator metrics", authenticator.metrics.iter().map(metric_row::of)));
    rows
}

fn slow_consumers(status: &Status) -> String {
    let code = Disconnect::SlowConsumer.code();
    let count: u64 = status.disconnects.iter().filter(|row| row.code == code).map(|row| row.count).sum();
    let Messages { dropped, dropped_bytes, .. } = status.messages;
    format!("{count} disconnected, {dropped} messages and {dropped_bytes} bytes dropped")
}

fn describe_messages(messages: &Messages) -> String {
    let Messages { published, published_bytes, delivered, delivered_bytes, .. } = messages;
    format!("{published} published ({published_bytes} bytes), {delivered} delivered ({delivered_bytes} bytes)")
}

/// Where operators connect.
fn operations(status: &Status) -> Option<String> {
    let url = status.operations.as_ref()?;
    Some(match &status.operations_tls {
        None => url.clone(),
        Some(tls) => format!("{url}, {}", listener_rows::days_left(tls)),
    })
}

/// Lines that are not in the log.
fn log(status: &Status) -> Vec<String> {
    let lost = "LOST: nobody reads it, or it cannot be written";
    let counts = [(status.lost_log_lines, lost), (status.left_out_log_lines, "left out: too many of their kind")];
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} lines {what}")).collect()
}

fn describe_connections(connections: &Connections) -> String {
    let Connections { total, unauthorized, handshakes, accepted, .. } = connections;
    match handshakes {
        0 => format!("{total} ({unauthorized} unauthorized), {accepted} accepted"),
        handshakes => {
            format!("{total} ({unauthorized} unauthorized, {handshakes} in TLS handshakes), {accepted} accepted")
        }
    }
}

fn shards(status: &Status) -> String {
    match status.hanging_shards.as_slice() {
        [] => status.shards.to_string(),
        hanging => format!("{}, of which these HANG and are not counted: {hanging:?}", status.shards),
    }
}

fn listed(label: &'static str, items: impl Iterator<Item = String>) -> Option<(&'static str, String)> {
    let list = items.collect::<Vec<_>>().join(", ");
    (!list.is_empty()).then_some((label, list))
}

/// The lines about other relays, by whichever way they are reached.
pub(super) fn relay_lines(status: &Status) -> impl Iterator<Item = String> {
    let describe: fn(&PeerStatus) -> String =
        if status.nats.is_some() { nats_rows::describe_relay } else { describe_relay };
    status.relays.iter().map(describe)
}

/// The line about another relay that there is a link with.
fn describe_relay(relay: &PeerStatus) -> String {
    let address = relay.address.as_ref().or(relay.remote.as_ref()).map_or("?", String::as_str);
    // Of a name the address is shown that it leads to, too.
    let resolved = relay.resolved.as_ref().filter(|resolved| *resolved != address);
    let place = resolved.map_or_else(|| address.to_owned(), |resolved| format!("{address} ({resolved})"));
    let who = relay.name.as_ref().map_or_else(|| place.clone(), |name| format!("{name} at {place}"));
    if let Some(same) = &relay.same_as {
        return format!("{who}: the same relay as at {same}");
    }
    let traffic = &relay.traffic;
    let mut facts = match relay.state {
        PeerState::Itself => return format!("{place}: this relay"),
        PeerState::Down => vec!["NOT LINKED".to_owned()],
        PeerState::Stopped => vec!["stopped as planned".to_owned()],
        PeerState::Linking => vec!["linking".to_owned()],
        PeerState::Linked if relay.lagging => vec!["linked, but SLOW to answer".to_owned()],
        PeerState::Linked => vec!["linked".to_owned()],
    };
    facts.extend(relay.linked_for.map(|time| format!("for {}", format_duration(Duration::from_secs(time.as_secs())))));
    facts.extend(relay.round_trip.map(|time| format!("round trip {:.1} ms", time.as_secs_f64() * 1000.0)));
    if relay.linked_for.is_some() {
        facts.push(if relay.encrypted { "encrypted" } else { "not encrypted" }.to_owned());
    }
    facts.push(format!("{} bytes queued", relay.queue_bytes));
    facts.push(format!("{} sent", traffic.sent));
    facts.push(format!("{} received", traffic.received));
    facts.push(format!("{} dropped", traffic.dropped.saturating_add(traffic.too_large).saturating_add(traffic.lost)));
    facts.push(format!("listens to {} channels", relay.interest));
    let differs = relay.authenticator_difference.as_ref();
    facts.extend(differs.map(|how| format!("DECIDES OTHERWISE: {how}")));
    facts.extend(relay.history_difference.iter().map(|how| format!("KEEPS OTHER HISTORY: {how}")));
    facts.extend(relay.next_attempt_in.map(|time| format!("next attempt in {:.1} s", time.as_secs_f64())));
    facts.extend(relay.last_error.as_ref().map(|error| format!("last error: {error}")));
    format!("{who}: {}", facts.join(", "))
}

#[cfg(test)]
mod tests;
