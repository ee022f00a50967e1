//! `pusud health`: whether a relay of this machine is healthy, as one line and an exit code.

use super::print;
use super::relay_socket::RelaySocketArgs;
use anyhow::ensure;
use pusud::control::{self, Status};

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud health                                   the relay with the settings in the working directory, or on port 55000
  pusud health --config /etc/pusud/settings.yaml the relay with these settings
  pusud health --socket /run/pusud/pusud-55000.sock && echo good";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
}

pub(super) fn health(args: &Args) -> anyhow::Result<()> {
    let status = control::ask(&args.relay.find()?)?;
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
    let note = match not_linked.as_slice() {
        [] => String::new(),
        names => format!("; not linked with {}", names.join(", ")),
    };
    format!("{} is healthy: serving clients on {}{note}\n", status.name, status.address)
}
