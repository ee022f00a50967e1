//! Dialling one address of the settings, again and again, except while whoever answers there is linked already.
//!
//! Decides when; what is said is the conversation's. **Invariant:** nothing that an answer says of itself is kept before
//! it has proven the key: whoever can answer at an address would otherwise decide whether it is dialled.

use crate::mesh::handshake::{Code, End, Outcome, Refusal, Role};
use crate::mesh::links::{Conversation, Transport};
use crate::mesh::membership::backoff::Backoff;
use crate::mesh::node::{Dial, Node};
use crate::mesh::wire::Hello;
use crate::routing::Door;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

/// A link that lasted so long was a good one, and its end is no failure in a row.
const GOOD_LINK: Duration = Duration::from_secs(10);

/// An address that is this relay's own may become another one's, and who proves no key may be anybody: they are asked
/// again after this time.
const AGAIN: Duration = Duration::from_secs(60);

/// Dials the address with this place in the settings until the network ends.
pub(crate) async fn dial<D: Door, T: Transport>(node: Rc<Node<D, T>>, at: usize) {
    let address = node.settings.relays[at].clone();
    let mut backoff = Backoff::default();
    loop {
        let linked = wait_while_linked(&node, at);
        if node.settings.keys.is_some() {
            linked.await;
        } else {
            // Whether or not it has lasted so long, it is time to ask again.
            timeout(AGAIN, linked).await.ok();
        }
        let mut started = Instant::now();
        node.dials.borrow_mut()[at].next_attempt = None;
        let resolved = |addresses| node.dials.borrow_mut()[at].addresses = addresses;
        let failure = match node.transport.dial(&address, resolved).await {
            Err(error) => {
                node.dials.borrow_mut()[at].is_itself = false;
                Failure::Unlinked(error.to_string())
            }
            Ok((stream, remote)) => {
                let conversation = Conversation::new(node.clone(), Role::Dialler, remote);
                let linked = |peer: &Hello| {
                    let dial = &mut node.dials.borrow_mut()[at];
                    dial.peer = Some((peer.name.clone(), peer.boot));
                    (dial.is_itself, dial.last_error) = (false, None);
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
        let mut next = started + backoff.next(&mut *node.random.borrow_mut());
        match failure {
            Failure::Itself => {
                debug!(remote = %address, "this address is this relay's own");
                backoff.reset();
                next = started + AGAIN;
            }
            Failure::NotNeeded(reason) => debug!(remote = %address, reason, "this connection is not needed"),
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
    let code = match &outcome.end {
        End::Refused(refusal) if outcome.is_authenticated => refusal.code(),
        _ => None,
    };
    // That this is the relay itself, this side has found out: whoever else says so may be anybody.
    dial.is_itself = matches!(outcome.end, End::Refused(Refusal::Ours(Code::Itself, _)));
    if dial.is_itself {
        (dial.peer, dial.last_error) = (None, None);
        return Failure::Itself;
    }
    // Who proves nothing is taken for who answered there before, as far as anybody wants to know.
    if let Some(peer) = outcome.peer.as_ref().filter(|_| outcome.is_authenticated) {
        dial.peer = Some((peer.name.clone(), peer.boot));
    }
    match code {
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
        debug!(remote = %address, reason, next_ms, "link down, retrying");
    } else {
        warn!(remote = %address, reason, next_ms, "link down, retrying");
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
