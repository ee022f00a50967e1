//! `pusud status`: asks a relay of this machine how it is, through its control socket, and shows the answer.

use super::health;
use super::listener_rows;
use super::metric_row;
use super::option_files;
use super::print;
use super::relay_socket::RelaySocketArgs;
use super::status_entries;
use anyhow::Context as _;
use pusud::authenticator::{Condition, reason_or_none};
use pusud::config::format_duration;
use pusud::control::{self, Connections, OptionFile, State, Status};
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
    let Status { name, version, pid, address, connections, messages, authenticator, .. } = status;
    let state = match status.state {
        State::Serving => "serving clients",
        State::Stopping => "stopping (graceful shutdown)",
    };
    let since = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(status.since));
    let uptime = format_duration(Duration::from_secs(status.uptime_seconds));
    let code = Disconnect::SlowConsumer.code();
    let slow_consumers: u64 = status.disconnects.iter().filter(|row| row.code == code).map(|row| row.count).sum();
    let mut rows = vec![
        ("relay", format!("{name} (pusud {version}, process {pid})")),
        ("state", format!("{state} on {address}")),
        ("uptime", format!("{uptime}, since {since}")),
        ("shards", shards(status)),
    ];
    let listeners = listener_rows::of_status(status).into_iter().enumerate();
    rows.extend(listeners.map(|(n, listener)| (if n == 0 { "listeners" } else { "" }, listener)));
    rows.extend([
        ("connections", describe_connections(connections)),
        ("channels", format!("{} with listeners, {} subscriptions", status.channels, status.subscriptions)),
        ("messages", format!("{} published, {} delivered", messages.published, messages.delivered)),
        ("slow consumers", format!("{slow_consumers} disconnected, {} bytes dropped", messages.dropped_bytes)),
    ]);
    let disconnects = status.disconnects.iter().map(|row| format!("{} {} ({})", row.count, row.reason, row.code));
    rows.extend(listed("disconnects", disconnects));
    rows.extend(listed("  the last", status.ended.iter().take(3).map(|one| format!("{} ({})", one.address, one.code))));
    let refusals = status.refusals.iter().filter(|(_, count)| **count > 0);
    rows.extend(listed("refusals", refusals.map(|(key, count)| format!("{count} for {key}"))));
    if status.lost_log_lines > 0 {
        rows.push(("log", format!("{} lines LOST: nobody reads it, or it cannot be written", status.lost_log_lines)));
    }
    let ready = if authenticator.ready { "ready" } else { "NOT READY" };
    let identity = format!("{} {}", authenticator.id, authenticator.version);
    rows.push(("authenticator", format!("{}, generation {}, {ready}", identity.trim_end(), authenticator.generation)));
    rows.extend(status_entries::rows(&authenticator.entries).into_iter().map(|row| ("  entry", row)));
    match &authenticator.condition {
        Condition::Good => {}
        Condition::Degraded(why) => rows.push(("authenticator health", format!("degraded: {}", reason_or_none(why)))),
        Condition::Bad(why) => rows.push(("authenticator health", format!("BAD: {}", reason_or_none(why)))),
    }
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
    for (n, OptionFile { path, since, fault }) in status.option_files.iter().enumerate() {
        rows.push((if n == 0 { "option files" } else { "" }, option_files::of_status(path, *since, fault.as_deref())));
    }
    let relays = status.relays.iter().enumerate();
    rows.extend(relays.map(|(n, relay)| (if n == 0 { "relays" } else { "" }, describe_relay(relay))));
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

fn describe_connections(connections: &Connections) -> String {
    let Connections { total, unauthorized, handshakes, .. } = connections;
    match handshakes {
        0 => format!("{total} ({unauthorized} unauthorized)"),
        handshakes => format!("{total} ({unauthorized} unauthorized, {handshakes} in TLS handshakes)"),
    }
}

fn shards(status: &Status) -> String {
    match status.hanging_shards.as_slice() {
        [] => status.shards.to_string(),
        hanging => format!("{}, of which these HANG and are not counted: {hanging:?}", status.shards),
    }
}

fn listed(label: &str, items: impl Iterator<Item = String>) -> Option<(&str, String)> {
    let list = items.collect::<Vec<_>>().join(", ");
    (!list.is_empty()).then_some((label, list))
}

