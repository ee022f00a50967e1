//! The relay's logs of channels with history, and the thread that looks after them: it is there only where there can be such
//! channels.

use super::network_thread::Links;
use crate::config::{Backplane, Config};
use crate::history::{Logs, Origin};
use crate::routing::ShardIndex;
use anyhow::Context as _;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// How often the logs are looked after.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The logs of the start of a relay that is called `own` in a network, which are looked after until they are gone; `None`: no
/// channel has history. Those of channels that somebody listens to stay.
///
/// # Errors
/// The system is out of threads.
pub(super) fn open(config: &Config, own: Option<Origin>, index: &Arc<ShardIndex>) -> anyhow::Result<Option<Arc<Logs>>> {
    if !config.history.is_on() {
        return Ok(None);
    }
    let (settings, shards) = (config.history.clone(), config.shards);
    let logs = Arc::new(match own {
        Some(own) => Logs::new(settings, own, shards),
        None => Logs::of_one_relay(settings, Origin::of_boot(&rand::random()), shards),
    });
    // For people. What comes without numbers has an origin of its own, and nobody is named as that.
    logs.boots().call(logs.own(), &config.name);
    let (looked_after, index) = (Arc::downgrade(&logs), index.clone());
    // Servers of NATS do not say who listens elsewhere: whatever is kept there may be wanted.
    let knows_listeners = matches!(config.backplane, Backplane::Mesh);
    let is_wanted = move |channel: &str| !knows_listeners || index.has_listeners(channel);
    let started = thread::Builder::new().name("pusu-history".into()).spawn(move || look(&looked_after, is_wanted));
    started.context("cannot start the thread that looks after history; raise the limit on processes")?;
    Ok(Some(logs))
}

/// Waits until the numbers of other relays are known, where there are some: clients may come then.
pub(super) async fn wait_for_others(links: Option<&mut Links>) {
    if let Some(links) = links {
        links.has_history().await;
    }
}

fn look(logs: &Weak<Logs>, is_wanted: impl Fn(&str) -> bool) {
    loop {
        thread::sleep(LOOK_INTERVAL);
        let Some(logs) = logs.upgrade() else { return };
        logs.look_after(logs.now(), &is_wanted);
    }
}
