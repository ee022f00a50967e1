//! The settings, read again while the daemon serves: another authenticator takes over, or all stays as it was.
//!
//! Reads, checks and loads on a thread of its own, since a plugin may take its time to make an instance. It changes who
//! decides, and the certificates, whose files are read again, and nothing else: keys that need a restart are named in the
//! log. Where only files have changed whose texts stand in the settings, the settings are those that were read last.
//! **Invariant:** whatever fails, everything is as it was before, and one line of the log says why.

use crate::authenticator::{self, Authenticator, Identity, Swapped};
use crate::config::{Config, HeldSettings, OnSwap, Overrides, WatchedFiles};
use crate::control::Reloaded;
use crate::relay::certificates::{self, Certificates, Renewed};
use crate::relay::file_watch;
use crate::relay::wishes::{Wish, Wishes};
use crate::routing::{Event, InboxSender, Item};
use crate::system::ServiceManager;
use anyhow::{Context as _, ensure};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{Notify, oneshot};
use tracing::{error, info, warn};

/// What is needed to read the settings again.
pub(crate) struct Reload {
    held: HeldSettings,
    overrides: Overrides,
    authenticator: Authenticator,
    certificates: Vec<Certificates>,
    files: WatchedFiles,
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
    /// `held` is what the daemon was started with, and `files` are those of it.
    pub(crate) fn new(
        held: HeldSettings,
        overrides: Overrides,
        authenticator: Authenticator,
        certificates: Vec<Certificates>,
        files: WatchedFiles,
        wishes: Wishes,
        network: Option<InboxSender<Event>>,
    ) -> Self {
        Self { held, overrides, authenticator, certificates, files, wishes, network, again: false }
    }

    /// Reads the settings again whenever it is asked to, and files whenever they have changed, and tells the shards what
    /// became of it.
    pub(crate) async fn run(mut self, inboxes: &[InboxSender], manager: &ServiceManager, serving: &str) -> Infallible {
        let reading = |by: &str| info!("{by}: reading the settings again");
        loop {
            let wish = if std::mem::take(&mut self.again) { Wish::Settings } else { self.wishes.next().await };
            match wish {
                Wish::Settings => {
                    reading("SIGHUP");
                    // The log says it.
                    drop(self.read_settings(false, inboxes, manager, serving).await);
                }
                Wish::Asked { wants_new, reply } => {
                    reading("pusud reload");
                    // Whoever asked may have gone; the log says it, too.
                    drop(reply.send(self.read_settings(wants_new, inboxes, manager, serving).await));
                }
                Wish::Files => self.read_files(inboxes).await,
            }
        }
    }

    /// Reads all anew. The service manager is told so, and afterwards that the relay is `serving` as before.
    async fn read_settings(
        &mut self,
        wants_new: bool,
        inboxes: &[InboxSender],
        manager: &ServiceManager,
        serving: &str,
    ) -> Result<Reloaded, String> {
        manager.reloading();
        let (renewed, outcome) = match self.reload_aside(wants_new).await {
            Ok(done) => done,
            Err(error) => (Renewed::default(), Err(error)),
        };
        manager.ready(serving);
        match outcome {
            Ok(outcome) => {
                self.tell(inboxes, outcome.swapped, outcome.on_swap);
                Ok(self.reloaded(outcome, renewed))
            }
            Err(error) => Err(refused(&self.log_refusal(&error), &renewed)),
        }
    }

    /// Tells the shards and the linked relays who decides now.
    fn tell(&self, inboxes: &[InboxSender], swapped: Swapped, on_swap: OnSwap) {
        for inbox in inboxes {
            match on_swap {
                OnSwap::Keep => inbox.send(Item::ForgetAuthorizations),
                OnSwap::Reauthorize if swapped != Swapped::Nothing => inbox.send(Item::Reauthorize),
                OnSwap::Reauthorize => {}
            }
        }
        if let Some(network) = &self.network {
            network.send(Event::Deciders(self.authenticator.deciders()));
        }
    }

