//! The most memory that authorizations take.

use super::pool;
use crate::config::OnSwap;
use crate::protocol::{AUTHORIZATION_BYTES_MAX, AUTHORIZATIONS_MAX};

/// Most calls that wait for a thread or are in one: the queue, and as many threads as there may be.
const CALLS_MAX: usize = pool::QUEUE_MAX + 64;
/// Most clients whose message waits for an answer, also for one that comes later.
const ASKED_MAX: usize = pool::OPEN_MAX;

/// Bytes of the authorizations of so many `connections`: those that are asked about, each as the message that it came
/// in and as the copy that the authenticator is given, and those that are kept to be asked about again.
pub fn authorizations_bytes_max(connections: usize, on_swap: OnSwap) -> usize {
    let asked = (connections.min(ASKED_MAX) + connections.min(CALLS_MAX)) * AUTHORIZATION_BYTES_MAX;
    let kept = match on_swap {
        OnSwap::Keep => 0,
        OnSwap::Reauthorize => connections * AUTHORIZATIONS_MAX * AUTHORIZATION_BYTES_MAX,
    };
    asked + kept
}
