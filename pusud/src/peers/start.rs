//! The start of a relay in its network: what tells it from others, and from its own starts before.

use super::boot_id::BootId;
use anyhow::{Context as _, ensure};
use rand::SeedableRng as _;
use rand::rngs::{StdRng, SysRng};
use std::time::{SystemTime, UNIX_EPOCH};

/// A start of this relay.
pub struct Started {
    /// Its number.
    pub(crate) boot: BootId,
    /// Random numbers for it.
    pub(crate) random: StdRng,
}

/// The number of a start that is now, of the relay of this name in the network of that one; and random numbers for it.
///
/// # Errors
/// A name that no relay or network can have, a clock that stands before 1970, or no random numbers of the system.
pub(crate) fn start_now(name: &str, network_name: &str) -> anyhow::Result<Started> {
    for (key, name) in [("name", name), ("network_name", network_name)] {
        let is_name = crate::protocol::check_channel(name).is_ok();
        ensure!(
            is_name,
            "`{key}`: expected 1 to 255 bytes without control characters, found `{}`",
            name.escape_debug()
        );
    }
    let mut random = StdRng::try_from_rng(&mut SysRng).context("the system has no random numbers")?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).context(
        "the system's clock stands before 1970: set it, since other relays tell a later start from an earlier one by it",
    )?;
    let boot = BootId::new(since_1970.as_millis() as u64, &mut random);
    Ok(Started { boot, random })
}
