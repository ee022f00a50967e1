//! Dialling one address of the settings, again and again, except while whoever answers there is linked already.
//!
//! Decides when; what is said is the conversation's.

use super::backoff::Backoff;
use super::codec::Hello;
use super::conversation::Conversation;
use super::end::{End, Outcome};
use super::hello::Role;
use super::local::Door;
use super::node::{Dial, Node};
use super::refusal::Code;
use super::transport::Transport;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

/// A link that lasted so long was a good one, and its end is no failure in a row.
const GOOD_LINK: Duration = Duration::from_secs(10);

/// Dials the address with this place in the settings until the network ends, or until it turns out to be this relay's.
pub async fn dial<D: Door, T: Transport>(node: Rc<Node<D, T>>, at: usize) {
    let address = node.settings.relays[at].clone();
    let mut backoff = Backoff::default();
    loop {
        wait_while_linked(&node, at).await;
        let mut started = Instant::now();
        node.dials.borrow_mut()[at].next_attempt = None;
        let failure = match node.transport.dial(&address).await {
            Err(error) => Failure::Unlinked(error.to_string()),
            Ok((stream, remote)) => {
                let conversation = Conversation::new(node.clone(), Role::Dialler, remote);
                let linked = |peer: &Hello| {
                    let dial = &mut node.dials.borrow_mut()[at];
                    dial.peer = Some((peer.name.clone(), peer.boot));
                    dial.last_error = None;
                };
                let outcome = conversation.run(stream, linked).await;
                if let Some(linked_for) = outcome.linked_for {
                    started = Instant::now();
                    if linked_for >= GOOD_LINK {
                        backoff.reset();
                    }
                }
                judge(&mut node.dials.borrow_mut()[at], &outcome)
            }
        };
        let next = started + backoff.next(&mut *node.random.borrow_mut());
        match failure {
            Failure::Itself => {
                debug!(%address, "this address is this relay's own");
                return;
            }
            Failure::NotNeeded(reason) => debug!(%address, reason, "this connection is not needed"),
            Failure::Unlinked(reason) => note(&node, at, reason, next),
        }
        node.dials.borrow_mut()[at].next_attempt = Some(next);
        sleep_until(next).await;
    }
}

/// Why there is no link over this address now.
enum Failure {
    /// It is this relay's own.
    Itself,
    /// Another connection to the same relay is the link.
    NotNeeded(String),
    /// What the operator has to know.
    Unlinked(String),
}

fn judge(dial: &mut Dial, outcome: &Outcome) -> Failure {
    // Who says nothing of itself is taken for who answered there before, as far as anybody wants to know.
    if let Some(peer) = &outcome.peer {
        dial.peer = Some((peer.name.clone(), peer.boot));
    }
    let code = match &outcome.end {
        End::Refused(refusal) => refusal.code(),
        _ => None,
    };
    match code {
        Some(Code::Itself) => {
            dial.is_itself = true;
            dial.last_error = None;
            Failure::Itself
        }
        Some(Code::AlreadyLinked | Code::Replaced) => {
            dial.last_error = None;
            Failure::NotNeeded(outcome.end.to_string())
        }
        _ => Failure::Unlinked(outcome.end.to_string()),
    }
}

/// Once per change for the operator to see, and every time for who looks closer.
fn note<D: Door, T: Transport>(node: &Node<D, T>, at: usize, reason: String, next: Instant) {
    let address = &node.settings.relays[at];
    let next_ms = next.saturating_duration_since(Instant::now()).as_millis() as u64;
    let last_error = &mut node.dials.borrow_mut()[at].last_error;
    if last_error.as_ref() == Some(&reason) || node.mesh.borrow().is_stopping() {
        debug!(%address, reason, next_ms, "not linked");
    } else {
        warn!(%address, reason, next_ms, "not linked; dialling again until it is");
    }
    *last_error = Some(reason);
}

/// Rests while whoever answered at this address the last time is linked, over whichever connection.
async fn wait_while_linked<D: Door, T: Transport>(node: &Node<D, T>, at: usize) {
    loop {
        let ended = node.link_ended.notified();
        let is_linked = match &node.dials.borrow()[at].peer {
            Some((name, boot)) => node.mesh.borrow().roster().is_linked(name, *boot),
            None => false,
        };
        if !is_linked {
            return;
        }
        ended.await;
    }
}
