//! `pusud publish`: sends messages to a channel, and makes sure that the relay took them.

use super::channel_name;
use super::client::{Connection, Sending};
use super::client_messages::{Answer, Failure, Request};
use super::connection_args::{ConnectionArgs, Target};
use super::http::{self, HttpArgs};
use super::liveness::PatienceArgs;
use anyhow::Context as _;
use serde_json::value::{RawValue, to_raw_value};
use std::io::{self, BufRead as _, BufReader, Read};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long the relay may take to deal with everything that was sent.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(60);
/// Lines that may wait to be sent, and that go out in one flush.
pub(super) const BATCH_LINES: usize = 256;
/// What the ping after the last message holds.
const LAST: &[u8] = b"last";

pub(super) const EXAMPLES: &str = "\
The exit code is 0 when the relay has dealt with every message, and 1 when it refused one, went away or was silent for
longer than --patience; the reason is on standard error. publish connects once and never sends a message twice. It renews
an authorization that ends while lines still come.

With --http each message is a POST request, and up to 64 lines are on their way at a time. A line is sent again only where
the relay has said that it did not handle it, and a connection that has been idle is replaced. An authorization that
cannot stand in a header of HTTP, such as one with line ends, is an error.

Examples:
  pusud publish auction.1 'going once'
  pusud publish --json auction.1 '{\"bid\": 12.50}'
  tail -f events.log | pusud publish --authorization-file ~/.pusu-password events
  pusud publish --url https://relay.example.com auction.1 'going once'";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    patience: PatienceArgs,
    /// The content is JSON and is sent as it is, rather than as a JSON string
    #[arg(long)]
    json: bool,
    /// The channel to publish to
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: String,
    /// The message; without it every line of standard input is one
    #[arg(value_name = "CONTENT", allow_negative_numbers = true)]
    content: Option<String>,
}

pub(super) async fn publish(args: Args) -> anyhow::Result<()> {
    publish_from(args, io::stdin()).await
}

/// Publishes the content, or else the lines of `input`.
pub(super) async fn publish_from(args: Args, input: impl Read + Send + 'static) -> anyhow::Result<()> {
    let Args { connection, http, patience, json, channel, content } = args;
    let content = content.map(|text| encode(&text, json).context("CONTENT")).transpose()?;
    let target = connection.target()?;
    if http.http || target.url.is_http {
        let patience = patience.patience;
        return match content {
            Some(content) => Ok(http::publish_one(&target, patience, &channel, content).await?),
            None => http::publish_lines(&target, patience, &channel, json, input).await,
        };
    }
    let mut connection = Connection::open(&target).await?;
    connection.set_patience(patience.patience);
    let sent = match content {
        Some(content) => {
            let request = Request::Publish { channel: &channel, content: &content };
            publish_one(&mut connection, &request).await.map_err(Into::into)
        }
        None => publish_lines(&mut connection, &target, &channel, json, input).await,
    };
    if sent.as_ref().is_err_and(|error| error.is::<Failure>()) {
        return sent;
    }
    // What was sent before something turned out to be wrong with the input counts, and is waited for.
    let confirmed = confirm(&mut connection, &target).await;
    connection.close().await;
    match (sent, confirmed) {
        (sent, Ok(())) => sent,
        (Ok(()), Err(failure)) => Err(failure.into()),
        (Err(error), Err(failure)) => Err(error.context(failure)),
    }
}

async fn publish_one(connection: &mut Connection, request: &Request<'_>) -> Result<(), Failure> {
    connection.send_to_a_live_relay(Sending::Queue(request)).await?;
    connection.send_to_a_live_relay(Sending::Flush).await
}

async fn publish_lines(
    connection: &mut Connection,
    target: &Target,
    channel: &str,
    json: bool,
    input: impl Read + Send + 'static,
) -> anyhow::Result<()> {
    let mut lines = read_lines(input)?;
    let mut batch = Vec::new();
    let mut read: u64 = 0;
    loop {
        tokio::select! {
            count = lines.recv_many(&mut batch, BATCH_LINES) => if count == 0 {
                return Ok(());
            },
            // A refusal ends the work at once, also while the input is silent; so does a relay that has gone.
            answer = connection.next_of_a_live_relay() => {
                if let Answer::Expiring = answer.with_context(|| stopped_after(read))? {
                    connection.ask_for_permissions(target).await.with_context(|| stopped_after(read))?;
                }
            }
        }
        for line in batch.drain(..) {
            read += 1;
            let line = line.with_context(|| format!("cannot read line {read} of standard input"))?;
            let content = encode(&line, json).with_context(|| format!("line {read} of standard input"))?;
            let request = Request::Publish { channel, content: &content };
            connection.send_to_a_live_relay(Sending::Queue(&request)).await.with_context(|| stopped_after(read))?;
        }
        connection.send_to_a_live_relay(Sending::Flush).await.with_context(|| stopped_after(read))?;
    }
}

fn stopped_after(lines: u64) -> String {
    format!("stopped after line {lines}, and the last ones before it may not have arrived")
}

/// Publishing has no answer. But a relay deals with what a client sends in order, so the answer to a ping says that it
/// has dealt with everything before it, and a refusal comes first.
pub(super) async fn confirm(connection: &mut Connection, target: &Target) -> Result<(), Failure> {
    let confirmed = async {
        connection.ping(LAST).await?;
        loop {
            match connection.next().await? {
                Answer::Pong(payload) if payload == LAST => return Ok(()),
                Answer::Expiring => connection.ask_for_permissions(target).await?,
                _ => {}
            }
        }
    };
    timeout(CONFIRM_TIMEOUT, confirmed).await.unwrap_or_else(|_| {
        let seconds = CONFIRM_TIMEOUT.as_secs();
        Err(Failure::passing(format!("the relay did not confirm within {seconds} s that it took the messages")))
    })
}

/// Lines as they come, read on a thread of their own: reading a terminal or a pipe cannot be interrupted.
pub(super) fn read_lines(input: impl Read + Send + 'static) -> io::Result<mpsc::Receiver<io::Result<String>>> {
    let (lines, queue) = mpsc::channel(BATCH_LINES);
    std::thread::Builder::new().name("pusud-reader".into()).spawn(move || {
        for line in BufReader::new(input).lines() {
            let failed = line.is_err();
            if lines.blocking_send(line).is_err() || failed {
                return;
            }
        }
    })?;
    Ok(queue)
}

/// The content of a message: a JSON string of the text, or the text itself if it is JSON.
pub(super) fn encode(text: &str, json: bool) -> anyhow::Result<Box<RawValue>> {
    if json {
        RawValue::from_string(text.to_owned()).context("expected JSON (--json), found something else")
    } else {
        Ok(to_raw_value(text)?)
    }
}
