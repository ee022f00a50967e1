//! Resolving a name of `relays`, again and again: its new addresses are dialled, and those that it has lost are told so.
//!
//! **Invariant:** there is one question about a name at a time. A DNS server that does not answer holds up one lookup of
//! each name, and no dialling. A lookup that fails says nothing about addresses: those that are known stay.

use crate::mesh::links::Transport;
use crate::mesh::membership::backoff::Backoff;
use crate::mesh::membership::listed::Dial;
use crate::mesh::membership::settings::ADDRESSES_PER_NAME_MAX;
use crate::mesh::node::Node;
use crate::routing::Door;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

/// A name is resolved again after this time, whatever happens.
const INTERVAL: Duration = Duration::from_secs(30);
/// And not before this time, however often its addresses are dialled.
const PAUSE: Duration = Duration::from_secs(1);
/// A lookup that takes longer is told to the operator. It goes on: another one would only wait beside it.
const LOOKUP_MAX: Duration = Duration::from_secs(3);

/// Addresses to dial, each with the place of its entry in the settings.
pub(crate) type Found = UnboundedSender<(usize, Rc<Dial>)>;

/// Resolves the name with this place in the settings until the network ends.
pub(crate) async fn resolve<D: Door, T: Transport>(node: Rc<Node<D, T>>, at: usize, found: Found) {
    let name = node.settings.relays[at].clone();
    let again = node.listed.borrow()[at].resolve.clone();
    let mut backoff = Backoff::default();
    loop {
        let began = Instant::now();
        let mut lookup = std::pin::pin!(node.transport.resolve(&name));
        let answer = match timeout(LOOKUP_MAX, &mut lookup).await {
            Ok(answer) => answer,
            Err(_) => {
                failed(&node, at, "resolving the name takes too long".to_owned());
                lookup.await
            }
        };
        let next = match answer {
            Ok(addresses) if !addresses.is_empty() => {
                backoff.reset();
                take_in(&node, at, &addresses, &found);
                INTERVAL
            }
            Ok(_) => {
                failed(&node, at, "the name has no address".to_owned());
                backoff.next(&mut *node.random.borrow_mut())
            }
            Err(error) => {
                failed(&node, at, error.to_string());
                backoff.next(&mut *node.random.borrow_mut())
            }
        };
        tokio::select! {
            biased;
            () = sleep_until(began + next) => {}
            () = again.notified() => sleep_until(began + PAUSE).await,
        }
    }
}

fn take_in<D: Door, T: Transport>(node: &Node<D, T>, at: usize, addresses: &[SocketAddr], found: &Found) {
    let name = &node.settings.relays[at];
    let listed = &mut node.listed.borrow_mut()[at];
    let beyond = listed.beyond;
    listed.last_error = None;
    for dial in listed.resolved(addresses) {
        debug!(%name, remote = %dial.address, "a new address of a relay's name");
        // Nobody takes it where the network ends.
        found.send((at, dial)).ok();
    }
    if listed.beyond > beyond {
        let beyond = listed.beyond;
        warn!(%name, beyond, "more than {ADDRESSES_PER_NAME_MAX} addresses of one name: those beyond are not dialled");
    }
}

/// Once per change for the operator to see, and every time for who looks closer.
fn failed<D: Door, T: Transport>(node: &Node<D, T>, at: usize, reason: String) {
    let name = &node.settings.relays[at];
    let listed = &mut node.listed.borrow_mut()[at];
    let known = listed.dials.len();
    if listed.last_error.as_ref() == Some(&reason) || node.mesh.borrow().is_stopping() {
        debug!(%name, known, reason, "cannot resolve the name of a relay, retrying");
    } else {
        warn!(%name, known, reason, "cannot resolve the name of a relay, retrying");
    }
    listed.last_error = Some(reason);
}
