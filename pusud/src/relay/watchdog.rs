//! The watchdog: tells the service manager that the daemon is alive, as long as all shards answer.
//!
//! It never restarts anything itself: where a shard hangs it keeps silent, and the service manager acts.
//! **Invariant:** silence means that some shard has not taken a turn within half of the period.

use crate::routing::{self, InboxSender};
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;
use tokio::time::sleep_until;
use tracing::{error, info};

/// Calls `alive` at least twice a `period` while all shards answer; where there is no period, nobody watches.
pub(crate) async fn watch(inboxes: &[InboxSender], period: Option<Duration>, alive: impl Fn()) -> Infallible {
    let Some(period) = period else { return pending().await };
    // Asking every quarter, and waiting a quarter for the answers, makes half a period between two calls at the most.
    let quarter = period / 4;
    let mut hung = Vec::new();
    loop {
        let next = tokio::time::Instant::now() + quarter;
        let hanging = routing::collect_reports(inboxes, quarter).await.hanging();
        if hanging.is_empty() {
            alive();
        }
        if hanging != hung {
            match hanging.as_slice() {
                [] => info!("all shards answer again"),
                shards => error!(?shards, "shards do not answer: the service manager's watchdog is not told any more"),
            }
            hung = hanging;
        }
        sleep_until(next).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::{Item, Report};
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn it_is_silent_while_a_shard_hangs_and_only_then() {
        let (inboxes, mut receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| routing::inbox()).unzip();
        let (mut hangs, mut answers) = (receivers.remove(0), receivers.remove(0));
        let answering = async {
            loop {
                answers.next().await.for_each(answer);
            }
        };
        let told = Cell::new(0);
        let scene = async {
            let within = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
            let serve = async {
                loop {
                    hangs.next().await.for_each(answer);
                }
            };
            tokio::select! { () = serve => {}, () = within(40) => {} }
            assert!(told.get() >= 8, "twice a period at least, and not {} times in four", told.get());
            let before = told.replace(0);
            within(40).await;
            assert!(told.get() <= 1, "{} after {before}", told.get());
            let serve = async {
                loop {
                    hangs.next().await.for_each(answer);
                }
            };
            tokio::select! { () = serve => {}, () = within(40) => {} }
            assert!(told.get() >= 8, "it goes on when the shard does");
        };
        let period = Some(Duration::from_secs(10));
        tokio::select! {
            never = watch(&inboxes, period, || told.set(told.get() + 1)) => match never {},
            () = answering => unreachable!("it answers for ever"),
            () = scene => {}
        }
    }

    fn answer(item: Item) {
        if let Item::Report(reply) = item {
            reply.send(Report::default()).ok();
        }
    }
}
