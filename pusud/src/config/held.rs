//! The settings that hold while a relay serves: those of its start, with what reading them again has changed since.

use super::Config;
use std::sync::{Arc, PoisonError, RwLock};

/// The settings that hold. Clones are the same ones.
#[derive(Clone)]
pub struct HeldSettings(Arc<RwLock<Arc<Config>>>);

impl HeldSettings {
    /// Those of the start.
    pub fn new(config: Arc<Config>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// Those that hold now.
    pub fn now(&self) -> Arc<Config> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// These have been read again: who decides, and how long that may take, holds from here on. Everything else needs a
    /// restart. Options of the authenticator are not kept.
    pub fn take(&self, read: &Config) {
        let mut authenticator = read.authenticator.clone();
        authenticator.wipe_options();
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut config = Config { authenticator, ..Config::clone(&held) };
        config.limits.authorize_call_timeout = read.limits.authorize_call_timeout;
        *held = Arc::new(config);
    }
}
