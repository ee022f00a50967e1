//! `pusud health`: whether a relay is healthy, as one line and an exit code.
//!
//! A relay of this machine is asked at its control socket. With a URL it is asked as a client would: whoever gets through
//! to it, TLS and proxies included, is greeted and answered.

use super::client::Connection;
use super::client_messages::{Answer, Failure};
use super::connection_args::Target;
use super::relay_socket::RelaySocketArgs;
use super::relay_stream::RelayStream;
use super::tls_args::TlsArgs;
use super::{client_runtime, print};
use anyhow::{bail, ensure};
use pusud::control::{self, Status};
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// How long a relay that has greeted may take to answer a ping.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The ping's payload.
const PING: &[u8] = b"health";
const DAY: Duration = Duration::from_secs(86_400);

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud health                                   the relay with the settings in the working directory, or on port 55000
  pusud health --config /etc/pusud/settings.yaml the relay with these settings
  pusud health --socket /run/pusud/pusud-55000.sock && echo good
  pusud health --url wss://relay.example.com     do clients get through to it? and how long is its certificate valid?";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    /// Ask as a client does, from anywhere: ws://HOST:PORT, wss://HOST:PORT (TLS), or unix:PATH
    ///
    /// The relay has to greet and to answer a ping; it is sent no authorization. Without a port, ws:// means 80 and wss://
    /// means 443.
    #[arg(long, value_name = "URL", conflicts_with_all = ["config", "socket"])]
    url: Option<String>,
    #[command(flatten)]
    tls: TlsArgs,
}

pub(super) fn health(args: &Args) -> anyhow::Result<()> {
    let Args { relay, url, tls } = args;
    if let Some(url) = url {
        let target = Target::new(url, tls)?;
        ensure!(!target.url.is_http, "--url {url}: health asks over WebSocket; use ws://HOST:PORT or wss://HOST:PORT");
        return print(&client_runtime()?.block_on(ask_as_a_client(&target))?);
    }
    if let Some(flag) = tls.flag() {
        bail!("{flag} is about TLS: give the relay as --url wss://HOST:PORT, too");
    }
    let status = control::ask(&relay.find()?)?;
    check(&status)?;
    print(&line(&status))
}

/// Whether the relay is healthy.
///
/// # Errors
/// It is not; all reasons in one line.
pub(super) fn check(status: &Status) -> anyhow::Result<()> {
    let reasons = status.unhealthy();
    ensure!(reasons.is_empty(), "{} is not healthy: {}", status.name, reasons.join("; "));
    Ok(())
}

/// The line about a healthy relay. Relays that are not linked are named: that may be their own trouble.
fn line(status: &Status) -> String {
    let not_linked = status.not_linked();
    let is_without_nats = status.nats.as_ref().is_some_and(|nats| nats.server.is_none());
    let note = match not_linked.as_slice() {
        _ if is_without_nats => "; not connected to NATS, so that no other relay is reached".to_owned(),
        [] => String::new(),
        names => format!("; not linked with {}", names.join(", ")),
    };
    format!("{} is healthy: serving clients on {}{note}\n", status.name, status.address)
}

/// Connects, is greeted, and has a ping answered; returns the line about it.
async fn ask_as_a_client(target: &Target) -> Result<String, Failure> {
    let mut connection = Connection::greet(target).await?;
    let answered = async {
        connection.ping(PING).await?;
        while !matches!(connection.next().await?, Answer::Pong(payload) if payload == PING) {}
        Ok(())
    };
    timeout(ANSWER_TIMEOUT, answered).await.unwrap_or_else(|_| {
        let seconds = ANSWER_TIMEOUT.as_secs();
        Err(Failure::passing(format!("{} greets, and has not answered a ping for {seconds} s", target.url.name)))
    })?;
    let certificate = match connection.stream() {
        RelayStream::Tls(stream) => {
            let end = stream.certificate_ends().map_or_else(String::new, |end| said_of_the_end(end, SystemTime::now()));
            format!("; {}{end}", stream.session())
        }
        _ => String::new(),
    };
    let relay = connection.relay().unwrap_or("the relay").to_owned();
    connection.close().await;
    Ok(format!("{relay} is healthy: it greets clients on {}{certificate}\n", target.url.name))
}

fn said_of_the_end(end: SystemTime, now: SystemTime) -> String {
    let days = end.duration_since(now).unwrap_or_default().as_secs() / DAY.as_secs();
    let date = humantime::format_rfc3339_seconds(end);
    format!("; its certificate is valid until {date}, for {days} day{}", if days == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_without_nats_is_healthy_and_says_so() {
        let mut status = Status { name: "r1".into(), address: "a:1".into(), ..Status::default() };
        assert_eq!(line(&status), "r1 is healthy: serving clients on a:1\n");
        status.nats = Some(pusud::routing::NatsStatus::default());
        assert!(line(&status).contains("a:1; not connected to NATS,"), "{}", line(&status));
    }

    #[test]
    fn days_that_are_left_are_whole_ones() {
        let end = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        for (left, expected) in [(DAY * 2, "2 days"), (DAY * 2 - Duration::from_secs(1), "1 day"), (DAY / 2, "0 days")]
        {
            let said = said_of_the_end(end, end - left);
            assert_eq!(said, format!("; its certificate is valid until 2024-10-04T00:00:00Z, for {expected}"));
        }
    }
}
