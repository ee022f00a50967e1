//! `pusud tail`: prints what comes on a channel of a relay of this machine, as the operator, who needs no authorization.

use super::clients::as_json;
use super::relay_socket::RelaySocketArgs;
use super::{channel_name, note, terminal};
use anyhow::{Context as _, bail};
use pusud::control::{self, Tailed};
use std::io::{self, Write as _};
use std::time::{Duration, UNIX_EPOCH};

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud tail auction.1                            what comes, with the time
  pusud tail auction.1 --json | jq .content       for programs
  pusud tail auction.1 --count 1                  the next message";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    /// The channel; a `*` in it is a letter
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: String,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn tail(args: Args) -> anyhow::Result<()> {
    let Args { relay, channel, count, json } = args;
    let mut tailing = control::tail(&relay.find()?, channel.clone())?;
    note(format_args!("tailing {channel}"));
    let mut left = count;
    while left != Some(0) {
        let line = match tailing.next_event()? {
            Tailed::Message(message) if json => as_json(&message)?,
            Tailed::Message(message) => {
                let at = humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(message.time_ms));
                // Ends of lines between its parts say nothing, and a message is one line.
                let content = message.content.get().replace(['\n', '\r'], " ");
                format!("{at}  {content}\n")
            }
            Tailed::End(reason) => bail!("the relay has ended it: {reason}"),
        };
        if !printed(&line)? {
            return Ok(());
        }
        left = left.map(|left| left - 1);
    }
    Ok(())
}

/// Prints a line; false: its reader went away, as `head` does.
fn printed(line: &str) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    let line = terminal::shown(line, &out);
    match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).context("cannot write to standard output"),
    }
}
