//! `pusud reload`: has a relay of this machine read its settings again, and waits for what becomes of it.

use super::print;
use super::relay_socket::RelaySocketArgs;
use pusud::control;

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud reload                                   the relay with the settings in the working directory, or on port 55000
  pusud reload --config /etc/pusud/settings.yaml the relay with these settings
  pusud reload --new                             with a new instance of the authenticator in any case";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    /// Make a new instance of the authenticator, also where the one that decides could read its files again
    ///
    /// One that hangs or answers nonsense is got rid of in this way.
    #[arg(long)]
    new: bool,
}

pub(super) fn reload(args: &Args) -> anyhow::Result<()> {
    let reloaded = control::reload(&args.relay.find()?, args.new)?;
    let control::Reloaded { outcome, generation, authenticator, certificates, warnings } = reloaded;
    let certificates: String = certificates.iter().map(|listener| format!("{listener}\n")).collect();
    let warnings: String = warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
    print(&format!("{outcome}: {authenticator}, generation {generation}\n{certificates}{warnings}"))
}
