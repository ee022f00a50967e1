//! The commands of `pusud`: which there are, what they take, what their help says. One file a command does the work.

mod attribute_args;
mod authorization_args;
mod authorize;
mod backoff;
mod bench;
mod channels;
mod check;
mod check_authenticators;
mod client;
mod client_messages;
mod clients;
mod columns;
mod connecting;
mod connection_args;
mod decisions;
mod hash_password;
mod health;
mod http;
mod inspect;
mod kick;
mod linked_relays;
mod listen;
mod listener_rows;
mod listening;
mod liveness;
mod metric_row;
mod operations_rows;
mod option_files;
mod output;
mod plugin_test;
mod plugin_test_report;
mod plugins;
mod printer;
mod probe;
mod publish;
mod relay_socket;
mod relay_stream;
mod relay_url;
mod reload;
mod revocations;
mod revoke;
mod run;
mod settings_args;
mod status;
mod status_entries;
mod status_figures;
mod tail;
mod terminal;
#[cfg(test)]
mod tests;
mod tls_args;
mod top;
mod width;

pub(crate) use output::{note, note_failure};

use clap::{Parser, Subcommand};
use output::{print, write_line};
use pusud::{authenticator, protocol, system};
use settings_args::SettingsArgs;
use std::borrow::Cow;
use std::io;

/// The relay server of PuSu Engine: pub-sub over WebSocket for very many listeners
///
/// Sources publish short messages to channels, and every listener of a channel gets them. Who may read and write which
/// channel is decided by an authenticator: a shared library that the settings name.
///
/// Without a command, pusud serves (`pusud run`).
#[derive(Parser)]
#[command(name = "pusud", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: SettingsArgs,
}

impl Args {
    /// Whether this command writes a log, in JSON.
    pub(crate) fn log_is_json(&self) -> bool {
        let settings = match &self.command {
            None => &self.run,
            Some(Command::Run(settings) | Command::Check(settings)) => settings,
            Some(Command::Authorize(args)) => &args.settings,
            Some(_) => return false,
        };
        settings.log_format == system::Format::Json
    }
}

const EXAMPLES: &str = "\
Examples:
  pusud check --config /etc/pusu/settings.yaml     is everything in order?
  pusud --config /etc/pusu/settings.yaml           serve
  pusud status --config /etc/pusu/settings.yaml    how is it, and who is connected?
  pusud health --config /etc/pusu/settings.yaml    is it healthy? by exit code
  pusud reload --config /etc/pusu/settings.yaml    read the settings again, and say what became of it
  pusud hash-password                              make the hash that stands in place of a password
  pusud revoke --subject alice                     throw somebody out, everywhere, and keep her out
  pusud decisions --refused                        who was refused lately, and why?
  pusud top                                        what goes on, and what is wrong?
  pusud listen auction.1 auction.2                 print what is published to two channels
  pusud publish auction.1 'going once'             publish one message
  pusud bench --listeners 1000 --rate 100          how fast does it arrive?

`pusud COMMAND --help` explains a command.";

