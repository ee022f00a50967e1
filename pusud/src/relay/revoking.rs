//! Revocations of a relay that starts: the key that authorizations are hashed with, the file that they are kept in, and who
//! is told of changes.

use crate::config::Config;
use crate::peers::Keys;
use crate::revocation::{self, Change, HashKeys, Revocations, Saving};
use crate::routing::{Event, InboxSender, Item, Tally};
use anyhow::Context as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tracing::{info, warn};

/// How long the last changes may take to be saved when the relay ends: the disk may hang.
const SAVED_WITHIN: Duration = Duration::from_secs(2);

/// The revocations of a relay, and what saves them; `None`: nothing does.
pub(super) struct Revoking {
    pub(super) revocations: Arc<Revocations>,
    pub(super) saving: Option<Saving>,
}

impl Revoking {
    /// Those that the file has, if there is one. Relays that share `keys` hash alike.
    ///
    /// # Errors
    /// The file cannot be used: names it and the way out.
    pub(super) fn open(config: &Config, keys: Option<&Keys>) -> anyhow::Result<Self> {
        let kept = config.revocations_file.as_deref().map(revocation::load).transpose()?;
        let hash_keys = match (keys, &kept) {
            (Some(keys), None) => HashKeys::of_network(keys.all()),
            (Some(keys), Some(kept)) => {
                HashKeys::of_network(keys.all()).beside(kept.key.clone(), kept.entries.iter().map(|entry| &entry.whom))
            }
            (None, Some(kept)) => HashKeys::own(kept.key.clone()),
            (None, None) => HashKeys::own(HashKeys::generate()),
        };
        let revocations = Arc::new(Revocations::new(hash_keys));
        let Some((kept, path)) = kept.zip(config.revocations_file.clone()) else {
            return Ok(Self { revocations, saving: None });
        };
        let count = kept.entries.iter().filter(|entry| !entry.is_lifted).count();
        let shown = path.display();
        revocations.restore(kept.entries).with_context(|| format!("`revocations_file`: {shown}"))?;
        info!(count, path = %shown, "revocations have been read");
        let count = revocations.list().iter().filter(|entry| revocations.is_void(&entry.whom)).count();
        if count > 0 {
            warn!(
                count,
                "revocations of single authorizations are void: their hashes were made under a key that is no longer there; \
                 `pusud revocations` shows them"
            );
        }
        let saving = Saving::start(path, kept.key, revocations.clone())?;
        Ok(Self { revocations, saving: Some(saving) })
    }

    /// Has the shards, the network and the file told of every change from here on.
    pub(super) fn tell(&self, inboxes: Vec<InboxSender>, network: Option<InboxSender<Event>>) {
        let save = self.saving.as_ref().map(Saving::soon);
        self.revocations.on_change(move |Change { revoked, count }| {
            let tally = Tally::new(count);
            for inbox in inboxes.iter().filter(|_| !revoked.is_empty()) {
                inbox.send(Item::Revoked(revoked.clone(), tally.clone()));
            }
            drop(tally);
            if let Some(network) = &network {
                network.send(Event::RevocationsChanged);
            }
            if let Some(save) = &save {
                save();
            }
        });
    }
}

/// Waits for the last changes to be saved, unless whoever stops the relay `is_in_a_hurry`: what an operator was told is in
/// the file then, and nothing else is waited for.
pub(super) async fn finish(saving: Option<Saving>, is_in_a_hurry: bool) {
    let Some(saving) = saving.filter(|_| !is_in_a_hurry) else { return };
    // It is in the log where it fails.
    if timeout(SAVED_WITHIN, saving.finish()).await.is_err() {
        warn!("the last revocations have not been saved in time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_holds_nobody_up_who_is_in_a_hurry_and_others_for_a_while() {
        let (saving, _hangs) = Saving::hanging();
        let began = Instant::now();
        finish(Some(saving.clone()), true).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        finish(Some(saving), false).await;
        assert!(began.elapsed() >= SAVED_WITHIN);
    }
}
