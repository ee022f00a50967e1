//! The blueprint of an instance on threads: what each of those is made of that take each other's place.

use super::callbacks::Callbacks;
use super::creation;
use super::decider::{Condition, Decider, Gone, Offers};
use super::facts::Facts;
use super::grants::Heard;
use super::host::Host;
use super::instances::Shared;
use super::lasting::Lasting;
use super::library::{Instance, Plugin};
use super::verdict::Request;
use super::workers::Workers;
use anyhow::Result;
use pusu_plugin_abi as abi;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use zeroize::Zeroizing;

/// Where an instance finds those that it belongs to.
pub(super) type Home = Arc<OnceLock<Weak<Shared>>>;

/// What an instance on threads is made of.
pub(super) struct Blueprint {
    /// What the plugin is called in the log.
    pub(super) called: String,
    pub(super) flags: u32,
    /// One JSON object.
    pub(super) options: Zeroizing<String>,
    pub(super) facts: Facts,
    pub(super) lasting: Lasting,
    pub(super) call_timeout: Duration,
    pub(super) create_timeout: Duration,
    /// Whether one that is lost is replaced.
    pub(super) restarts: bool,
}

impl Blueprint {
    /// Makes an instance, and the threads that call it.
    ///
    /// # Errors
    /// The library cannot be loaded, or the plugin refuses, or its time is up.
    pub(super) fn make(
        &self,
        load: impl FnOnce() -> Result<Plugin> + Send + 'static,
        home: &Home,
    ) -> Result<(Plugin, Workers)> {
        let host = Host::new(&self.called, self.facts.clone(), self.lasting.clone());
        let (callbacks, options): (Arc<dyn Callbacks>, _) = (host.clone(), self.options.clone());
        let (plugin, instance) = creation::within(&self.called, self.create_timeout, move || {
            let plugin = load()?;
            Ok((plugin, plugin.create(callbacks, &options)?))
        })?;
        let kept = Arc::new(Kept { instance, home: self.restarts.then(|| Arc::clone(home)) });
        Ok((plugin, Workers::start(kept, host, self.flags, self.call_timeout)?))
    }
}

/// An instance on threads, which is replaced when it is lost.
struct Kept {
    instance: Instance,
    /// `None`: it is not replaced.
    home: Option<Home>,
}

impl Decider for Kept {
    fn authorize(&self, ticket: u64, left: Duration, request: &Request) -> Result<abi::Status, Gone> {
        self.instance.authorize(ticket, left, request)
    }

    fn can_cancel(&self) -> bool {
        self.instance.can_cancel()
    }

    fn cancel(&self, ticket: u64) {
        self.instance.cancel(ticket);
    }

    fn offers(&self) -> Offers {
        self.instance.offers()
    }

    fn reload(&self) -> Result<(), String> {
        self.instance.reload()
    }

    fn health(&self) -> Result<Condition, Gone> {
        self.instance.health()
    }

    fn hear(&self, epoch: u64, heard: &Heard) -> Result<(), Gone> {
        self.instance.hear(epoch, heard)
    }

    fn lost(&self) -> bool {
        let shared = self.home.as_ref().and_then(|home| home.get()?.upgrade());
        shared.is_some_and(|shared| shared.lost())
    }
}
