//! `pusud revoke`: has a relay of this machine, and through it all linked ones, take authorizations back.

use super::linked_relays::{all_done, by_relay, counted};
use super::print;
use super::relay_socket::RelaySocketArgs;
use anyhow::{Context as _, bail, ensure};
use pusud::control::{self, Revoked};
use pusud::revocation::{AuthorizationHash, Whom};
use std::time::{Duration, UNIX_EPOCH};

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud revoke --subject alice                    until it is lifted
  pusud revoke --subject alice --for 2h           for two hours
  pusud revoke --authorization-hash 0b7fd6c3a1e45f20998d3c2ab1f6e074
                                                  one authorization alone: `pusud decisions` shows its hash";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    #[command(flatten)]
    whom: WhomArgs,
    /// For how long, such as 30min, 2h or 7days [default: until it is lifted]
    #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
    lasting: Option<Duration>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Whose authorizations are meant.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct WhomArgs {
    /// Everybody whom the authenticator gives this subject
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Whoever sends the authorization with this hash
    #[arg(long, value_name = "HASH")]
    authorization_hash: Option<String>,
}

impl WhomArgs {
    /// The one that is meant, if any is.
    ///
    /// # Errors
    /// The hash is none. It is not repeated: an authorization may have been written in its place.
    pub(super) fn whom(self) -> anyhow::Result<Option<Whom>> {
        let hash = self.authorization_hash.map(|hash| hash.parse::<AuthorizationHash>()).transpose();
        let hash = hash.context("--authorization-hash")?;
        Ok(self.subject.map(Whom::Subject).or(hash.map(Whom::AuthorizationHash)))
    }
}

pub(super) fn revoke(args: Args) -> anyhow::Result<()> {
    let Args { relay, whom, lasting, json } = args;
    let whom = whom.whom()?.context("expected --subject or --authorization-hash")?;
    let shown = whom.to_string();
    let revoked = control::revoke(&relay.find()?, whom, lasting)?;
    let until = match revoked.until_ms {
        0 => "until it is lifted".to_owned(),
        until => format!("until {}", shown_time(until)),
    };
    let clients = by_relay(revoked.connections, &revoked.relays, concerned);
    say(&revoked, json, &format!("{shown} is revoked {until}"), &clients)?;
    ensure!(
        revoked.connections.is_some(),
        "it holds, but a shard of this relay has not answered within a second, so that clients may go on as they were; \
         `pusud status` says which hang"
    );
    Ok(())
}

fn concerned(count: u64) -> String {
    if count == 1 { "1 client had it".to_owned() } else { format!("{count} clients had it") }
}

fn lasting(text: &str) -> anyhow::Result<Duration> {
    let lasting = humantime::parse_duration(text)?;
    ensure!(
        lasting.as_millis() > 0,
        "expected a time that is longer than nothing, a millisecond or more; `pusud revocations --lift` lifts a revocation"
    );
    Ok(lasting)
}

/// Says that something holds, and where it does not; `more`: further lines.
pub(super) fn say(revoked: &Revoked, json: bool, what: &str, more: &str) -> anyhow::Result<()> {
    let kept = match revoked.is_saved {
        Some(true) => "",
        Some(false) => "; NOT SAVED",
        None => "; not kept over a restart of all relays: there is no `revocations_file`",
    };
    let text = match json {
        true => serde_json::to_string(revoked).context("cannot write the answer as JSON")? + "\n",
        false => format!("{what}, here and at {}{kept}\n{more}", counted(&revoked.relays)),
    };
    print(&text)?;
    if let Some(problem) = &revoked.save_problem {
        bail!("it holds, and is forgotten at a restart: {problem}");
    }
    all_done(&revoked.relays)
}

/// A time in milliseconds since 1970, for people.
pub(super) fn shown_time(ms: u64) -> String {
    // Past the year 9999 there is nothing to show.
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(ms.min(253_402_300_799_000)));
    time.map_or_else(|| "never".to_owned(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_which_nothing_would_hold_is_an_error() {
        for none in ["0s", "1ns", "999us"] {
            assert!(lasting(none).unwrap_err().to_string().contains("a millisecond or more"), "{none}");
        }
        assert_eq!(lasting("1ms").unwrap(), Duration::from_millis(1));
    }
}
