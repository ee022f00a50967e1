//! One authenticator from its start to its end: what the settings named at one time, checked, loaded and running.
//!
//! A [`Plan`] is everything that can be found out without running any of its code; carrying it out makes the
//! [`Generation`]. A new one takes over when the settings are read again, and the old one ends with its last call.

use super::answer::Understood;
use super::blueprint::Blueprint;
use super::built_in;
use super::callbacks::Callbacks as _;
use super::checked::Checked;
use super::creation;
use super::directory;
use super::facts::{self, Facts};
use super::file::LibraryFile;
use super::host::Host;
use super::identity::Identity;
use super::images::Images;
use super::instances::Instances;
use super::isolation;
use super::lasting::Lasting;
use super::manifest::{BUILT_IN_ID, Manifest};
use super::options;
use super::recipe::Recipe;
use super::verdict::Request;
use super::workers::Workers;
use crate::config::{AuthenticatorConfig, Isolation, OnSwap};
use anyhow::{Result, anyhow};
use pusu_plugin_abi as abi;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// What is to run, found and checked.
pub(super) struct Plan {
    recipe: Recipe,
    options: Zeroizing<String>,
    /// `None`: the built-in authenticator.
    library: Option<(LibraryFile, Manifest)>,
    /// What the plugin is told when it asks.
    facts: Facts,
}

impl Plan {
    /// Finds what the settings name and checks it. None of its code runs.
    ///
    /// # Errors
    /// One message for the operator: what, which file, what was expected and found, and what to do.
    pub(super) fn make(config: &AuthenticatorConfig, call_timeout: Duration) -> Result<Self> {
        if config.id == BUILT_IN_ID {
            built_in::check(config)?;
            return Ok(Self::of(config, call_timeout, Zeroizing::default(), None, Facts::default()));
        }
        let (file, manifest) = directory::resolve(&config.plugins_dir, &config.id)?;
        let options =
            check(config, &file, &manifest).map_err(|error| about(&config.entry.place, &config.id, &file, &error))?;
        let state_dir = facts::state_dir(config)?;
        let facts = Facts::of(config, file.path(), state_dir.as_deref(), call_timeout);
        let facts = facts.map_err(|error| about(&config.entry.place, &config.id, &file, &error))?;
        Ok(Self::of(config, call_timeout, options, Some((file, manifest)), facts))
    }

    fn of(
        config: &AuthenticatorConfig,
        call_timeout: Duration,
        options: Zeroizing<String>,
        library: Option<(LibraryFile, Manifest)>,
        facts: Facts,
    ) -> Self {
        let recipe = Recipe {
            id: config.id.clone(),
            sha256: library.as_ref().map(|(file, _)| file.sha256()).unwrap_or_default(),
            options_sha256: Sha256::digest(options.as_bytes()).into(),
            call_timeout,
            isolation: config.isolation,
            isolation_memory: config.isolation_memory.filter(|_| config.isolation == Isolation::Process),
            create_timeout: config.create_timeout,
            restarts: config.restarts,
            on_swap: config.on_swap,
            max_life: config.max_life,
            state_dir: facts.state_dir.clone(),
            entry: facts.entry,
            place: config.entry.place.clone(),
            called: config.called(),
        };
        Self { recipe, options, library, facts }
    }

    /// How long making an instance may take.
    pub(super) fn create_timeout(&self) -> Duration {
        self.recipe.create_timeout
    }

