//! Options of `pusud bench`, and the plans that they mean.

use super::checking::{CHANNELS_MAX, CONTENT_BYTES_MIN, SOURCES_MAX};
use super::plan::{Extent, OverHttp, Pace, Plan};
use crate::cli::connection_args::ConnectionArgs;
use crate::cli::relay_url::RelayUrl;
use anyhow::{bail, ensure};
use pusud::protocol;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

/// The longest run; times on messages end at 78 hours.
const DURATION_MAX: Duration = Duration::from_secs(48 * 3600);

pub(super) const EXAMPLES: &str = "\
Every message says which source, channel and sequence it is of and when it was sent, and every listener checks what it
gets. The exit code is 0 when everything arrived once and in order. It is 1 when a message was lost, came twice or out of
order, or when the relay cut a listener or refused something; the reason is on standard error.

Without --rate, bench measures throughput: each source has up to --window messages on their way, and sends the next one
when all listeners of the channel, down to the slowest, have the message before those. Latency then includes waiting in
that window. With --rate it measures latency: every message is due at a time that follows from the rate, and its latency
counts from when it was due, even if the relay or this machine made it leave late.

All --sources start together, when everybody is connected, as an audience that answers a question does. With --rate they
stay together: with 100 sources and a rate of 200 each source sends one message every half second, all in the same moment.

--beside N measures what others notice of the load: N quiet pairs, each a source and a listener on a channel of their own,
send about ten messages a second each, evenly spaced, for as long as the sources send. Their latency counts from when a
message was due and is shown apart, in JSON as `beside`. They have threads of their own, so that they do not wait for all
that the others read; but where bench has a single core, or the relay shares it, these threads compete for it.

With a wss:// URL all of this is measured over TLS. Each connection is a whole handshake, as that of a client which comes for
the first time: connects/s is TLS, upgrade, authorization and subscription. The headline says what was agreed on.

With --http sources publish with POST, each message a request, on connections that stay; what is on its way does not wait for
answers, and a run ends when all have come. Listeners listen to Server-Sent Events; connects/s is then the request up to the
event that says that they are subscribed. --http=publish and --http=events measure one of the two, and the other as ever.

bench takes processor time too. Where it shares the machine with the relay, the relay has that much less: for figures
that count, run it on another machine, or keep the two apart with taskset.

Examples:
  pusud bench                                              100 listeners, as fast as they read, for 10 s
  pusud bench --listeners 10000 --rate 20 --duration 1m    latency with many listeners
  pusud bench --listeners 1000 --channels 1000             a channel for each listener
  pusud bench --url wss://localhost:55443 --ca cert.pem    the same over TLS
  pusud bench --url http://127.0.0.1:55000                 the same over HTTP
  pusud bench --http=publish --listeners 1                 how fast are requests?
  pusud bench --listeners 10000 --beside 1                 what a quiet channel notices of a busy one
  pusud bench --sweep 10,100,1000,10000 --plot bench.svg   how it grows";

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
    /// Speak HTTP with the relay rather than WebSocket, in both parts or in one; http:// and https:// URLs mean both
    #[arg(long, value_name = "PART", num_args = 0..=1, require_equals = true, default_missing_value = "both")]
    http: Option<HttpPart>,
    /// How many clients listen
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    listeners: u32,
    /// How many clients send; they start together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(SOURCES_MAX)))]
    sources: u32,
    /// Over how many channels listeners and messages are spread; every listener listens to one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(CHANNELS_MAX)))]
    channels: u32,
    /// Bytes of JSON in the content of every message, at least 44
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    size: usize,
    /// Messages a second, of all sources together; the sources send in the same moment [default: as many as the
    /// listeners read]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rate: Option<u64>,
    /// Without --rate: messages of a source that may be on their way [default: 64, or what fits into 512 KiB]
    #[arg(long, value_name = "N", conflicts_with = "rate", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    window: Option<u32>,
    /// Quiet pairs beside the load, each a source and a listener, whose latency is shown apart
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1000))]
    beside: u32,
    /// Measure so many messages
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    messages: Option<u64>,
    /// Measure for so long, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Send for so long before measuring; what is sent meanwhile is checked all the same
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    warm_up: Duration,
    /// How long nothing may arrive before what is missing counts as lost
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    patience: Duration,
    /// Listeners that connect at a time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    connects: u32,
    /// Threads that listen [default: half of the processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// What the names of the channels begin with; a number follows
    #[arg(long, value_name = "TEXT", default_value = "bench.")]
    channel_prefix: String,
    /// Print JSON instead of a table: one line a run; times are in microseconds
    #[arg(long)]
    pub(super) json: bool,
    /// One run for each of these numbers of listeners
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', conflicts_with = "listeners")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sweep: Vec<u32>,
    /// Draw the latency and throughput of a sweep into an SVG file (no other format)
    #[arg(long, value_name = "FILE", requires = "sweep")]
    pub(super) plot: Option<PathBuf>,
}

/// The part of a measurement that is to speak HTTP.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum HttpPart {
    /// Sources publish with POST, and listeners listen to events
    Both,
    /// Sources publish with POST
    Publish,
    /// Listeners listen to Server-Sent Events
    Events,
}

impl Args {
    /// What speaks HTTP. A URL that cannot be read is an error elsewhere.
    fn over_http(&self) -> OverHttp {
        let says_http = || RelayUrl::parse(&self.connection.url).is_ok_and(|url| url.is_http);
        let part = self.http.or_else(|| says_http().then_some(HttpPart::Both));
        let is_any_of = |parts: [HttpPart; 2]| part.is_some_and(|part| parts.contains(&part));
        OverHttp {
            publish: is_any_of([HttpPart::Both, HttpPart::Publish]),
            events: is_any_of([HttpPart::Both, HttpPart::Events]),
        }
    }

