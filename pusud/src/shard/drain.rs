//! Drain of a shard in a graceful shutdown: clients are served for a while, then disconnected one by one.
//!
//! It closes nobody's socket itself: each client's own task sends what still waits, and goes.
//! **Invariant:** a connected client is served, published to and listened to as ever until its own turn comes.

use crate::hub::{Hub, Outbox};
use crate::protocol::Disconnect;
use std::future::{Future, poll_fn};
use std::rc::Weak;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

/// How long clients may take to go once all of them have been told.
const GO_MAX: Duration = Duration::from_secs(5);
/// Clients that leave in a second, of all shards together, unless `drain_spread` asks for more: 10 000 take 20 s.
const LEAVING_A_SECOND: f64 = 500.0;

/// Returns when no client is left, at once where there is none: after `grace` clients are disconnected with 1001, spread
/// evenly over `spread_max`, or over less where they are few. New ones must not come any more.
///
/// `clients_in_all` says how many clients all shards have when the grace is over, so that shards with few of them take as
/// long as those with many.
pub async fn drain(hub: &Hub, grace: Duration, spread_max: Duration, clients_in_all: impl FnOnce() -> usize) {
    if timeout(grace, gone(hub)).await.is_ok() {
        return;
    }
    let spread = spread_max.min(Duration::from_secs_f64(clients_in_all() as f64 / LEAVING_A_SECOND));
    tokio::select! {
        biased;
        () = gone(hub) => return,
        () = close_in_turn(hub, hub.clients(), spread) => {}
    }
    // Connections that were on their way in when the turns were given.
    hub.close_all(Disconnect::GoingAway);
    if timeout(GO_MAX, gone(hub)).await.is_err() {
        let clients = hub.clients().len();
        warn!("drain timed out, {clients} clients closed");
    }
}

fn gone(hub: &Hub) -> impl Future<Output = ()> {
    poll_fn(|cx| hub.poll_empty(cx))
}

/// The clients are held weakly: one that leaves before its turn takes its socket with it.
async fn close_in_turn(hub: &Hub, clients: Vec<Weak<Outbox>>, spread: Duration) {
    let began = Instant::now();
    let share = spread.div_f64(clients.len().max(1) as f64);
    for (turn, client) in clients.into_iter().enumerate() {
        let due = began + share.mul_f64(turn as f64);
        if due > Instant::now() {
            sleep_until(due).await;
        }
        if let Some(outbox) = client.upgrade() {
            hub.close(&outbox, Disconnect::GoingAway);
        }
    }
}