    /// What carrying it out would give that `generation` is not, in words for the operator.
    pub(super) fn differences_from(&self, generation: &Generation) -> Vec<&'static str> {
        self.recipe.differences(&generation.recipe)
    }

    /// Whether the plugin does not stand a second copy in one process.
    pub(super) fn is_no_swap(&self) -> bool {
        let manifest = self.library.as_ref().map(|(_, manifest)| manifest);
        self.recipe.isolation == Isolation::Thread && manifest.is_some_and(|manifest| manifest.has(abi::F_NO_SWAP))
    }

    /// Loads the library, unless it is loaded, and makes an instance that runs. In a daemon that
    /// `serves` already a library is tried before, in a process of its own.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub(super) fn carry_out(self, serves: bool, images: &Images, lasting: &Lasting) -> Result<Generation> {
        let Some((file, manifest)) = &self.library else {
            let identity = self.identity();
            return Ok(Generation { identity, recipe: self.recipe, instances: None });
        };
        let lasting = lasting.of(manifest, self.recipe.max_life, self.recipe.on_swap == OnSwap::Reauthorize)?;
        let instances = self
            .start(file, manifest, serves, images, lasting)
            .map_err(|error| about(&self.recipe.place, &self.recipe.id, file, &error))?;
        let identity = self.identity();
        Ok(Generation { identity, recipe: self.recipe, instances: Some(instances) })
    }

    /// Loads the library and has the plugin check its options, and says what it is.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub(super) fn check(self) -> Result<Checked> {
        let memory_bytes_max = match &self.library {
            None => None,
            Some((file, manifest)) => self
                .check_options(file, manifest)
                .map_err(|error| about(&self.recipe.place, &self.recipe.id, file, &error))?,
        };
        Ok(Checked { identity: self.identity(), memory_bytes_max })
    }

    fn identity(&self) -> Identity {
        let library = self.library.as_ref();
        Identity {
            id: self.recipe.id.clone(),
            version: library.map_or_else(String::new, |(_, manifest)| manifest.version.clone()),
            sha256: self.recipe.sha256.clone(),
            path: library.map(|(file, _)| file.path().to_owned()),
        }
    }

    fn check_options(&self, file: &LibraryFile, manifest: &Manifest) -> Result<Option<usize>> {
        let host = Host::new(&self.recipe.called, self.facts.clone(), Lasting::default());
        let (of_call, options) = (Arc::clone(&host), self.options.clone());
        if self.recipe.isolation == Isolation::Process {
            isolation::check(file, manifest, &options, self.limits(), of_call)?;
        } else {
            let library = Images::default().find(file, manifest, || Ok(()))?;
            let tried = move || library.load()?.try_options(of_call, &options);
            creation::within(&self.recipe.called, self.recipe.create_timeout, tried)?;
        }
        Ok(host.metrics().memory_bytes_max())
    }

    fn limits(&self) -> isolation::Limits {
        isolation::Limits {
            memory_bytes_max: self.recipe.isolation_memory,
            create_timeout: self.recipe.create_timeout,
            restarts: self.recipe.restarts,
        }
    }

    fn start(
        &self,
        file: &LibraryFile,
        manifest: &Manifest,
        serves: bool,
        images: &Images,
        lasting: Lasting,
    ) -> Result<Instances> {
        let recipe = &self.recipe;
        match recipe.isolation {
            Isolation::Process => {
                let host = Host::new(&self.recipe.called, self.facts.clone(), lasting);
                let decider = isolation::start(file, manifest, &self.options, self.limits(), Arc::clone(&host))?;
                let workers = Workers::start(decider, host, manifest.flags, recipe.call_timeout)?;
                Ok(Instances::in_process(workers))
            }
            Isolation::Thread => {
                let library = images.find(file, manifest, || match serves {
                    // Hanging, it would hold the lock of the system's loader, which the relay takes too.
                    true => isolation::try_to_load(file, manifest, self.limits()),
                    false => Ok(()),
                })?;
                let blueprint = Blueprint {
                    called: recipe.called.clone(),
                    flags: manifest.flags,
                    options: self.options.clone(),
                    facts: self.facts.clone(),
                    lasting,
                    call_timeout: recipe.call_timeout,
                    create_timeout: recipe.create_timeout,
                    restarts: recipe.restarts,
                };
                Instances::on_threads(|| library.load(), blueprint)
            }
        }
    }
}

/// `place`: where it stands, if that is in a list.
fn about(place: &str, id: &str, file: &LibraryFile, error: &anyhow::Error) -> anyhow::Error {
    let key = if place.is_empty() { "authenticator".to_owned() } else { format!("{place}.id") };
    anyhow!("`{key}: {id}`: {} {error:#}", file.path().display())
}

/// Checks the file and gives the options that go to the plugin.
fn check(config: &AuthenticatorConfig, file: &LibraryFile, manifest: &Manifest) -> Result<Zeroizing<String>> {
    if let Some(pin) = &config.sha256 {
        file.check_pin(pin)?;
    }
    for warning in file.check_ownership(config.strict_permissions, config.sha256.is_some())? {
        tracing::warn!("{} {warning}", file.path().display());
    }
    options::json(config, manifest)
}

/// A running authenticator. Dropping it stops it without waiting: its instance is destroyed when the last call has come
/// back from the plugin, on a thread of its own.
pub(super) struct Generation {
    pub(super) identity: Identity,
    recipe: Recipe,
    /// `None`: the built-in authenticator.
    pub(super) instances: Option<Instances>,
}

/// What came of the wish that it reads its files again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reload {
    /// It has none.
    Nothing,
    Done,
    /// It cannot, or has failed.
    NotPossible,
}

impl Generation {
    /// Has it read its files again, within a time.
    pub(super) fn reload(&self, within: Duration) -> Reload {
        let Some(instances) = &self.instances else { return Reload::Nothing };
        match instances.current().reload(within) {
            None => Reload::NotPossible,
            Some(Ok(())) => Reload::Done,
            Some(Err(why)) => {
                let plugin = self.recipe.called.as_str();
                tracing::warn!(plugin, "cannot reload, so that a new instance is made: {why}");
                Reload::NotPossible
            }
        }
    }

    /// What it is called in the log.
    pub(super) fn called(&self) -> &str {
        &self.recipe.called
    }

    /// From here on it is the one that hears of grants.
    pub(super) fn begin_hearing(&self) {
        if let Some(instances) = &self.instances {
            instances.current().begin_hearing();
        }
    }

    /// Asks.
    pub(super) async fn ask(&self, request: Request) -> Understood {
        match &self.instances {
            Some(instances) => instances.ask(request).await,
            None => built_in::decision(self.recipe.max_life).into(),
        }
    }

    /// The hash of its options, which are secrets.
    pub(super) fn options_sha256(&self) -> [u8; 32] {
        self.recipe.options_sha256
    }

    /// Whether it can read its files again without a new instance.
    pub(super) fn can_reload(&self) -> bool {
        self.instances.as_ref().is_none_or(|instances| instances.current().can_reload())
    }

    /// Whether it will decide nothing any more, or not for as long as its threads hang.
    pub(super) fn is_lost(&self) -> bool {
        self.instances.as_ref().is_some_and(|instances| instances.current().is_lost())
    }
}
