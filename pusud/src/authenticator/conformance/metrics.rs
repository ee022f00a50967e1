//! The check of metrics: what a plugin defines is taken.

use super::calls::ORDINARY;
use super::subject::{Loaded, block_on};
use super::{Job, Passed};
use anyhow::{Result, bail};

/// Makes an instance in this process and asks it; then looks at what it has defined so far.
pub(super) fn taken(job: &Job) -> Result<Passed> {
    let (loaded, _) = Loaded::here(job)?;
    let instance = loaded.start()?;
    block_on(async { Ok(instance.ask(ORDINARY).await) })?;
    let (refused, defined) = instance.metrics();
    instance.stop()?;
    if !refused.is_empty() {
        bail!("{}", refused.join("\n"));
    }
    Ok(Passed::saying(if defined == 0 { "none defined".to_owned() } else { format!("{defined} series") }))
}