#[derive(Subcommand)]
enum Command {
    /// Serve clients until SIGTERM or Ctrl-C (the default)
    ///
    /// Logs to standard error. The line `serving clients` says where clients connect and who decides what they may do.
    /// SIGTERM, or Ctrl-C, starts a graceful shutdown: clients are drained first. A second one ends it at once.
    /// SIGHUP reads the settings again and lets another authenticator, a new version of it or other options take over; no
    /// connection ends, and if anything is wrong all stays as it was and the log says why.
    Run(SettingsArgs),
    /// Check settings and authenticator, serve nobody
    ///
    /// Reads the settings, finds and checks the authenticator's library, loads it, creates it with its options, stops it,
    /// and prints the effective set-up (never the value of an option). It takes no port, so it can run beside a relay
    /// that serves. Exit code 0: a relay with these settings would start, if its port is free. 1: it would not, or a NATS server
    /// refuses it, takes no messages as long as its own, or is of another cluster, and the message says why.
    Check(SettingsArgs),
    /// Show how a relay on this machine is: clients, messages, losses, authenticator, other relays
    ///
    /// Asks the relay through its control socket, a local one that its own user and root may use. Exit code 0: it answered.
    /// 1: no relay is there or it does not answer, and the message says which. With `--check` also 1: it is not healthy.
    #[command(after_help = status::EXAMPLES)]
    Status(status::Args),
    /// Say whether a relay is healthy: a health check, by exit code
    ///
    /// Prints one line. Exit code 0: it is healthy. 1: it is not, and the message has the reasons: no relay answers, a
    /// shard or the network's thread hangs, the authenticator is not ready, or the relay is stopping. Relays that are
    /// not linked are named and are no reason. With `--url` it asks from outside, as a client does: whoever gets
    /// through is greeted, and of TLS it says until when the certificate is valid.
    #[command(after_help = health::EXAMPLES)]
    Health(health::Args),
    /// Have a relay on this machine read its settings again, as SIGHUP does, and say what became of it
    ///
    /// Waits until the authenticator has reloaded or a new instance of it decides. Exit code 0: it is done. 1: nothing was
    /// changed, or no relay answers, and the message says why.
    #[command(after_help = reload::EXAMPLES)]
    Reload(reload::Args),
    /// End connections of clients, on this relay or in the whole network
    ///
    /// The clients are told by close code 4504, and may connect again: `pusud revoke` is what keeps somebody out. Exit code
    /// 0: it is done, and the number of connections is printed. 1: it is not known to be done everywhere, and the message
    /// says where not.
    #[command(after_help = kick::EXAMPLES)]
    Kick(kick::Args),
    /// Take back what a subject or an authorization gives, on every linked relay, and refuse it from here on
    ///
    /// Clients lose what they have by it within a second, subscriptions too, and those that have nothing else are closed with
    /// 4504. Exit code 0: it holds on this relay and on all that are linked. 1: it does not hold everywhere, and the message
    /// says where not; where it holds it stays.
    #[command(after_help = revoke::EXAMPLES)]
    Revoke(revoke::Args),
    /// List the revocations that hold, or lift one
    ///
    /// Exit code 0: they are listed, or it is lifted on this relay and on all that are linked. 1: it is not, and the message
    /// says where not.
    #[command(after_help = revocations::EXAMPLES)]
    Revocations(revocations::Args),
    /// Show what the authenticator of a relay has decided last, and why somebody was refused
    ///
    /// The relay remembers as many decisions as `remembered_decisions` in its settings says. Of an authorization it shows a
    /// keyed hash, which `pusud revoke` takes. Exit code 0: they are shown. 1: none are remembered, or no relay answers.
    #[command(after_help = decisions::EXAMPLES)]
    Decisions(decisions::Args),
    /// Look at a relay on this machine as it runs: problems, rates, relays, and the clients and channels with the highest rates
    ///
    /// On a terminal a page that is drawn anew every two seconds, until `q` or Ctrl-C; elsewhere a page each time. Exit code 0:
    /// somebody has seen enough. 1: no relay answers (any more).
    #[command(after_help = top::EXAMPLES)]
    Top(top::Args),
    /// Show the clients of a relay on this machine: those first for whom most waits, or by rate, channels or age
    ///
    /// The list is made when it is asked for and holds up no client. Exit code 0: it is shown. 1: it is not, or not all of
    /// it, and the message says why.
    #[command(after_help = clients::EXAMPLES)]
    Clients(clients::Args),
    /// Show the channels of a relay on this machine: those first that most listen to, or by rate or name
    ///
    /// Exit code 0: they are shown. 1: they are not, or not all of them, and the message says why.
    #[command(after_help = channels::EXAMPLES)]
    Channels(channels::Args),
    /// Print what comes on a channel of a relay on this machine, as the operator, who needs no authorization
    ///
    /// Every message from here on, with the time. Whoever reads it too slowly is disconnected like any client. Exit code 0:
    /// as many have come as --count says. 1: the relay has ended it, or does not answer, and the message says why.
    #[command(after_help = tail::EXAMPLES)]
    Tail(tail::Args),
    /// Ask the authenticator about one authorization, and explain its decision
    ///
    /// Starts the authenticator of the settings as a relay would, asks it once, and says what it decided, for whom, which
    /// permissions that gives until when, and how long it took. Without a flag and without PUSU_AUTHORIZATION in the
    /// environment the authorization is asked for at the terminal. Exit code 0: granted. 1: refused, or not decided.
    #[command(after_help = authorize::EXAMPLES)]
    Authorize(authorize::Args),
    /// Turn a password into a hash that PasswordAuthenticator takes in its place
    ///
    /// Asks for the password twice, without showing it, and prints an argon2 hash. Where standard input is no terminal, its
    /// one line is the password. Exit code 0: the hash is printed. 1: it is not, and the message says why.
    #[command(after_help = hash_password::EXAMPLES)]
    HashPassword,
    /// Look at plugins and test them
    #[command(subcommand)]
    Plugins(PluginsCommand),
    /// The process of a plugin, which a relay with `isolation: process` starts itself
    #[command(name = authenticator::COMMAND, hide = true)]
    PluginProcess,
    /// Print what is published to channels, one JSON line a message
    #[command(after_help = listen::EXAMPLES)]
    Listen(listen::Args),
    /// Publish to a channel
    #[command(after_help = publish::EXAMPLES)]
    Publish(publish::Args),
    /// Measure throughput and latency of a relay, and check that every message arrives once and in order
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::Args),
}