    /// Lets the authenticator have the texts that files have now, if it does not have them.
    async fn read_files(&mut self, inboxes: &[InboxSender]) {
        let Some((changed, config)) = self.files.changed(&self.overrides) else { return };
        for path in &changed.files {
            info!("`!file` {}: has changed, and its text is read again", path.display());
        }
        let swapped = match config {
            Ok(mut config) => {
                let (authenticator, within) = (self.authenticator.clone(), config.limits.authorize_call_timeout);
                let swap = move || {
                    let swapped = authenticator.swap(&config.authenticator, within, false);
                    config.authenticator.wipe_options();
                    swapped.map(|swapped| (swapped, config))
                };
                self.aside(swap).await.and_then(|swapped| swapped)
            }
            Err(error) => Err(error),
        };
        match swapped {
            Ok((swapped, config)) => {
                self.files.take(changed);
                self.held.take(&config);
                if let Some(warning) = self.held.now().restart_warning(&config) {
                    warn!("{warning}");
                }
                log_who_decides(&self.authenticator, swapped, self.held.now().file.as_deref());
                self.tell(inboxes, swapped, config.authenticator.on_swap);
            }
            Err(error) => self.files.refuse(changed, &self.log_refusal(&error)),
        }
    }

    /// Says why all stays as it was, which it gives as one line.
    fn log_refusal(&self, error: &anyhow::Error) -> String {
        let (generation, error) = (self.authenticator.generation(), one_line(error));
        error!(generation, "nothing was changed, the authenticator stays: {error}");
        error
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

    async fn reload_aside(&mut self, wants_new: bool) -> anyhow::Result<(Renewed, anyhow::Result<Outcome>)> {
        let (held, overrides) = (self.held.clone(), self.overrides.clone());
        let (authenticator, certificates) = (self.authenticator.clone(), self.certificates.clone());
        let (files, changed) = (self.files.clone(), self.wishes.changed_files());
        let reload = move || {
            // Certificates are read whatever becomes of the settings: one does not wait for the other.
            let renewed = certificates::renew(&certificates);
            (renewed, reload(&held, &overrides, &authenticator, wants_new, &files, &changed))
        };
        self.aside(reload).await
    }

    /// Does something on a thread of its own. Signals that come meanwhile are logged, and followed by another reload.
    async fn aside<T: Send + 'static>(&mut self, work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
        // No new thread would get anywhere.
        ensure!(
            !authenticator::loading_hangs(),
            "the library of an earlier reload hangs in being loaded, and holds the lock of the system's loader; restart the daemon"
        );
        let (done, mut outcome) = oneshot::channel();
        std::thread::Builder::new()
            .name("pusu-reload".into())
            .spawn(move || {
                // What waking the relay takes for the first time is taken now: a library that hangs in being loaded holds
                // the lock that it takes.
                drop(tokio::runtime::Handle::try_current());
                // Nobody waits for the outcome any more when the relay has stopped meanwhile.
                drop(done.send(work()));
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
    held: &HeldSettings,
    overrides: &Overrides,
    authenticator: &Authenticator,
    wants_new: bool,
    files: &WatchedFiles,
    changed: &Arc<Notify>,
) -> anyhow::Result<Outcome> {
    let running = held.now();
    // The file that was there at the start has to be there: without one the defaults would let everybody in.
    let (mut config, mut warnings) = Config::load(running.file.as_deref(), overrides)?;
    let swapped = authenticator.swap(&config.authenticator, config.limits.authorize_call_timeout, wants_new);
    config.authenticator.wipe_options();
    let swapped = swapped?;
    held.take(&config);
    files.replace(&config);
    if let Err(error) = file_watch::watch(files, changed) {
        warnings.push(one_line(&error));
    }
    warnings.extend(running.restart_warning(&config));
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
    let is_list = authenticator.is_list();
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
