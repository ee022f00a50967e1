//! The settings, read again while the daemon serves: another authenticator takes over, or all stays as it was.
//!
//! Reads, checks and loads on a thread of its own, since a plugin may take its time to make an instance. It changes who
//! decides, and the certificates, whose files are read again, and nothing else: keys that need a restart are named in the
//! log.
//! **Invariant:** whatever fails, everything is as it was before, and one line of the log says why.

use crate::authenticator::{self, Authenticator, Identity, Swapped};
use crate::config::{Config, OnSwap, Overrides};
use crate::control::Reloaded;
use crate::relay::certificates::{self, Certificates, Renewed};
use crate::relay::wishes::{Wish, Wishes};
use crate::routing::{Event, InboxSender, Item};
use crate::system::ServiceManager;
use anyhow::{Context as _, ensure};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

/// What is needed to read the settings again.
pub(crate) struct Reload {
    running: Arc<Config>,
    overrides: Overrides,
    authenticator: Authenticator,
    certificates: Vec<Certificates>,
    wishes: Wishes,
    /// Told who decides.
    network: Option<InboxSender<Event>>,
    /// The signal came while the settings were being read.
    again: bool,
}

/// What reading the settings again has led to.
struct Outcome {
    swapped: Swapped,
    on_swap: OnSwap,
    /// What the operator should know.
    warnings: Vec<String>,
}

impl Reload {
    /// `running` is what the daemon was started with.
    pub(crate) fn new(
        running: Arc<Config>,
        overrides: Overrides,
        authenticator: Authenticator,
        certificates: Vec<Certificates>,
        wishes: Wishes,
        network: Option<InboxSender<Event>>,
    ) -> Self {
        Self { running, overrides, authenticator, certificates, wishes, network, again: false }
    }

    /// Reads the settings again whenever it is asked to, and tells the shards what became of it. The service manager is
    /// told as well, and afterwards that the relay is `serving` as before.
    pub(crate) async fn run(mut self, inboxes: &[InboxSender], manager: &ServiceManager, serving: &str) -> Infallible {
        loop {
            let wish = if std::mem::take(&mut self.again) {
                Wish { wants_new: false, reply: None }
            } else {
                self.wishes.next().await
            };
            let by = if wish.reply.is_some() { "pusud reload" } else { "SIGHUP" };
            info!("{by}: reading the settings again");
            manager.reloading();
            let (renewed, outcome) = match self.reload_aside(wish.wants_new).await {
                Ok(done) => done,
                Err(error) => (Renewed::default(), Err(error)),
            };
            manager.ready(serving);
            let answer = match outcome {
                Ok(outcome) => {
                    tell(inboxes, &outcome);
                    if let Some(network) = &self.network {
                        network.send(Event::Deciders(self.authenticator.deciders()));
                    }
                    Ok(self.reloaded(outcome, renewed))
                }
                Err(error) => {
                    let (generation, error) = (self.authenticator.generation(), one_line(&error));
                    error!(generation, "nothing was changed, the authenticator stays: {error}");
                    Err(refused(&error, &renewed))
                }
            };
            if let Some(reply) = wish.reply {
                // Whoever asked may have gone; the log says it, too.
                let _ = reply.send(answer);
            }
        }
    }

    fn reloaded(&self, outcome: Outcome, renewed: Renewed) -> Reloaded {
        let identity = self.authenticator.identity();
        Reloaded {
            outcome: words(outcome.swapped).to_owned(),
            generation: self.authenticator.generation(),
            authenticator: format!("{} {}", identity.id, identity.version).trim_end().to_owned(),
            certificates: renewed.swapped,
            warnings: outcome.warnings.into_iter().chain(renewed.warnings).collect(),
        }
    }

