//! The page of `pusud top`.

use super::glance::{Glance, Rates};
use crate::cli::channels::channel_table;
use crate::cli::clients::table;
use crate::cli::columns::{a_second, bytes, time};
use crate::cli::status::{nats_rows, relay_lines};
use crate::cli::terminal::escaped;
use crate::cli::width::{fitting, wrapped};
use pusud::control::{History, Level, Recent, RecentHistory, State};
use pusud::routing::{ChannelRow, PeerState};
use std::fmt::Write as _;

/// A page of so many rows and columns.
pub(super) fn of(glance: &Glance, rows: usize, columns: usize) -> String {
    let text = whole(glance, columns);
    // Names may hold what steers a terminal, or ends a line.
    let cut = |line: &str| fitting(&escaped(line), columns).to_owned();
    let lines: Vec<String> = text.lines().map(cut).collect();
    let shown = lines.len().min(rows);
    lines[..shown].iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

fn whole(glance: &Glance, columns: usize) -> String {
    let Glance { status, problems, rates, recent, clients, channels, .. } = glance;
    let at =
        humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_millis(glance.time_ms));
    let state = match status.state {
        State::Serving => "serving clients",
        State::Stopping => "STOPPING",
    };
    let mut text = String::new();
    // Writing to a String cannot fail.
    let uptime = time(Some(status.uptime_seconds as f64));
    let _ = writeln!(text, "{} {state} on {}, up {uptime}, {at}", status.name, status.address);
    let _ = writeln!(
        text,
        "{} connections ({} unauthorized, {} blocked), {} channels, {} subscriptions, {} queued",
        status.connections.total,
        status.connections.unauthorized,
        status.connections.by_state.blocked,
        status.channels,
        status.subscriptions,
        bytes(status.memory.queued_bytes as f64)
    );
    let Rates { published, published_bytes, delivered, delivered_bytes } = *rates;
    let _ = writeln!(
        text,
        "{} published/s ({}/s), {} delivered/s ({}/s)",
        a_second(Some(published)),
        bytes(published_bytes),
        a_second(Some(delivered)),
        bytes(delivered_bytes)
    );
    if let Some(kept) = &status.history {
        let _ = writeln!(text, "{}", history(kept, recent));
    }
    text.push('\n');
    if problems.is_empty() {
        let _ = writeln!(text, "nothing is wrong, nor was it in the last {:.0} s", recent.seconds);
    }
    for problem in problems {
        let level = match problem.level {
            Level::Error => "ERROR",
            Level::Warning => "warning",
        };
        // The way out stands at the end of it.
        wrapped(&escaped(&format!("{level}: {}", problem.text)), columns).for_each(|line| text.extend([line, "\n"]));
    }
    let is_itself = status.relays.iter().map(|relay| relay.state == PeerState::Itself);
    let nats = status.nats.iter().flat_map(|nats| {
        let error = nats_rows::last_error(nats).map(|error| format!("NATS, last error: {error}"));
        [format!("NATS: {}", nats_rows::connection(nats))].into_iter().chain(error)
    });
    let relays = relay_lines(status).zip(is_itself).filter_map(|(line, is_itself)| (!is_itself).then_some(line));
    let lines: Vec<String> = nats.chain(relays).collect();
    if !lines.is_empty() {
        text.push('\n');
    }
    lines.iter().for_each(|line| text.extend([line, "\n"]));
    let _ = write!(text, "\nclients by rate\n{}", table(clients));
    let channels: Vec<_> = channels.iter().map(written_out).collect();
    let _ = write!(text, "\nchannels by rate\n{}", channel_table(&channels, status.nats.is_none()));
    text
}

/// As it is shown, so that its column is as wide.
fn written_out(row: &ChannelRow) -> ChannelRow {
    let relays = row.relays.iter().map(|relay| escaped(relay).into_owned()).collect();
    ChannelRow { channel: escaped(&row.channel).into_owned(), relays, ..row.clone() }
}

