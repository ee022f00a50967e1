//! Who decides: from a name in the settings to a running authenticator that answers requests.
//!
//! An authenticator is the built-in `None` or a plugin's library out of the plugins directory, whose author is a
//! stranger. It is checked before any of its code runs, called on threads of its own, and nothing it answers is
//! believed unseen.
//! **Invariant:** authorization fails closed: whatever goes wrong, the client gets no permissions.

mod answer;
mod binary;
mod callbacks;
mod complaints;
pub mod conformance;
mod decider;
mod directory;
mod file;
mod host;
mod image;
mod inspect;
pub mod isolation;
mod library;
mod linkage;
mod manifest;
mod nearest;
mod options;
mod ownership;
mod pool;
mod proof;
mod tickets;
pub mod verdict;
mod watcher;
mod worker;
mod workers;

use crate::config::{AuthenticatorConfig, Isolation};
use crate::permission::{Access, Permission};
use anyhow::{Result, anyhow, ensure};
use callbacks::Callbacks;
use decider::Decider;
use file::LibraryFile;
use host::Host;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use workers::Workers;

pub use decider::Counts;
pub use directory::{Candidate, list};
pub use inspect::{Inspection, inspect};
pub use manifest::{BUILT_IN_ID, Manifest};
pub use verdict::{Authorization, Grant, Request, Verdict};

/// A running authenticator; clones are the same one. Dropping the last of them stops it without waiting.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    identity: Identity,
    /// `None`: the built-in authenticator.
    workers: Option<Workers>,
}

/// What is running, for the log and `pusud check`. `Display` gives it as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The manifest's id, or `None`.
    pub id: String,
    /// The plugin's version.
    pub version: String,
    /// Lower-case hex; empty for `None`.
    pub sha256: String,
    /// The library's file; `None` for the built-in one.
    pub path: Option<PathBuf>,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{} {} (SHA-256 {}, {})", self.id, self.version, self.sha256, path.display()),
            None => write!(f, "{} (built in: any authorization may read and write every channel)", self.id),
        }
    }
}

impl Authenticator {
    /// Resolves, checks, loads and creates what the settings name, and says so in the log. `call_timeout` is the time
    /// that one decision may take.
    ///
    /// # Errors
    /// One message for the operator: what, which file, what was expected and found, and what to do.
    pub fn start(config: &AuthenticatorConfig, call_timeout: Duration) -> Result<Self> {
        let authenticator = if config.id == BUILT_IN_ID {
            Self::built_in(config)?
        } else {
            let (file, manifest) = directory::resolve(&config.plugins_dir, &config.id)?;
            Self::plugin(config, &file, &manifest, call_timeout)
                .map_err(|error| anyhow!("`authenticator: {}`: {} {error:#}", config.id, file.path().display()))?
        };
        tracing::debug!("the authenticator is {}", authenticator.0.identity);
        Ok(authenticator)
    }

    fn built_in(config: &AuthenticatorConfig) -> Result<Self> {
        let keys: Vec<&str> = config.options.keys().map(String::as_str).collect();
        ensure!(
            keys.is_empty(),
            "`authenticator: {BUILT_IN_ID}` takes no options, but `authenticator_options` in the settings has: {}; \
             remove them, or name the authenticator they are for",
            keys.join(", ")
        );
        ensure!(
            config.sha256.is_none(),
            "`authenticator: {BUILT_IN_ID}` is built in, so `authenticator_sha256` in the settings has nothing to \
             check; remove it, or name the authenticator it is for"
        );
        let identity =
            Identity { id: BUILT_IN_ID.to_owned(), version: String::new(), sha256: String::new(), path: None };
        Ok(Self(Arc::new(Inner { identity, workers: None })))
    }

    fn plugin(
        config: &AuthenticatorConfig,
        file: &LibraryFile,
        manifest: &Manifest,
        call_timeout: Duration,
    ) -> Result<Self> {
        for warning in file.check_ownership(config.strict_permissions)? {
            tracing::warn!("{} {warning}", file.path().display());
        }
        if let Some(pin) = &config.sha256 {
            file.check_pin(pin)?;
        }
        let options = options::json(config, manifest)?;
        let host = Host::new(&manifest.id);
        let decider: Arc<dyn Decider> = match config.isolation {
            Isolation::Process => isolation::start(file, manifest, &options, Arc::clone(&host))?,
            Isolation::Thread => {
                let image = image::place(file, &manifest.id)?;
                let host: Arc<dyn Callbacks> = host.clone();
                Arc::new(library::Plugin::load(image.path(), manifest)?.create(host, &options)?)
            }
        };
        let workers = Workers::start(decider, host, manifest.flags, call_timeout)?;
        let identity = Identity {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            sha256: file.sha256(),
            path: Some(file.path().to_owned()),
        };
        Ok(Self(Arc::new(Inner { identity, workers: Some(workers) })))
    }

    /// What is running.
    pub fn identity(&self) -> Identity {
        self.0.identity.clone()
    }

    /// Asks. The answer is there within the call timeout, whatever the plugin does; dropping the future gives the
    /// question up and tells the plugin so, on a thread of the authenticator's.
    pub async fn authorize(&self, request: Request) -> Verdict {
        match &self.0.workers {
            Some(workers) => workers.ask(request).await,
            None => Verdict::Grant(Grant {
                permissions: vec![Permission::new("*", Access::READ_WRITE)],
                ..Grant::default()
            }),
        }
    }

    /// Whether a question would be taken now, rather than turned away at once.
    pub fn ready(&self) -> bool {
        self.0.workers.as_ref().is_none_or(Workers::ready)
    }

    /// What went wrong so far; all 0 for `None`.
    pub fn counts(&self) -> Counts {
        self.0.workers.as_ref().map(Workers::counts).unwrap_or_default()
    }

    /// Answers everybody who waits with [`Verdict::Unavailable`] and destroys the plugin's instance. Waits at most a
    /// second for calls that are inside the plugin. Questions asked afterwards are turned away.
    pub fn stop(&self) {
        if let Some(workers) = &self.0.workers {
            workers.stop();
        }
    }
}

#[cfg(test)]
mod tests;