    /// Reloads on a thread of its own. Signals that come meanwhile are logged, and followed by another reload.
    async fn reload_aside(&mut self, wants_new: bool) -> anyhow::Result<(Renewed, anyhow::Result<Outcome>)> {
        // No new thread would get anywhere.
        ensure!(
            !authenticator::loading_hangs(),
            "the library of an earlier reload hangs in being loaded, and holds the lock of the system's loader; restart the daemon"
        );
        let (done, mut outcome) = oneshot::channel();
        let (running, overrides) = (self.running.clone(), self.overrides.clone());
        let (authenticator, certificates) = (self.authenticator.clone(), self.certificates.clone());
        std::thread::Builder::new()
            .name("pusu-reload".into())
            .spawn(move || {
                // What waking the relay takes for the first time is taken now: a library that hangs in being loaded holds
                // the lock that it takes.
                drop(tokio::runtime::Handle::try_current());
                // Certificates are read whatever becomes of the settings: one does not wait for the other.
                let renewed = certificates::renew(&certificates);
                // Nobody waits for the outcome any more when the relay has stopped meanwhile.
                drop(done.send((renewed, reload(&running, &overrides, &authenticator, wants_new))));
            })
            .context("cannot start a thread that reads the settings; raise the limit on processes")?;
        loop {
            tokio::select! {
                outcome = &mut outcome => return outcome.context("the thread has died; its panic is in the log"),
                () = self.wishes.next_sighup() => {
                    self.again = true;
                    warn!("SIGHUP: a reload is still in progress, another follows it; is the authenticator slow to start?");
                }
            }
        }
    }
}

fn reload(
    running: &Config,
    overrides: &Overrides,
    authenticator: &Authenticator,
    wants_new: bool,
) -> anyhow::Result<Outcome> {
    // The file that was there at the start has to be there: without one the defaults would let everybody in.
    let (config, mut warnings) = Config::load(running.file.as_deref(), overrides)?;
    let swapped = authenticator.swap(&config.authenticator, config.limits.authorize_call_timeout, wants_new)?;
    let needs_restart = running.restart_keys(&config);
    if !needs_restart.is_empty() {
        warnings.push(format!("changed in the settings, but needs a restart: {}", needs_restart.join(", ")));
    }
    if running.listeners != config.listeners
        && let Err(error) = certificates::load_certificates(&config)
    {
        warnings.push(format!("a restart would fail: {}", one_line(&error)));
    }
    for warning in &warnings {
        warn!("{warning}");
    }
    log_who_decides(authenticator, swapped, running.file.as_deref());
    Ok(Outcome { swapped, on_swap: config.authenticator.on_swap, warnings })
}

fn words(swapped: Swapped) -> &'static str {
    match swapped {
        Swapped::Nothing => "the authenticator is unchanged",
        Swapped::Reloaded => "the authenticator has reloaded",
        Swapped::Renewed => "a new instance of the authenticator has taken over",
        Swapped::Replaced => "another authenticator has taken over",
    }
}

fn log_who_decides(authenticator: &Authenticator, swapped: Swapped, settings: Option<&Path>) {
    let is_list = !authenticator.entries().is_empty();
    for (name, identity) in authenticator.identities() {
        log_identity(authenticator, is_list.then_some(name), &identity, swapped, settings);
    }
}

/// `entry`: its name, where there is a list.
fn log_identity(
    authenticator: &Authenticator,
    entry: Option<String>,
    identity: &Identity,
    swapped: Swapped,
    settings: Option<&Path>,
) {
    info!(
        generation = authenticator.generation(),
        entry,
        authenticator = %identity.id,
        version = identity.version,
        sha256 = identity.sha256,
        path = identity.path.as_ref().map(|path| tracing::field::display(path.display())),
        settings = settings.map(|path| tracing::field::display(path.display())),
        "{}",
        words(swapped)
    );
}

fn tell(inboxes: &[InboxSender], outcome: &Outcome) {
    for inbox in inboxes {
        match outcome.on_swap {
            OnSwap::Keep => inbox.send(Item::ForgetAuthorizations),
            OnSwap::Reauthorize if outcome.swapped != Swapped::Nothing => inbox.send(Item::Reauthorize),
            OnSwap::Reauthorize => {}
        }
    }
}

/// The answer where the settings are not good: certificates do not wait for them.
fn refused(error: &str, renewed: &Renewed) -> String {
    let parts = [format!("nothing was changed, the authenticator stays: {error}")];
    let parts = parts.into_iter().chain(renewed.swapped.iter().map(|said| format!("all the same, {said}")));
    parts.chain(renewed.warnings.iter().cloned()).collect::<Vec<_>>().join("; ")
}

/// An error as one line of the log: lists stand in several.
fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_with_a_list_is_one_line() {
        let error = anyhow::anyhow!("nothing there\nThese are:\n  a.so: A 1.0").context("settings.yaml");
        assert_eq!(one_line(&error), "settings.yaml: nothing there; These are:; a.so: A 1.0");
    }
}
