//! The relay's logs of channels with history, and the thread that looks after them: it is there only where there can be such
//! channels.

use crate::history::{Logs, Origin, Settings};
use crate::routing::ShardIndex;
use anyhow::Context as _;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// How often the logs are looked after.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The logs of the relay of this name, of its start that is called `own`, with so many shards; `None`: no channel has history.
pub(super) fn open(settings: &Settings, name: &str, own: Option<Origin>, shards: usize) -> Option<Arc<Logs>> {
    let own = own.unwrap_or_else(|| Origin::of_boot(&rand::random()));
    settings.is_on().then(|| {
        let logs = Logs::new(settings.clone(), own, shards);
        // For people. What comes without numbers has an origin of its own, and nobody is named as that.
        logs.boots().call(own, name);
        Arc::new(logs)
    })
}

/// Has the logs looked after until they are gone. Those of channels that somebody listens to stay.
///
/// # Errors
/// The system is out of threads.
pub(super) fn look_after(logs: &Arc<Logs>, index: &Arc<ShardIndex>) -> anyhow::Result<()> {
    let (logs, index) = (Arc::downgrade(logs), index.clone());
    let started = thread::Builder::new().name("pusu-history".into()).spawn(move || look(&logs, &index));
    started.map(drop).context("cannot start the thread that looks after history; raise the limit on processes")
}

fn look(logs: &Weak<Logs>, index: &ShardIndex) {
    loop {
        thread::sleep(LOOK_INTERVAL);
        let Some(logs) = logs.upgrade() else { return };
        logs.look_after(logs.now(), |channel| index.has_listeners(channel));
    }
}
