//! Everything that belongs to an authenticator through all its instances: grants that live and what has been counted.

use super::grants::GrantBook;
use super::manifest::Manifest;
use super::metrics::Totals;
use anyhow::Result;
use pusu_plugin_abi as abi;
use std::sync::Arc;
use std::time::Duration;

/// What an instance has of it.
#[derive(Clone, Default)]
pub(super) struct Lasting {
    /// `None`: the plugin has not the flag GRANTS.
    pub(super) grants: Option<Arc<GrantBook>>,
    pub(super) totals: Arc<Totals>,
    /// The longest life that the operator lets an authorization have; `None`: any.
    pub(super) longest_life: Option<Duration>,
    /// What clients send is kept while the instance decides, which a process is told when it is started.
    pub(super) rechecks: bool,
}

impl Lasting {
    /// Of an authenticator that begins.
    pub(super) fn new() -> Self {
        Self { grants: Some(GrantBook::new()), ..Self::default() }
    }

    /// What an instance of the plugin with this manifest has of it.
    ///
    /// # Errors
    /// The system is out of threads.
    pub(super) fn of(&self, manifest: &Manifest, longest_life: Option<Duration>, rechecks: bool) -> Result<Self> {
        let grants = self.grants.clone().filter(|_| manifest.has(abi::F_GRANTS));
        if let Some(grants) = &grants {
            grants.open()?;
        }
        Ok(Self { grants, longest_life, rechecks, ..self.clone() })
    }

    /// Whether clients can be rechecked.
    pub(super) fn set_can_recheck(&self, can_recheck: bool) {
        if let Some(grants) = &self.grants {
            grants.set_can_recheck(can_recheck);
        }
    }
}
