//! Sources of a network, one at a relay: each publishes steadily, over a new connection where the last one has ended.

use super::connection::{Connection, wait_for};
use super::published::Published;
use super::visitors::{CHANNEL, Places};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// From one message to the next.
const PAUSE: Duration = Duration::from_millis(10);

/// A source at work.
pub(super) struct Source {
    orders: Arc<Orders>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Orders {
    rests: AtomicBool,
    is_resting: AtomicBool,
    ends: AtomicBool,
}

impl Source {
    /// Begins to publish at a relay. Each connection has a name of its own: what is said over it has no order with what was
    /// said before.
    pub(super) fn begin(places: &Places, at: usize, published: &Arc<Published>) -> Self {
        let orders = Arc::<Orders>::default();
        let (places, published, given) = (places.clone(), published.clone(), orders.clone());
        let thread = thread::spawn(move || publish(&places, at, &published, &given));
        Self { orders, thread }
    }

    /// Has it rest, and waits until its relay has accepted everything.
    pub(super) fn rest(&self) {
        self.orders.rests.store(true, Ordering::SeqCst);
        wait_for("a source to rest", || self.orders.is_resting.load(Ordering::SeqCst));
    }

    /// Has it go on.
    pub(super) fn go_on(&self) {
        self.orders.rests.store(false, Ordering::SeqCst);
        wait_for("a source to go on", || !self.orders.is_resting.load(Ordering::SeqCst));
    }

    /// Ends it.
    pub(super) fn end(self) {
        self.orders.rests.store(false, Ordering::SeqCst);
        self.orders.ends.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
    }
}

impl Orders {
    fn are_to_publish(&self) -> bool {
        !self.rests.load(Ordering::SeqCst) && !self.ends.load(Ordering::SeqCst)
    }

    fn rest(&self) {
        if self.rests.load(Ordering::SeqCst) {
            self.is_resting.store(true, Ordering::SeqCst);
            wait_for("the rest's end", || !self.rests.load(Ordering::SeqCst));
            self.is_resting.store(false, Ordering::SeqCst);
        }
    }
}

fn publish(places: &Places, at: usize, published: &Published, orders: &Orders) {
    let mut name = Published::first_name(at);
    while !orders.ends.load(Ordering::SeqCst) {
        orders.rest();
        let Some(mut connection) = places.get(at).as_ref().and_then(Connection::to) else {
            thread::sleep(PAUSE);
            continue;
        };
        if publish_as(name, &mut connection, published, orders) {
            published.accepted(name);
        }
        name += 1;
    }
}

/// Publishes until it is to rest or to end. False: the connection has ended.
fn publish_as(name: u64, connection: &mut Connection, published: &Published, orders: &Orders) -> bool {
    loop {
        let content = [name, published.send(name)];
        if connection.say(json!({"type": "publish", "channel": CHANNEL, "content": content})).is_err() {
            return false;
        }
        // Steadily, as a source does: this is the load, not a wait.
        thread::sleep(PAUSE);
        if !orders.are_to_publish() {
            return connection.is_handled();
        }
    }
}
