//! Problems of the network of relays.

use super::{Problem, View, counted, nats, within};
use crate::control::{Recent, Status};
use crate::routing::{PeerState, PeerStatus};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) fn problems(status: &Status, recent: &Recent) -> Vec<Problem> {
    let mut found = Vec::new();
    if status.network_hangs {
        let text = "The network's thread has not answered for a second, and nothing goes to or comes from other relays: look \
                    whether the machine has processor time left, and restart the relay if it stays so.";
        found.push(Problem::error("network_hangs", View::Network, text.to_owned()));
    }
    let is_nats = status.nats.is_some();
    // Without NATS nobody is heard, which is said once.
    for name in status.not_linked().into_iter().filter(|_| nats::is_reached(status)) {
        if is_nats {
            found.push(nats::not_heard(name));
            continue;
        }
        let why =
            status.relays.iter().find(|relay| is_called(relay, name)).and_then(|relay| relay.last_error.as_deref());
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        let text = format!(
            "There is no link with the relay {name}{why}, and clients here and there do not hear each other: see that it runs \
             and that nothing is in between."
        );
        found.push(Problem::error("link_down", View::Network, text).about(name));
    }
    for relay in status.relays.iter().filter(|relay| relay.same_as.is_none()) {
        let name = shown(relay);
        if relay.lagging {
            let what = if is_nats { "the questions of subscriptions" } else { "what is announced to it" };
            let text = format!(
                "The relay {name} acknowledges {what} too slowly, and subscriptions do not wait for it: see what keeps it or the \
                 way to it busy."
            );
            found.push(Problem::warning("link_slow", View::Network, text).about(name));
        }
        if let Some(how) = &relay.authenticator_difference {
            let text = format!(
                "The relay {name} decides otherwise who may read and write ({how}): update or reload one of the two."
            );
            found.push(Problem::warning("links_differ", View::Network, text).about(name));
        }
        if let Some(how) = &relay.history_difference {
            let text = format!(
                "The relay {name} keeps other messages of channels with history ({how}), so that listeners that come from there may \
                 be told that messages are lost: make that alike, and restart or update the one that is behind."
            );
            found.push(Problem::warning("history_differs", View::Network, text).about(name));
        }
    }
    found.extend(seen_otherwise(status));
    for (name, lost) in &recent.lost {
        let (lost, were) = (counted(*lost, "message"), if *lost == 1 { "was" } else { "were" });
        let text = match is_nats {
            true => format!(
                "{lost} of {name} {were} lost on the way over NATS in {}: a server or a connection was cut, or one of them reads too \
                 slowly; see how they are.",
                within(recent)
            ),
            false => format!(
                "{lost} between this relay and {name} {were} lost in {}: the link was cut or its queue was full; see how it is.",
                within(recent)
            ),
        };
        found.push(Problem::error("messages_lost", View::Network, text).about(name));
    }
    found
}

/// For how long links have to stand before others may be expected: a relay that comes back links with one after the other.
const LINKED_AFTER: Duration = Duration::from_secs(5);

/// Relays that have no link with one with which this relay has one.
fn seen_otherwise(status: &Status) -> Vec<Problem> {
    let linked: BTreeSet<&str> =
        status.relays.iter().filter(|relay| is_settled(relay)).filter_map(|relay| relay.name.as_deref()).collect();
    let mut found = Vec::new();
    for (one, sees) in status
        .relays
        .iter()
        .filter(|relay| is_settled(relay))
        .filter_map(|relay| Some((relay.name.as_deref()?, relay.sees.as_ref()?)))
    {
        for other in linked.iter().filter(|other| **other != one) {
            let state = sees.iter().find(|seen| seen.name == **other).map(|seen| seen.state);
            // Both say so, mostly: once is enough.
            let is_said = found.iter().any(|(by, about)| (*by, *about) == (*other, one));
            if !matches!(state, Some(PeerState::Linked | PeerState::Linking)) && !is_said {
                found.push((one, *other));
            }
        }
    }
    let problem = |(one, other): (&str, &str)| {
        let text = format!(
            "The relay {one} has no link with {other}, which this relay is linked with, so that clients of the two do not hear \
             each other: see what is in between them."
        );
        Problem::error("links_differ", View::Network, text).about(one)
    };
    found.into_iter().map(problem).collect()
}

fn is_settled(relay: &PeerStatus) -> bool {
    relay.state == PeerState::Linked && relay.linked_for.is_some_and(|time| time >= LINKED_AFTER)
}

fn is_called(relay: &PeerStatus, name: &str) -> bool {
    [&relay.name, &relay.resolved, &relay.address].into_iter().any(|one| one.as_deref() == Some(name))
}

fn shown(relay: &PeerStatus) -> &str {
    relay.name.as_deref().or(relay.address.as_deref()).or(relay.remote.as_deref()).unwrap_or("?")
}
