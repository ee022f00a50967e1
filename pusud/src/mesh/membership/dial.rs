//! Dialling one address of an entry of `relays`, again and again, except while whoever answers there is linked already.
//!
//! Decides when; what is said is the conversation's. **Invariant:** nothing that an answer says of itself is kept before
//! it has proven the key: whoever can answer at an address would otherwise decide whether it is dialled.

use crate::mesh::handshake::{Code, End, Outcome, Refusal, Role};
use crate::mesh::links::{Conversation, Transport};
use crate::mesh::membership::backoff::Backoff;
use crate::mesh::membership::listed::{Dial, Known};
use crate::mesh::node::Node;
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

/// Dials an address of the entry with this place in the settings, until the name does not lead to it any more and its relay
/// is not linked.
pub(crate) async fn dial<D: Door, T: Transport>(node: Rc<Node<D, T>>, at: usize, dial: Rc<Dial>) {
    let mut backoff = Backoff::default();
    loop {
        let linked = wait_while_linked(&node, &dial);
        if node.settings.keys.is_some() {
            linked.await;
        } else {
            // Whether or not it has lasted so long, it is time to ask again.
            timeout(AGAIN, linked).await.ok();
        }
        if dial.is_withdrawn() && !is_linked_there(&node, &dial) {
            debug!(remote = %dial.address, "no address of a relay's name any more");
            node.forget(at, &dial);
            return;
        }
        let mut started = Instant::now();
        dial.known.borrow_mut().next_attempt = None;
        let failure = attempt(&node, &dial, &mut started, &mut backoff).await;
        let mut next = started + backoff.next(&mut *node.random.borrow_mut());
        match failure {
            Failure::Itself => {
                debug!(remote = %dial.address, "this address is this relay's own");
                backoff.reset();
                next = started + AGAIN;
            }
            Failure::NotNeeded(reason) => debug!(remote = %dial.address, reason, "this connection is not needed"),
            Failure::Unlinked(reason) => note(&node, &dial, reason, next),
        }
        dial.known.borrow_mut().next_attempt = Some(next);
        // The name is resolved with every attempt, and this one waits for no answer.
        node.listed.borrow()[at].resolve.notify_one();
        tokio::select! {
            biased;
            () = dial.withdrawn.notified() => {}
            () = sleep_until(next) => {}
        }
    }
}

/// Connects and talks. `started` is when it began, or when the link ended that came of it.
async fn attempt<D: Door, T: Transport>(
    node: &Rc<Node<D, T>>,
    dial: &Rc<Dial>,
    started: &mut Instant,
    backoff: &mut Backoff,
) -> Failure {
    let stream = node.transport.connect(dial.address).await;
    dial.known.borrow_mut().is_unreachable = stream.is_err();
    let stream = match stream {
        Ok(stream) => stream,
        Err(error) => {
            dial.known.borrow_mut().is_itself = false;
            return Failure::Unlinked(error.to_string());
        }
    };
    let conversation = Conversation::new(node.clone(), Role::Dialler, dial.address);
    let linked = |peer: &Hello| {
        let known = &mut dial.known.borrow_mut();
        known.peer = Some((peer.name.clone(), peer.boot));
        (known.is_itself, known.last_error) = (false, None);
    };
    let outcome = conversation.run(stream, linked).await;
    if let Some(linked_for) = outcome.linked_for {
        *started = Instant::now();
        if linked_for >= GOOD_LINK {
            backoff.reset();
        }
    }
    judge(&mut dial.known.borrow_mut(), &outcome)
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

fn judge(known: &mut Known, outcome: &Outcome) -> Failure {
    let code = match &outcome.end {
        End::Refused(refusal) if outcome.is_authenticated => refusal.code(),
        _ => None,
    };
    // That this is the relay itself, this side has found out: whoever else says so may be anybody.
    known.is_itself = matches!(outcome.end, End::Refused(Refusal::Ours(Code::Itself, _)));
    if known.is_itself {
        (known.peer, known.last_error) = (None, None);
        return Failure::Itself;
    }
    // Who proves nothing is taken for who answered there before, as far as anybody wants to know.
    if let Some(peer) = outcome.peer.as_ref().filter(|_| outcome.is_authenticated) {
        known.peer = Some((peer.name.clone(), peer.boot));
    }
    match code {
        Some(Code::AlreadyLinked | Code::Replaced) => {
            known.last_error = None;
            Failure::NotNeeded(outcome.end.to_string())
        }
        _ => Failure::Unlinked(outcome.end.to_string()),
    }
}

/// Once per change for the operator to see, and every time for who looks closer.
fn note<D: Door, T: Transport>(node: &Node<D, T>, dial: &Dial, reason: String, next: Instant) {
    let next_ms = next.saturating_duration_since(Instant::now()).as_millis() as u64;
    let last_error = &mut dial.known.borrow_mut().last_error;
    if last_error.as_ref() == Some(&reason) || node.mesh.borrow().is_stopping() {
        debug!(remote = %dial.address, reason, next_ms, "link down, retrying");
    } else {
        warn!(remote = %dial.address, reason, next_ms, "link down, retrying");
    }
    *last_error = Some(reason);
}

/// Rests while whoever answered at this address the last time is linked, over whichever connection; of an address that the
/// name does not lead to any more, only while the link is one with that address.
async fn wait_while_linked<D: Door, T: Transport>(node: &Node<D, T>, dial: &Dial) {
    loop {
        let ended = node.link_ended.notified();
        let is_linked = match &dial.known.borrow().peer {
            Some((name, boot)) => node.mesh.borrow().roster().is_linked(name, *boot),
            None => false,
        };
        if !is_linked || (dial.is_withdrawn() && !is_linked_there(node, dial)) {
            return;
        }
        tokio::select! {
            () = ended => {}
            () = dial.withdrawn.notified() => {}
        }
    }
}

/// Whether whoever answered at this address the last time is linked, over a connection with that address.
fn is_linked_there<D: Door, T: Transport>(node: &Node<D, T>, dial: &Dial) -> bool {
    let known = dial.known.borrow();
    let Some((name, boot)) = &known.peer else { return false };
    let mesh = node.mesh.borrow();
    mesh.roster().is_linked(name, *boot)
        && mesh.links().any(|link| link.name == *name && link.remote.ip() == dial.address.ip())
}
