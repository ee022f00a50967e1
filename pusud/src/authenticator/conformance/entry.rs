//! The check of `pusu.entry/1`: a plugin answers wherever it stands in a list of authenticators.

use super::calls::ORDINARY;
use super::subject::{Loaded, block_on, word};
use super::{Job, Passed};
use anyhow::{Context, Result};

/// The plugin before another one, and behind it.
const PLACES: [(&str, u32); 2] = [("first", 0), ("last", 1)];

/// Makes an instance in each place, and asks it what it may know and what it cannot.
pub(super) fn anywhere(job: &Job) -> Result<Passed> {
    let mut said = Vec::new();
    // Once: a second copy in one process may not work (the flag NO_SWAP), where a second instance has to.
    let mut loaded = Loaded::of(job)?;
    for (place, index) in PLACES {
        let in_place = || format!("where it stands {place} of two");
        loaded = loaded.standing(index, 2);
        let instance = loaded.start().with_context(in_place)?;
        let verdict = block_on(async {
            instance.ask(b"").await;
            Ok(instance.ask(ORDINARY).await)
        })?;
        instance.judge().with_context(in_place)?;
        instance.stop().with_context(in_place)?;
        said.push(format!("{place}: {}", word(&verdict)));
    }
    Ok(Passed::saying(said.join(", ")))
}