    /// The runs to do, by growing number of listeners.
    ///
    /// # Errors
    /// What in the command line cannot be, and what could.
    pub(super) fn plans(&self) -> anyhow::Result<Vec<Plan>> {
        let Self { sources, channels, size, .. } = *self;
        ensure!(
            size >= CONTENT_BYTES_MIN,
            "--size {size}: every message carries {CONTENT_BYTES_MIN} bytes that tell it from all others; use --size \
             {CONTENT_BYTES_MIN} or more"
        );
        ensure!(
            self.warm_up + self.duration <= DURATION_MAX,
            "--duration: expected at most {} h with the warm-up",
            DURATION_MAX.as_secs() / 3600
        );
        if let Some(file) = &self.plot
            && !file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"))
        {
            bail!("--plot {}: expected a file that ends in .svg, which is the only format", file.display());
        }
        let mut listeners = if self.sweep.is_empty() { vec![self.listeners] } else { self.sweep.clone() };
        listeners.sort_unstable();
        listeners.dedup();
        ensure!(
            channels <= listeners[0],
            "--channels {channels}: with {} listeners some channels would have nobody; use at most {}",
            listeners[0],
            listeners[0]
        );
        if let (Some(rate), None) = (self.rate, self.messages) {
            let period = f64::from(sources) / rate as f64;
            ensure!(
                period <= self.duration.as_secs_f64(),
                "--rate {rate}: {sources} sources send together every {period:.1} s, which is longer than --duration; use \
                 a higher rate, fewer --sources or a longer --duration"
            );
        }
        let window = self.window.map_or_else(|| Plan::default_window(sources, size), Pace::Window);
        let plan = |listeners: u32| Plan {
            run: Plan::random_run(),
            listeners,
            sources,
            channels,
            size,
            pace: self.rate.map_or(window, Pace::Rate),
            extent: self.messages.map_or(Extent::Duration(self.duration), Extent::Messages),
            warm_up: self.warm_up,
            threads: self.threads.unwrap_or_else(half_of_the_processors).min(listeners),
            connects: self.connects,
            channel_prefix: self.channel_prefix.clone(),
            patience: self.patience,
            beside: self.beside,
            pairs: false,
            over_http: self.over_http(),
        };
        let plans: Vec<Plan> = listeners.into_iter().map(plan).collect();
        for plan in plans.iter().take(1).cloned().chain(plans[0].of_the_pairs()) {
            if let Err(error) = protocol::check_channel(&plan.channel_name(plan.channels - 1)) {
                bail!("--channel-prefix {:?}: {error}", self.channel_prefix);
            }
        }
        Ok(plans)
    }
}

fn half_of_the_processors() -> u32 {
    let processors = available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX));
    (processors / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn plans(words: &str) -> anyhow::Result<Vec<Plan>> {
        Line::try_parse_from(std::iter::once("bench").chain(words.split_whitespace()))?.args.plans()
    }

    #[test]
    fn the_pace_is_a_rate_or_a_window() {
        assert_eq!(plans("").unwrap()[0].pace, Pace::Window(64));
        assert_eq!(plans("--window 3").unwrap()[0].pace, Pace::Window(3));
        assert_eq!(plans("--rate 20").unwrap()[0].pace, Pace::Rate(20));
        assert!(plans("--rate 20 --window 3").is_err());
    }

    #[test]
    fn either_part_can_speak_http() {
        for (words, publish, events) in [
            ("", false, false),
            ("--http", true, true),
            ("--http=both", true, true),
            ("--http=publish", true, false),
            ("--http=events --url wss://a", false, true),
            ("--url https://a", true, true),
            ("--url http://a --http=events", false, true),
        ] {
            assert_eq!(plans(words).unwrap()[0].over_http, OverHttp { publish, events }, "{words}");
        }
        assert!(plans("--http=websocket").is_err());
    }

    #[test]
    fn a_sweep_is_a_run_each() {
        let listeners: Vec<u32> = plans("--sweep 100,10,1000,10").unwrap().iter().map(|plan| plan.listeners).collect();
        assert_eq!(listeners, [10, 100, 1000]);
        assert!(plans("--sweep 10 --listeners 10").is_err());
        assert!(plans("--plot a.svg").is_err());
    }

    #[test]
    fn what_cannot_be_is_said_with_what_could() {
        for (words, expected) in [
            ("--size 43", "use --size 44 or more"),
            ("--channels 101", "use at most 100"),
            ("--sweep 10,20 --channels 11", "use at most 10"),
            ("--sweep 10 --plot a.png", "ends in .svg"),
            ("--duration 50h", "at most 48 h"),
            ("--listeners 0", "0 is not in 1..="),
            ("--messages 1 --duration 1s", "cannot be used with"),
            ("--sources 100 --rate 5", "together every 20.0 s"),
            ("--beside 1001", "1001 is not in"),
        ] {
            let error = plans(words).unwrap_err().to_string();
            assert!(error.contains(expected), "{words} gave: {error}");
        }
        assert!(plans("--size 44").is_ok());
        let long = "x".repeat(255);
        assert!(plans(&format!("--channel-prefix {long}")).unwrap_err().to_string().contains("--channel-prefix"));
        let fits_without = "x".repeat(250);
        assert!(plans(&format!("--channel-prefix {fits_without}")).is_ok());
        assert!(plans(&format!("--beside 1 --channel-prefix {fits_without}")).is_err());
        assert!(plans("--sources 100 --rate 5 --duration 20s").is_ok());
    }
}
