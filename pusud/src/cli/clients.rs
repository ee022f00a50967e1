//! `pusud clients`: shows the clients of a relay of this machine, or all of one.

use super::columns::{Align, a_second, bytes, columns, time};
use super::print;
use super::relay_socket::RelaySocketArgs;
use super::revoke::shown_time;
use super::width::cut;
use anyhow::{Context as _, bail, ensure};
use pusud::control::{self, ClientQuery};
use pusud::routing::{ClientPage, ClientRow, ClientSort, ClientState, ClientTransport, Clients};
use serde::Serialize;
use std::fmt::Write as _;

/// Columns of a subject in the table; `--id` and `--json` show the whole.
const SUBJECT_SHOWN: usize = 40;

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud clients                                   for whom does most wait?
  pusud clients --sort rate --limit 10            who publishes and is delivered most?
  pusud clients --channel auction.1               who listens to it?
  pusud clients --subject alice --json            for programs
  pusud clients --id 0-17                         what may this one do, and what does it listen to?";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    /// Who comes first
    ///
    /// For `rate` messages are counted for a second.
    #[arg(long, value_name = "ORDER", default_value = "waiting")]
    sort: Sort,
    /// At most so many, up to 1000
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Those from an address or a network (203.0.113.0/24), or the one connection (ADDRESS:PORT)
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Those with an authorization of this subject
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Those that listen to this channel
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// All of the one with this id, as the list has it
    #[arg(long, value_name = "ID", conflicts_with_all = ["sort", "limit", "address", "subject", "channel"])]
    id: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Sort {
    /// For whom most waits
    Waiting,
    /// Who publishes and is delivered most
    Rate,
    /// Who listens to most channels
    Subscriptions,
    /// Who came first
    Age,
}

impl From<Sort> for ClientSort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Waiting => Self::Waiting,
            Sort::Rate => Self::Rate,
            Sort::Subscriptions => Self::Subscriptions,
            Sort::Age => Self::Age,
        }
    }
}

pub(super) fn clients(args: Args) -> anyhow::Result<()> {
    let Args { relay, sort, limit, address, subject, channel, id, json } = args;
    let path = relay.find()?;
    if let Some(id) = id {
        let Some(page) = control::client(&path, id.clone())? else {
            bail!("there is no client {id} (any more); `pusud clients` lists those that are there");
        };
        return print(&if json { as_json(&page)? } else { describe_page(&page) });
    }
    let query = ClientQuery { sort: sort.into(), limit: Some(limit), address, subject, channel };
    let clients = control::clients(&path, query)?;
    print(&if json { as_json(&clients)? } else { describe(&clients) })?;
    all_answered(&clients.hanging_shards, false)
}

/// One line of JSON.
pub(super) fn as_json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value).context("cannot write the answer as JSON")? + "\n")
}

/// Whether the list is whole.
///
/// # Errors
/// It is not, and what is missing.
pub(super) fn all_answered(hanging_shards: &[usize], network_hangs: bool) -> anyhow::Result<()> {
    ensure!(
        hanging_shards.is_empty(),
        "these shards have not answered, and what they have is missing: {hanging_shards:?}"
    );
    ensure!(!network_hangs, "the network has not answered, and which other relays listen is missing");
    Ok(())
}

fn describe(clients: &Clients) -> String {
    let Clients { clients: rows, count, matching, .. } = clients;
    let mut text = if rows.is_empty() { String::new() } else { table(rows) };
    // Writing to a String cannot fail.
    let _ = match (rows.len(), *matching) {
        (0, _) => writeln!(text, "no such client, of {count} in all"),
        (shown, matching) if shown < matching => {
            writeln!(text, "{shown} of {matching} that fit, {count} in all; --limit N shows more")
        }
        _ => writeln!(text, "{matching} that fit, {count} in all"),
    };
    text
}

/// A line for each.
pub(super) fn table(rows: &[ClientRow]) -> String {
    let row = |client: &ClientRow| {
        [
            client.id.clone(),
            client.address.clone(),
            client
                .subject
                .as_deref()
                .map_or_else(|| "-".to_owned(), |subject| format!("{:?}", cut(subject, SUBJECT_SHOWN))),
            transport(client.transport).to_owned(),
            state(client),
            time(client.connected_for),
            client.subscriptions.to_string(),
            bytes(client.waiting_bytes as f64),
            a_second(client.published_per_second),
            a_second(client.delivered_per_second),
        ]
    };
    let headings = [
        ("id", Align::Left),
        ("address", Align::Left),
        ("subject", Align::Left),
        ("speaks", Align::Left),
        ("state", Align::Left),
        ("connected", Align::Right),
        ("channels", Align::Right),
        ("waiting", Align::Right),
        ("published/s", Align::Right),
        ("delivered/s", Align::Right),
    ];
    columns(headings, &rows.iter().map(row).collect::<Vec<_>>())
}