#[derive(Subcommand)]
enum PluginsCommand {
    /// List the plugins in a folder, and the libraries in it that do not serve, and why
    ///
    /// Reads the manifests out of the files; nothing is loaded and none of the plugins' code runs. The first column is
    /// what `authenticator:` in the settings names.
    List(plugins::ListArgs),
    /// Show what a library's file says: manifest, hash, architecture, what it needs
    ///
    /// Nothing is loaded and none of the plugin's code runs; a library for another machine is shown too. Exit code 0: it
    /// would serve as an authenticator here. 1: it would not, and the message says why.
    Inspect(inspect::Args),
    /// Load a plugin in processes of its own and check that it keeps the rules of the ABI
    ///
    /// Misuses it as clients and operators will: odd authorizations, many at once, answers that nobody waits for, a
    /// thousand instances one after the other. A plugin that crashes or hangs fails the check it did that in. Exit code 0:
    /// all checks are passed.
    #[command(after_help = plugin_test::EXAMPLES)]
    Test(plugin_test::Args),
    /// One check of `test`, which starts this itself
    #[command(hide = true)]
    RunCheck,
}

/// Does what the command line says.
///
/// # Errors
/// Whatever went wrong, as one message for the operator.
pub(crate) fn execute(args: Args) -> anyhow::Result<()> {
    match args.command.unwrap_or(Command::Run(args.run)) {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Status(args) => status::status(&args),
        Command::Health(args) => health::health(&args),
        Command::Reload(args) => reload::reload(&args),
        Command::Kick(args) => kick::kick(args),
        Command::Revoke(args) => revoke::revoke(args),
        Command::Revocations(args) => revocations::revocations(args),
        Command::Decisions(args) => decisions::decisions(args),
        Command::Top(args) => top::top(&args),
        Command::Clients(args) => clients::clients(args),
        Command::Channels(args) => channels::channels(args),
        Command::Tail(args) => tail::tail(args),
        Command::PluginProcess => authenticator::serve(),
        Command::Authorize(args) => authorize::authorize(args),
        Command::HashPassword => hash_password::hash_password(),
        Command::Plugins(PluginsCommand::List(args)) => plugins::list(&args),
        Command::Plugins(PluginsCommand::Inspect(args)) => inspect::inspect(&args),
        Command::Plugins(PluginsCommand::Test(args)) => plugin_test::test(&args),
        Command::Plugins(PluginsCommand::RunCheck) => plugin_test::run_check(),
        Command::Listen(args) => client_runtime()?.block_on(listen::listen(args)),
        Command::Publish(args) => client_runtime()?.block_on(publish::publish(args)),
        Command::Bench(args) => client_runtime()?.block_on(bench::bench(args)),
    }
}

/// Ends the process over a command line that is wrong, or that asks for help.
pub(crate) fn exit_for(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    if matches!(terminal::shown(&text, &io::stderr()), Cow::Borrowed(_)) {
        error.exit();
    }
    // What stands in the arguments would steer the terminal, as the colours of the message do.
    write_line(text.trim_end());
    std::process::exit(error.exit_code());
}

fn client_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Reads a channel's name from the command line.
fn channel_name(name: &str) -> Result<String, String> {
    protocol::check_channel(name).map(|()| name.to_owned()).map_err(|error| error.to_string())
}
