//! `pusud listen`: prints what is published to channels, and comes back when the relay went away. In channels with history it
//! goes on where it was.

mod hearing;
mod line;
mod positions;

use super::backoff::Backoff;
use super::client_messages::Failure;
use super::connection_args::{ConnectionArgs, Target};
use super::http::HttpArgs;
use super::listening::{Listening, Wanted};
use super::liveness::PatienceArgs;
use super::printer::Printer;
use super::{channel_name, note};
use anyhow::Context as _;
use positions::Positions;
use std::collections::BTreeSet;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// From asking for the channels to having them all.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that stood for this long was a good one: the next failure starts with a short wait.
const STOOD_AFTER: Duration = Duration::from_secs(10);
/// The longest wait that a relay can ask for.
const AFTER_MAX: Duration = Duration::from_secs(300);
/// After Ctrl-C, how long a reader may take for the lines that are on their way.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) const EXAMPLES: &str = "\
Every message is one line on standard output, flushed at once; everything else goes to standard error:
  {\"channel\":\"auction.1\",\"content\":\"going once\"}
Of a channel with history it has a position too, in front of the content. On a terminal, what would steer it is escaped (\\u009b); a pipe or a file gets messages as they are.

When the relay goes away, is silent for longer than --patience or cannot be reached, listen connects again, with growing
waits, and subscribes anew. In channels with history it goes on behind the last message that it has had; where the relay
cannot tell that nothing is missing, listen says so on standard error. In channels without history what was published
meanwhile is lost. It gives up with exit code 1 when the relay says that coming back will not help, as with a
wrong authorization, and where the relay's certificate is wrong (wss://).

With --since FILE it goes on after a restart too. The file has the position of each channel, and is written at most once a
second and at the end; without it listen begins now. Each listen that runs, and each network of relays, needs a file of its
own. A listen that was killed prints the messages of its last second again.

With --http the messages are Server-Sent Events, all channels in one answer, and have no positions. A FILE is about all
channels of such an answer together: name all of them again, and listen with --http again. Such a connection cannot be asked whether it
lives, so --patience has to be longer than one and a half limits.ping_interval of the relay; and it cannot renew an
authorization that ends, so listen connects again then.

Examples:
  pusud listen auction.1
  pusud listen --authorization-file ~/.pusu-password auction.1 auction.2
  pusud listen --url wss://relay.example.com auction.1  with TLS; --ca FILE trusts a certificate of your own
  pusud listen --url https://relay.example.com auction.1   the same with HTTP
  pusud listen --count 1 --no-reconnect auction.1      wait for one message
  pusud listen --last 1 auction.1                      the last message that was published, and all that follow
  pusud listen --since auctions.json auction.1         go on where the last one with this file was
  pusud listen auction.1 | jq --unbuffered .content    channels are exact names: * is not a wildcard here";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    patience: PatienceArgs,
    /// Exit with code 0 after N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Exit with code 1 when the connection ends, rather than connect again
    #[arg(long)]
    no_reconnect: bool,
    /// Go on where the positions in FILE are, and keep them there; for channels with history
    #[arg(long, value_name = "FILE", conflicts_with = "last")]
    since: Option<PathBuf>,
    /// Begin with the newest K messages of each channel, as far as its history has them
    #[arg(long, value_name = "K")]
    last: Option<u32>,
    /// The channels to listen to, by their exact names
    #[arg(value_name = "CHANNEL", required = true, value_parser = channel_name)]
    channels: Vec<String>,
}

pub(super) async fn listen(args: Args) -> anyhow::Result<()> {
    let keeps_positions = args.since.is_some();
    let stop = async || if keeps_positions { terminated().await } else { tokio::signal::ctrl_c().await };
    listen_until(args, BufWriter::new(io::stdout()), io::stdout().is_terminal(), stop).await
}