fn transport(transport: ClientTransport) -> &'static str {
    match transport {
        ClientTransport::Ws => "ws",
        ClientTransport::Wss => "wss",
        ClientTransport::Sse => "sse",
        ClientTransport::Sses => "sses",
        ClientTransport::Http => "http",
        ClientTransport::Https => "https",
        ClientTransport::Operator => "operator",
    }
}

fn state(client: &ClientRow) -> String {
    let state = match client.state {
        ClientState::Open if !client.authorized => "unauthorized",
        ClientState::Open => "open",
        ClientState::Blocked => return format!("BLOCKED {}", time(client.blocked_for)),
        ClientState::Closing => "closing",
    };
    state.to_owned()
}

fn describe_page(page: &ClientPage) -> String {
    let ClientPage { client, proxy, authorizations, authorizations_known, .. } = page;
    let ClientPage { permissions_left_out, channels, channels_left_out, .. } = page;
    let mut text = table(std::slice::from_ref(client));
    // Writing to a String cannot fail.
    if let Some(subject) = client.subject.as_deref().filter(|subject| cut(subject, SUBJECT_SHOWN) != **subject) {
        let _ = writeln!(text, "subject {subject:?}");
    }
    if !authorizations_known {
        text.push_str("what it may do is not known now\n");
    }
    if let Some(proxy) = proxy {
        let _ = writeln!(text, "through the proxy {proxy}");
    }
    for authorization in authorizations {
        let of = authorization.subject.as_ref().map_or_else(String::new, |subject| format!(" as {subject:?}"));
        let by = authorization.entry.as_ref().map_or_else(String::new, |entry| format!(" by {entry}"));
        let until = authorization.expires_ms.map_or_else(String::new, |end| format!(", until {}", shown_time(end)));
        let _ = writeln!(text, "authorized{of}{by}{until}:");
        for permission in &authorization.permissions {
            let may = match (permission.read, permission.write) {
                (true, true) => "read and write",
                (true, false) => "read",
                (false, true) => "write",
                (false, false) => "nothing",
            };
            let _ = writeln!(text, "    {may} {}", permission.pattern);
        }
    }
    if *permissions_left_out > 0 {
        let _ = writeln!(text, "    and {permissions_left_out} permissions more");
    }
    for channel in channels {
        let _ = writeln!(text, "listens to {channel}");
    }
    if *channels_left_out > 0 {
        let _ = writeln!(text, "and to {channels_left_out} channels more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusud::routing::{AuthorizationRow, PermissionRow};

    fn client() -> ClientRow {
        ClientRow {
            id: "0-7".into(),
            address: "192.0.2.1:7".into(),
            subject: Some("alice\n".into()),
            state: ClientState::Blocked,
            blocked_for: Some(2.0),
            authorized: true,
            connected_for: Some(61.0),
            subscriptions: 2,
            waiting_bytes: 2048,
            ..ClientRow::default()
        }
    }

    #[test]
    fn people_see_a_line_for_each() {
        let text = describe(&Clients { clients: vec![client()], count: 9, matching: 3, ..Clients::default() });
        assert_eq!(
            text,
            "id   address      subject    speaks  state         connected  channels  waiting  published/s  delivered/s\n\
             0-7  192.0.2.1:7  \"alice\\n\"  ws      BLOCKED 2.0s      1m 1s         2  2.0 KiB            -            -\n\
             1 of 3 that fit, 9 in all; --limit N shows more\n"
        );
        assert_eq!(describe(&Clients { count: 9, ..Clients::default() }), "no such client, of 9 in all\n");
    }

    #[test]
    fn people_see_what_one_may_do() {
        let permissions = vec![PermissionRow { pattern: "a.*".into(), read: true, write: false }];
        let (entry, subject, expires_ms) = (Some("jwt".into()), Some("bob".into()), Some(1000));
        let authorization = AuthorizationRow { entry, subject, expires_ms, permissions };
        let page = ClientPage {
            client: client(),
            proxy: Some("10.0.0.1".into()),
            authorizations: vec![authorization],
            authorizations_known: true,
            permissions_left_out: 3,
            channels: vec!["a.1".into()],
            channels_left_out: 1,
        };
        let text = describe_page(&page);
        let (_, rest) = text.split_once("-\n").unwrap();
        assert_eq!(
            rest,
            "through the proxy 10.0.0.1\nauthorized as \"bob\" by jwt, until 1970-01-01T00:00:01Z:\n    read a.*\n    and 3 permissions \
             more\nlistens to a.1\nand to 1 channels more\n"
        );
    }
}
