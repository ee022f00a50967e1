//! `pusud run`: serves until told to stop.

use super::SettingsArgs;
use anyhow::Context as _;
use pusud::authenticator::{self, Authenticator, Identity};
use pusud::config::Config;
use pusud::relay::Relay;
use pusud::system::{self, HandedOver, Shutdown, Signals};

pub(super) fn run(args: &SettingsArgs) -> anyhow::Result<()> {
    let sockets = HandedOver::take_all();
    let signals = Signals::catch().context("cannot catch signals");
    system::start_logging(args.log_format, args.log_level, system::Output::Queued)?;
    // Only now: an error of theirs is a line of the log, too.
    let (sockets, signals) = (sockets?, signals?);
    authenticator::forbid_exit(|why| {
        tracing::error!("{why}");
        system::finish_log();
    });
    let (mut config, warnings) = Config::load(args.config.as_deref(), &args.overrides())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let authenticator = Authenticator::start(&config.authenticator, config.limits.authorize_call_timeout)?;
    config.authenticator.wipe_options();
    // Once it is bound, the relay stops the authenticator when it stops itself.
    let relay = Relay::bind(config.clone(), authenticator.clone(), sockets).inspect_err(|_| authenticator.stop())?;
    let relay = relay.reloading(signals.sighups(), args.overrides());
    let address = relay.client_address().to_owned();
    relay.run(Shutdown::on_signals(signals), || announce(&config, &authenticator.identity(), &address))
}

/// The one line that says what this relay is. Programs wait for it: its message and `address` stay as they are.
fn announce(config: &Config, authenticator: &Identity, address: &str) {
    let plugin =
        authenticator.path.as_ref().map(|path| (&authenticator.version, &authenticator.sha256, path.display()));
    let settings = config.file.as_ref().map(|file| tracing::field::display(file.display()));
    tracing::info!(
        %address,
        name = %config.name,
        shards = config.shards,
        generation = 1,
        authenticator = %authenticator.id,
        version = plugin.as_ref().map(|(version, ..)| tracing::field::display(version)),
        sha256 = plugin.as_ref().map(|(_, sha256, _)| tracing::field::display(sha256)),
        path = plugin.as_ref().map(|(.., path)| tracing::field::display(path)),
        settings,
        "serving clients"
    );
}