/// Waits for Ctrl-C or SIGTERM.
#[cfg(unix)]
async fn terminated() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        signal = tokio::signal::ctrl_c() => signal,
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn terminated() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Listens until there is nothing more to print, nobody to print for, or `stop` returns.
pub(super) async fn listen_until(
    args: Args,
    out: impl Write + Send + 'static,
    to_terminal: bool,
    stop: impl AsyncFn() -> io::Result<()>,
) -> anyhow::Result<()> {
    let target = args.connection.target()?;
    let over_http = args.http.http || target.url.is_http;
    let channels = args.channels.into_iter().collect();
    let of_file = |path| Positions::of_file(path, over_http, &channels);
    let positions = args.since.map_or_else(|| Ok(Positions::default()), of_file)?;
    let printer = Printer::start(out, to_terminal).context("cannot start a thread")?;
    let mut listener = Listener {
        target: &target,
        over_http,
        patience: args.patience.patience,
        channels,
        wanted: args.count,
        last: args.last,
        positions,
        printer: &printer,
        unknown: BTreeSet::new(),
        stood_at: None,
    };
    let (outcome, patience) = tokio::select! {
        outcome = listener.stay(args.no_reconnect) => (outcome.map_err(anyhow::Error::new), Duration::MAX),
        () = printer.gone() => (Ok(()), Duration::MAX),
        signal = stop() => (signal.context("cannot wait for Ctrl-C"), LAST_LINES_TIMEOUT),
    };
    let saving = listener.positions.saving();
    let finish = async {
        if let Some(job) = saving {
            printer.then(job).await;
        }
        printer.finish().await
    };
    // What has arrived is printed, unless the reader is stuck and the person at the keyboard has had enough.
    tokio::select! {
        printed = timeout(patience, finish) => if let Ok(printed) = printed {
            printed?;
        },
        signal = stop() => signal.context("cannot wait for Ctrl-C")?,
    }
    outcome
}

struct Listener<'a> {
    target: &'a Target,
    over_http: bool,
    /// How long the relay may be silent.
    patience: Duration,
    channels: BTreeSet<String>,
    /// How many messages are still to come; `None` is without end.
    wanted: Option<u64>,
    /// With how many of the newest messages it begins.
    last: Option<u32>,
    positions: Positions,
    printer: &'a Printer,
    /// Over HTTP: the channels of which this connection has not said whether they have history.
    unknown: BTreeSet<String>,
    /// Since when all channels are subscribed to on the current connection.
    stood_at: Option<Instant>,
}

impl Listener<'_> {
    /// Listens over as many connections as it takes.
    async fn stay(&mut self, no_reconnect: bool) -> Result<(), Failure> {
        let mut backoff = Backoff::default();
        loop {
            self.stood_at = None;
            let Err(failure) = self.listen_once().await else { return Ok(()) };
            if no_reconnect || !failure.again {
                return Err(failure);
            }
            if self.stood_at.is_some_and(|since| since.elapsed() >= STOOD_AFTER) {
                backoff.reset();
            }
            // A relay that has many clients to send away says to each when to come back.
            let wait = backoff.wait().max(failure.after.min(AFTER_MAX));
            note(format_args!("{failure}; connecting again in {:.1} s", wait.as_secs_f64()));
            self.positions.saved_while(self.printer, sleep(wait)).await;
        }
    }

    /// Listens over one connection; `Ok` when there is nothing more to do.
    async fn listen_once(&mut self) -> Result<(), Failure> {
        let mut connection = self.open().await?;
        let mut pending = self.channels.clone();
        let subscribed = self.receive(&mut connection, &mut pending);
        let done = timeout(SUBSCRIBE_TIMEOUT, subscribed).await.unwrap_or_else(|_| {
            let seconds = SUBSCRIBE_TIMEOUT.as_secs();
            Err(Failure::passing(format!("the relay did not confirm all channels within {seconds} s")))
        })?;
        if !done {
            self.stood_at = Some(Instant::now());
            self.positions.have_begun();
            let channels: Vec<&str> = self.channels.iter().map(String::as_str).collect();
            note(format_args!("listening to {} on {}", channels.join(", "), self.target.url.name));
            while !self.receive(&mut connection, &mut pending).await? {}
        }
        connection.close().await;
        Ok(())
    }

    /// Connects, and asks for what is to come on from where the listener is.
    async fn open(&mut self) -> Result<Listening, Failure> {
        if !self.over_http {
            let wanted: Vec<Wanted> = self.channels.iter().map(|channel| self.wanted_of(channel)).collect();
            let opening = Listening::open(self.target, &wanted, self.patience);
            return self.positions.saved_while(self.printer, opening).await;
        }
        self.unknown = self.channels.clone();
        let channels: Vec<&str> = self.channels.iter().map(String::as_str).collect();
        let id = self.positions.stream_id().map(str::to_owned);
        let opening = Listening::open_stream(self.target, &channels, self.last, id.as_deref(), self.patience);
        self.positions.saved_while(self.printer, opening).await
    }

    fn wanted_of(&self, channel: &str) -> Wanted {
        let since = self.positions.of(channel).map(Box::from);
        let last = if since.is_none() { self.last } else { None };
        Wanted { channel: channel.to_owned(), since, last }
    }
}