/// How much is kept of channels with history, and whom it was not enough for lately.
fn history(kept: &History, recent: &Recent) -> String {
    let [taken, most] = [kept.bytes, kept.bytes_max].map(|amount| bytes(amount as f64));
    let mut line = format!("history: {} messages of {} channels, {taken} of at most {most}", kept.entries, kept.logs);
    let RecentHistory { gaps, not_recovered, .. } = recent.history;
    if gaps + not_recovered > 0 {
        let time = recent.seconds;
        // Writing to a String cannot fail.
        let _ = write!(
            line,
            "; in the last {time:.0} s {not_recovered} that came back were told of a loss, and {gaps} gaps"
        );
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusud::control::{Problem, Status};
    use pusud::routing::{ClientRow, NatsStatus, PeerStatus};

    fn glance() -> Glance {
        let mut status = Status { name: "r1".into(), address: "192.0.2.1:1".into(), ..Status::default() };
        let state = PeerState::Linked;
        status.relays = vec![PeerStatus { name: Some("r\u{9b}2".into()), state, ..PeerStatus::default() }];
        Glance {
            time_ms: 0,
            rates: Rates { published: 1.5, published_bytes: 2048.0, delivered: 300.0, delivered_bytes: 4.0 },
            problems: Vec::new(),
            recent: Recent::default(),
            clients: vec![ClientRow { id: "0-1".into(), ..ClientRow::default() }],
            channels: vec![ChannelRow { channel: "news\u{202e}".into(), ..ChannelRow::default() }],
            status,
        }
    }

    #[test]
    fn it_shows_what_there_is_and_nothing_that_steers_the_terminal() {
        let mut glance = glance();
        let text = of(&glance, usize::MAX, usize::MAX);
        for part in [
            "r1 serving clients on 192.0.2.1:1, up 0.0s, 1970-01-01T00:00:00Z\n",
            "\n1.5 published/s (2.0 KiB/s), 300 delivered/s (4 B/s)\n\nnothing is wrong, nor was it in the last 0 s\n\nr\\u009b2 at ?: linked",
            "\nclients by rate\nid ",
            "\n0-1 ",
            "\nchannel     listeners ",
            "\nnews\\u202e          0 ",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains("history"), "{text}");
        glance.status.history = Some(History { entries: 3, logs: 2, bytes_max: 64 << 20, ..History::default() });
        let text = of(&glance, usize::MAX, usize::MAX);
        assert!(text.contains("\nhistory: 3 messages of 2 channels, 0 B of at most 64.0 MiB\n\n"), "{text}");
        glance.recent.history = RecentHistory { gaps: 1, not_recovered: 4, ..RecentHistory::default() };
        let text = of(&glance, usize::MAX, usize::MAX);
        assert!(text.contains("; in the last 0 s 4 that came back were told of a loss, and 1 gaps\n"), "{text}");
        glance.status.nats = Some(NatsStatus::default());
        let text = of(&glance, usize::MAX, usize::MAX);
        assert!(text.contains("\n\nNATS: NOT CONNECTED: other relays are not reached\nr\\u009b2: heard, "), "{text}");
        assert!(!text.contains("also at"), "{text}");
        let (last_error, last_error_ago) = (Some("gone".into()), Some(std::time::Duration::from_secs(90)));
        glance.status.nats = Some(NatsStatus { last_error, last_error_ago, ..NatsStatus::default() });
        let text = of(&glance, usize::MAX, usize::MAX);
        assert!(text.contains("\nNATS, last error: gone, 1m 30s ago\nr"), "{text}");
        let problem = Problem { level: Level::Error, text: "The link is cut.".into(), ..Problem::default() };
        glance.problems = vec![problem];
        let text = of(&glance, usize::MAX, usize::MAX);
        assert!(text.contains("\nERROR: The link is cut.\n") && !text.contains("nothing is wrong"), "{text}");
    }

    #[test]
    fn it_is_as_large_as_the_screen() {
        let text = of(&glance(), 4, 10);
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().all(|line| line.chars().count() <= 10), "{text}");
        let mut glance = glance();
        glance.status.name = "漢字漢字漢字".into();
        assert_eq!(of(&glance, 1, 9), "漢字漢字\n", "each letter takes two columns");
    }
}
