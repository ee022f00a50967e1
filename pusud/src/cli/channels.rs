//! `pusud channels`: shows the channels of a relay of this machine, or all of one.

use super::clients::{all_answered, as_json, table};
use super::columns::{Align, a_second, bytes, some_columns};
use super::relay_socket::RelaySocketArgs;
use super::status::history_rows::time;
use super::{channel_name, print};
use pusud::control::{self, ChannelQuery};
use pusud::routing::{ChannelHistory, ChannelPage, ChannelRow, ChannelSort, Channels};
use std::fmt::Write as _;

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud channels                                  what do most clients listen to?
  pusud channels --sort rate --limit 10           what is published to most?
  pusud channels --search auction. --json         for programs
  pusud channels --channel auction.1              who listens to this one?";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    /// Which comes first
    ///
    /// For `rate` messages are counted for a second, and channels without listeners here are shown, too.
    #[arg(long, value_name = "ORDER", default_value = "listeners")]
    sort: Sort,
    /// At most so many, up to 1000
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Those with this in their name
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// All of this one; a `*` in it is a letter
    #[arg(long, value_name = "CHANNEL", value_parser = channel_name, conflicts_with_all = ["sort", "limit", "search"])]
    channel: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Sort {
    /// What most clients listen to
    Listeners,
    /// What most messages come for
    Rate,
    /// By name
    Name,
}

impl From<Sort> for ChannelSort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Listeners => Self::Listeners,
            Sort::Rate => Self::Rate,
            Sort::Name => Self::Name,
        }
    }
}

pub(super) fn channels(args: Args) -> anyhow::Result<()> {
    let Args { relay, sort, limit, search, channel, json } = args;
    let path = relay.find()?;
    if let Some(channel) = channel {
        let page = control::channel(&path, channel)?;
        print(&if json { as_json(&page)? } else { describe_page(&page) })?;
        return all_answered(&page.hanging_shards, page.network_hangs);
    }
    let channels = control::channels(&path, ChannelQuery { sort: sort.into(), limit: Some(limit), search })?;
    print(&if json { as_json(&channels)? } else { describe(&channels) })?;
    all_answered(&channels.hanging_shards, channels.network_hangs)
}

fn describe(channels: &Channels) -> String {
    let Channels { channels: rows, count, matching, .. } = channels;
    let mut text = if rows.is_empty() { String::new() } else { channel_table(rows, channels.relays_known) };
    // Writing to a String cannot fail.
    let _ = match (rows.len(), *matching) {
        (0, _) => writeln!(text, "no such channel, of {count} in all"),
        (shown, matching) if shown < matching => {
            writeln!(text, "{shown} of {matching} that fit, {count} in all; --limit N shows more")
        }
        _ => writeln!(text, "{matching} that fit, {count} in all"),
    };
    text
}

/// A line for each; `with_relays`: it is known at which linked relays somebody listens. What is kept of channels is shown where
/// one of them has history.
pub(super) fn channel_table(rows: &[ChannelRow], with_relays: bool) -> String {
    let with_history = rows.iter().any(|row| row.history.is_some());
    let row = |row: &ChannelRow| {
        [
            row.channel.clone(),
            row.listeners.to_string(),
            a_second(row.messages_per_second),
            row.bytes_per_second.map_or_else(|| "-".to_owned(), bytes),
            row.history.map_or_else(|| "-".to_owned(), |kept| kept.to_string()),
            if row.relays.is_empty() { "-".to_owned() } else { row.relays.join(", ") },
        ]
    };
    let headings = [
        ("channel", Align::Left),
        ("listeners", Align::Right),
        ("messages/s", Align::Right),
        ("bytes/s", Align::Right),
        ("kept", Align::Right),
        ("also at", Align::Left),
    ];
    let rows: Vec<_> = rows.iter().map(row).collect();
    some_columns(headings, &rows, [true, true, true, true, with_history, with_relays])
}

fn describe_page(page: &ChannelPage) -> String {
    let row = ChannelRow {
        channel: page.channel.clone(),
        listeners: page.listeners,
        messages_per_second: page.messages_per_second,
        bytes_per_second: page.bytes_per_second,
        relays: page.relays.clone(),
        history: page.history.as_ref().map(|history| history.entries),
    };
    let mut text = channel_table(&[row], page.relays_known);
    text += &page.history.as_ref().map_or_else(String::new, describe_history);
    if !page.clients.is_empty() {
        text += "\n";
        text += &table(&page.clients);
    }
    let more = page.listeners.saturating_sub(page.clients.len());
    if more > 0 {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "and {more} listeners more");
    }
    text
}

fn describe_history(history: &ChannelHistory) -> String {
    let ChannelHistory { rule, size, ttl_seconds, entries, bytes: taken, oldest_seconds } = history;
    let oldest = oldest_seconds.map_or_else(String::new, |seconds| format!(", the oldest for {}", time(seconds)));
    let taken = bytes(*taken as f64);
    let most = time(*ttl_seconds);
    format!(
        "history ({rule}): {entries} of at most {size} messages are kept, {taken}{oldest}; each for {most} at most\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_a_line_for_each() {
        let row = ChannelRow {
            channel: "news.1".into(),
            listeners: 12,
            messages_per_second: Some(2.5),
            bytes_per_second: Some(3000.0),
            relays: vec!["r2".into(), "r3".into()],
            history: None,
        };
        let mut channels =
            Channels { channels: vec![row], count: 1, matching: 1, relays_known: true, ..Channels::default() };
        let text = describe(&channels);
        assert_eq!(
            text,
            "channel  listeners  messages/s  bytes/s  also at\nnews.1          12         2.5  2.9 KiB  r2, r3\n1 that fit, 1 \
             in all\n"
        );
        channels.relays_known = false;
        let text = describe(&channels);
        assert!(
            text.starts_with("channel  listeners  messages/s  bytes/s\nnews.1          12         2.5  2.9 KiB\n"),
            "{text}"
        );
        channels.channels[0].history = Some(7);
        let text = describe(&channels);
        assert!(text.starts_with("channel  listeners  messages/s  bytes/s  kept\n"), "{text}");
        assert!(text.contains("2.9 KiB     7\n"), "{text}");
        channels.relays_known = true;
        assert!(describe(&channels).contains("2.9 KiB     7  r2, r3\n"), "{}", describe(&channels));
        let history = ChannelHistory {
            rule: "bids".into(),
            size: 9,
            ttl_seconds: 600.0,
            entries: 2,
            bytes: 300,
            oldest_seconds: Some(61.0),
        };
        let page =
            describe_page(&ChannelPage { channel: "a".into(), history: Some(history), ..ChannelPage::default() });
        let words =
            "history (bids): 2 of at most 9 messages are kept, 300 B, the oldest for 1m 1s; each for 10m at most\n";
        assert!(page.ends_with(words), "{page}");
        let nobody = describe_page(&ChannelPage { channel: "a".into(), listeners: 3, ..ChannelPage::default() });
        assert!(nobody.ends_with("and 3 listeners more\n"), "{nobody}");
    }
}
