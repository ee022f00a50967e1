//! Clients of the relay that the console looks at: some that behave, some that do not, and names with markup in them.

use super::relays::Relays;
use crate::harness::{ALL, Client, Daemon, Raw, text_message};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Whoever puts this into a page as it stands runs a script.
pub(super) const MARKUP: &str = "<img/src=x/onerror=alert(1)>";
/// Where there is traffic all the time, also with such a content.
pub(super) const CHANNEL: &str = "news.<b>1</b>";
/// The pause between two messages of the traffic.
const PAUSE: Duration = Duration::from_millis(20);

/// An authorization for everything, by a subject that is markup.
pub(super) fn marked() -> String {
    format!("{ALL} subject={MARKUP}")
}

/// A source that publishes, and its listeners on two relays, as long as it is there.
pub(super) struct Traffic {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub(super) fn on(relays: &Relays) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for (relay, authorization) in
            [(relays.first(), marked()), (relays.first(), ALL.into()), (relays.second(), ALL.into())]
        {
            let mut listener = relay.client_with(&authorization);
            listener.subscribe(CHANNEL);
            threads.push(while_not(&is_over, move || {
                listener.next_json_within(Duration::from_millis(100));
            }));
        }
        let mut source = relays.first().client_with(&format!("{ALL} subject=news-desk"));
        threads.push(while_not(&is_over, move || {
            source.publish(CHANNEL, json!({"text": MARKUP}));
            thread::park_timeout(PAUSE);
        }));
        Self { is_over, threads }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that has failed has said so, and the test fails of what is missing.
            let _ = thread.join();
        }
    }
}

fn while_not(is_over: &Arc<AtomicBool>, mut work: impl FnMut() + Send + 'static) -> JoinHandle<()> {
    let is_over = is_over.clone();
    thread::spawn(move || {
        while !is_over.load(Ordering::Relaxed) {
            work();
        }
    })
}

/// A listener that reads nothing, for whom more waits than the system takes; and where it connects from.
pub(super) fn slow_listener(daemon: &Daemon, subject: &str) -> (Raw, String) {
    const CHANNEL: &str = "slow";
    const BYTES: usize = 64 * 1024;
    let mut slow = daemon.upgraded();
    let address = slow.stream().local_addr().unwrap().to_string();
    for message in [
        json!({"type": "authorize", "authorization": format!("{ALL} subject={subject}")}),
        json!({"type": "subscribe", "channel": CHANNEL}),
    ] {
        slow.send(text_message(&message.to_string()));
        slow.read_text();
    }
    let mut source = daemon.client();
    // More than the buffers of both sockets hold, so that the rest waits in the relay.
    for _ in 0..200 {
        source.publish(CHANNEL, json!("x".repeat(BYTES)));
    }
    source.expect_no_answer();
    (slow, address)
}

/// A client that is refused, with markup for a reason.
pub(super) fn refused(daemon: &Daemon) -> Client {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": format!("refuse={MARKUP}")}));
    client.expect_error("authorization_failed");
    client
}

/// A name that fills a line of a list and more.
pub(super) fn long_name() -> String {
    "long-".repeat(50)
}

/// A client with a long name that listens to a channel with one.
pub(super) fn long_named(daemon: &Daemon) -> Client {
    let mut client = daemon.client_with(&format!("{ALL} subject={}", long_name()));
    client.subscribe(&long_name());
    client
}

/// Sends a message that is too long, for which the relay disconnects; its name is long too.
pub(super) fn sends_too_much(daemon: &Daemon) {
    let mut client = daemon.client_with(&format!("{ALL} subject={}", long_name()));
    client.publish("a", json!("x".repeat(200_000)));
    client.expect_closed(1009);
}
