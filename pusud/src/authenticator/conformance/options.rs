//! The check of `pusu.check/1`: options are judged as `create` judges them, and nothing stays of that.

use super::measure::Held;
use super::process::{changes, held, left_behind, look};
use super::subject::Loaded;
use super::{Job, Passed};
use crate::authenticator::library::{Plugin, WRONG_OPTIONS};
use anyhow::{Context, Result, bail};

/// Checks that are made, and before anything is measured.
const TIMES: usize = 100;
const WARM_UP: usize = 10;
/// The daemon's own cost of a host table, which it never gives back.
const HOST_BYTES: u64 = 256;
/// Options where there are none.
const NONE: &str = "{}";

/// Has options checked: the job's, and none.
pub(super) fn checked(job: &Job) -> Result<Passed> {
    let (loaded, plugin) = Loaded::here(job)?;
    let check = |options: &str| plugin.check_options(&*loaded.host(), options);
    let before = look();
    if check(loaded.options()).is_none() {
        return Ok(Passed::saying(super::NOT_OFFERED));
    }
    for _ in 1..WARM_UP {
        // What it says is compared below.
        let _ = check(loaded.options());
    }
    let (held_before, measured) = (held(), Held::before(loaded.subject().has_runtime()));
    for _ in 0..TIMES {
        let _ = check(loaded.options());
    }
    let mut left = changes(&before, &look());
    left.extend(left_behind(&held_before));
    if !left.is_empty() {
        bail!("{}", left.join("; "));
    }
    let seen = measured.check_growth(TIMES, HOST_BYTES)?;
    agrees(&loaded, plugin, loaded.options(), "these options")?;
    agrees(&loaded, plugin, NONE, "no options")?;
    Ok(Passed::saying(seen))
}

/// What `create` takes, `check` takes; and where `create` says that the options are wrong, `check` does.
fn agrees(loaded: &Loaded, plugin: Plugin, options: &str, named: &str) -> Result<()> {
    let checked = plugin.check_options(&*loaded.host(), options).context("offers its table no longer")?;
    match (checked, loaded.try_options(plugin, options)) {
        (Err(why), Ok(())) => bail!("`check` refuses {named}, which `create` takes: {why:#}"),
        (Ok(()), Err(why)) if why.to_string().starts_with(WRONG_OPTIONS) => {
            bail!("`check` takes {named}, of which `create` says that they are wrong: {why:#}")
        }
        // What `create` fails at otherwise, such as a service that does not answer, need not be known before.
        _ => Ok(()),
    }
}
