//! `pusud kick`: has a relay of this machine end connections, and the linked relays too where that is wanted.

use super::linked_relays::{all_done, by_relay};
use super::print;
use super::relay_socket::RelaySocketArgs;
use anyhow::{Context as _, bail};
use pusud::control;
use pusud::routing::Kick;

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud kick --id 0-17                            one connection, as `pusud clients` lists it
  pusud kick --client 203.0.113.7:50123           the same, as the log names it
  pusud kick --subject alice --network            all of hers, on every linked relay
  pusud kick --address 203.0.113.0/24             everybody from there
  pusud kick --channel auction.1 --network        all listeners of a channel";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    #[command(flatten)]
    whom: Whom,
    /// On all linked relays as well
    #[arg(long)]
    network: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// One client of this relay, by its id, as `pusud clients` lists it
    #[arg(long, value_name = "ID", conflicts_with = "network")]
    id: Option<String>,
    /// The client that the log names so in the field `client`: ADDRESS:PORT
    ///
    /// Behind a proxy that does not say the port, and on a Unix socket, several are named so, and all of them are ended.
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// All clients with an authorization of this subject
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// All clients from an address or a network
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// All listeners of a channel
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
}

impl Whom {
    fn kick(self) -> Option<Kick> {
        let Self { id, client, subject, address, channel } = self;
        let by = [
            id.map(Kick::Id),
            client.map(Kick::Client),
            subject.map(Kick::Subject),
            address.map(Kick::Address),
            channel.map(Kick::Channel),
        ];
        by.into_iter().flatten().next()
    }
}

pub(super) fn kick(args: Args) -> anyhow::Result<()> {
    let Args { relay, whom, network, json } = args;
    let whom = whom.kick().context("expected one of --id, --client, --subject, --address and --channel")?;
    let kicked = control::kick(&relay.find()?, whom, network)?;
    let text = match json {
        true => serde_json::to_string(&kicked).context("cannot write the answer as JSON")? + "\n",
        false => by_relay(kicked.connections, &kicked.relays, ended),
    };
    print(&text)?;
    if kicked.connections.is_none() {
        bail!("a shard of this relay has not answered within a second; `pusud status` says which hang");
    }
    all_done(&kicked.relays)
}

fn ended(count: u64) -> String {
    if count == 1 { "1 connection ended".to_owned() } else { format!("{count} connections ended") }
}
