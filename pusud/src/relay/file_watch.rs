//! The watch over files whose texts stand in the settings (`!file`): a look every second, on a thread that is there only
//! where there are such files.
//!
//! It says that files have changed, and reads nothing into the authenticator itself: `reload` does.

use crate::config::WatchedFiles;
use anyhow::Context as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::Notify;
use tracing::{Level, error, info, warn};

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Sees to it that the files are watched, if there are any. Reading them may wait for a disk, so a thread of its own does,
/// until there are none any more.
///
/// # Errors
/// The system is out of threads.
pub(super) fn watch(files: &WatchedFiles, changed: &Arc<Notify>) -> anyhow::Result<()> {
    if !files.needs_watcher() {
        return Ok(());
    }
    let (watched, changed) = (files.clone(), changed.clone());
    let started = thread::Builder::new().name("pusu-files".into()).spawn(move || look(&watched, &changed));
    started
        .map(drop)
        .inspect_err(|_| files.has_no_watcher())
        .context("cannot start the thread that watches the files of `!file`; raise the limit on processes")
}

fn look(files: &WatchedFiles, changed: &Notify) {
    loop {
        thread::sleep(LOOK_INTERVAL);
        let Some(look) = files.look() else { return };
        for notice in look.notices {
            match notice.level() {
                Level::ERROR => error!("{notice}"),
                Level::WARN => warn!("{notice}"),
                _ => info!("{notice}"),
            }
        }
        if look.has_changed {
            changed.notify_one();
        }
    }
}
