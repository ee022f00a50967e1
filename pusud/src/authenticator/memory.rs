//! The most memory that authorizations take.

use super::lineup::IN_FLIGHT_MAX;
use super::pool;
use crate::config::{AuthenticatorConfig, OnSwap};
use crate::protocol::{AUTHORIZATION_BYTES_MAX, AUTHORIZATIONS_MAX};

/// Most calls that wait for a thread or are in one: the queue, and as many threads as there may be.
const CALLS_MAX: usize = pool::QUEUE_MAX + 64;
/// Most clients whose message waits for an answer, also for one that comes later.
const ASKED_MAX: usize = pool::OPEN_MAX;

/// Bytes of the authorizations of so many `connections`: those that are asked about, each as the message that it came
/// in and as the copy that the authenticator is given, and those that are kept to be asked about again. In a list each has
/// copies of its own, and so have the client and each entry that decides nothing.
pub fn authorizations_bytes_max(connections: usize, config: &AuthenticatorConfig) -> usize {
    let shadows = config.entries().iter().filter(|entry| entry.entry.shadow).count();
    let deciding = config.entries().len() - shadows;
    let messages = connections.min(ASKED_MAX) * if config.is_list() { 2 } else { 1 };
    // A question that waits for what is decided has its place among those in flight.
    let tried = shadows * connections.min(2 * IN_FLIGHT_MAX);
    let asked = (messages + deciding * connections.min(CALLS_MAX) + tried) * AUTHORIZATION_BYTES_MAX;
    let kept = match config.on_swap {
        OnSwap::Keep => 0,
        OnSwap::Reauthorize => connections * AUTHORIZATIONS_MAX * AUTHORIZATION_BYTES_MAX,
    };
    asked + kept
}