/// The line about another relay.
pub(super) fn describe_relay(relay: &PeerStatus) -> String {
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
    facts.push(format!("{} dropped", traffic.dropped + traffic.too_large + traffic.lost));
    facts.push(format!("listens to {} channels", relay.interest));
    let differs = relay.authenticator_difference.as_ref();
    facts.extend(differs.map(|how| format!("DECIDES OTHERWISE: {how}")));
    facts.extend(relay.next_attempt_in.map(|time| format!("next attempt in {:.1} s", time.as_secs_f64())));
    facts.extend(relay.last_error.as_ref().map(|error| format!("last error: {error}")));
    format!("{who}: {}", facts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusud::authenticator::{Definition, Kind, Value};
    use pusud::control::{Authenticator, Certificate, Connections, Disconnects, Listener, Messages, PluginMetric, Tls};
    use pusud::routing::Traffic;

    fn metric(name: &str, labels: &[(&str, &str)], value: Value) -> PluginMetric {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (kind, help, bounds) = (Kind::Counter, String::new(), Vec::new());
        PluginMetric { definition: Definition { kind, name: name.to_owned(), help, labels, bounds }, value }
    }

    fn listener() -> Listener {
        let names = vec!["relay.example.com".to_owned()];
        let certificate = Certificate { names, key: "ECDSA P-256".into(), sha256: "cd".into(), not_after: 9 };
        Listener {
            name: "clients".into(),
            address: "192.0.2.1:443".into(),
            connections: 5,
            tls: Some(Tls { certificates: vec![certificate], client_certificates: "optional".into(), days_left: 12 }),
            proxy_protocol: true,
            trusted_proxies: Some("10.0.0.0/8".into()),
        }
    }

    fn sample() -> Status {
        Status {
            name: "r1".into(),
            version: "0.1.0".into(),
            pid: 7,
            uptime_seconds: 61,
            shards: 2,
            hanging_shards: vec![1],
            connections: Connections { total: 5, unauthorized: 2, handshakes: 1, ..Connections::default() },
            listeners: vec![listener()],
            channels: 3,
            subscriptions: 4,
            messages: Messages { published: 10, delivered: 20, dropped_bytes: 30, ..Messages::default() },
            lost_log_lines: 3,
            disconnects: vec![Disconnects { code: 4001, reason: "slow consumer".into(), count: 6 }],
            refusals: [("outbox_bytes".to_owned(), 6), ("max_fragments".to_owned(), 0)].into(),
            authenticator: Authenticator {
                id: "A".into(),
                version: "1.0".into(),
                sha256: "ab".into(),
                generation: 3,
                queued: 8,
                timed_out: 9,
                stuck_threads: 1,
                restarts: 2,
                condition: Condition::Degraded("one backend of two".into()),
                metrics: vec![
                    metric("asked_total", &[("by", "cache")], Value::Counter(3.0)),
                    metric("took_seconds", &[], Value::Histogram { bounds: vec![1.0], counts: vec![4, 1], sum: 2.5 }),
                ],
                ..Authenticator::default()
            },
            option_files: vec![Default::default()],
            relays: vec![PeerStatus {
                address: Some("10.0.0.2:55001".into()),
                name: Some("r2".into()),
                state: PeerState::Linked,
                linked_for: Some(Duration::from_secs(60)),
                round_trip: Some(Duration::from_micros(250)),
                encrypted: true,
                queue_bytes: 11,
                traffic: Traffic { sent: 12, received: 13, dropped: 14, lost: 2, ..Traffic::default() },
                interest: 15,
                last_error: Some("it was reset".into()),
                ..PeerStatus::default()
            }],
            ..Status::default()
        }
    }

    #[test]
    fn people_see_what_there_is_and_nothing_that_is_not() {
        let text = describe(&sample());
        for part in [
            "r1 (pusud 0.1.0, process 7)",
            "\nuptime:                 1m 1s, since 1970-01-01T00:00:00Z\n",
            "HANG and are not counted: [1]",
            "clients on 192.0.2.1:443, 5 connections, TLS for relay.example.com, 12 days left, client certificates \
             optional, PROXY header required, trusted proxies 10.0.0.0/8\n",
            "5 (2 unauthorized, 1 in TLS handshakes)",
            "6 slow consumer (4001)",
            "\nslow consumers:         6 disconnected, 30 bytes dropped\n",
            "6 for outbox_bytes",
            "generation 3, NOT READY\n",
            "\nauthenticator queue:    8\nauthenticator failures: 9 timed out, 1 hanging threads, 2 restarts\n",
            "\nauthenticator health:   degraded: one backend of two\n",
            "\nauthenticator metrics:  asked_total{by=\"cache\"} 3, took_seconds 5 with the sum 2.5\n",
            "r2 at 10.0.0.2:55001: linked, for 1m, round trip 0.2 ms, encrypted, 11 bytes queued, 12 sent, 13 received, 16 dropped",
            "last error: it was reset",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains("max_fragments") && !text.contains("turned away"), "{text}");
    }

    #[test]
    fn the_page_explains_every_label() {
        let page = include_str!("../../../docs/operating/monitoring.md");
        let (_, section) = page.split_once("\n## Status for people\n").expect("the page has the section");
        let (section, _) = section.split_once("\n## ").expect("another one follows");
        let explained: Vec<&str> =
            section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let text = describe(&sample());
        let shown: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
        assert_eq!(explained, shown);
    }

    #[test]
    fn programs_read_back_what_was_written() {
        let json = serde_json::to_string(&sample()).unwrap();
        assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), sample());
        let more = json.replacen('{', r#"{"a_later_field":1,"#, 1);
        assert_eq!(serde_json::from_str::<Status>(&more).unwrap(), sample(), "later fields are ignored");
    }
}
