//! The built-in authenticator, `None`: everybody may read and write every channel.

use super::manifest::BUILT_IN_ID;
use super::verdict::{Decision, Grant};
use crate::config::AuthenticatorConfig;
use crate::protocol::{Access, Permission};
use anyhow::{Result, ensure};
use std::time::Duration;

/// Checks that the settings want nothing of it that it has not.
///
/// # Errors
/// They do.
pub(super) fn check(config: &AuthenticatorConfig) -> Result<()> {
    // Their names are not shown: they may be passwords.
    ensure!(
        config.options.is_empty(),
        "`authenticator: {BUILT_IN_ID}` takes no options, but `authenticator_options` in the settings has {}; remove them, \
         or name the authenticator they are for",
        config.options.len()
    );
    ensure!(
        config.sha256.is_none(),
        "`authenticator: {BUILT_IN_ID}` is built in, so `authenticator_sha256` in the settings has nothing to \
         check; remove it, or name the authenticator it is for"
    );
    Ok(())
}

/// What it answers to everybody.
pub(super) fn decision(max_life: Option<Duration>) -> Decision {
    Decision::Grant(Grant {
        permissions: vec![Permission::new("*", Access::READ_WRITE)],
        lifetime: max_life,
        ..Grant::default()
    })
}
