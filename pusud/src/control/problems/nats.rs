//! Problems of the way over NATS: the server is away, refuses, or is given what is no relay's.

use super::{Problem, View, counted, within};
use crate::config::format_duration;
use crate::control::{Recent, RecentNats, Status};
use crate::routing::NatsStatus;
use std::time::Duration;

/// A relay that starts, or changes its server, is not without one for so long.
const AWAY_AFTER: Duration = Duration::from_secs(2);
/// Joining takes no longer than a second.
const JOINED_AFTER: Duration = Duration::from_secs(5);

pub(super) fn problems(status: &Status, nats: &NatsStatus, recent: &Recent) -> Vec<Problem> {
    let mut found = Vec::new();
    found.extend(away(nats).map(|text| Problem::error("nats_down", View::Network, text)));
    if nats.connected_for.is_some_and(|time| time >= JOINED_AFTER) && !nats.joined {
        let text = "This relay is connected to NATS and still waits for the others to answer, so that nothing of it goes to them: \
                    look whether the machine has processor time left, and see its log.";
        found.push(Problem::error("nats_not_joined", View::Network, text.to_owned()));
    }
    found.extend(lately(status, nats, recent));
    found
}

/// Since when and why there is no connection.
fn away(nats: &NatsStatus) -> Option<String> {
    let time = nats.disconnected_for.filter(|time| *time >= AWAY_AFTER)?;
    let why = nats.last_error.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    Some(format!(
        "There has been no connection to NATS for {}{why}; the clients of this relay are served, and other relays are not reached: \
         see that the servers of nats.servers run, that nothing is in between, and that they take this relay's credentials.",
        whole(time)
    ))
}

fn whole(time: Duration) -> String {
    format_duration(Duration::from_secs(time.as_secs()))
}

/// Problems that are there while their counts grow.
fn lately(status: &Status, nats: &NatsStatus, recent: &Recent) -> Vec<Problem> {
    let RecentNats { dropped, too_large, garbage, refusals, namesakes, other_clusters } = recent.nats;
    let mut found = Vec::new();
    let time = within(recent);
    let ago = nats.last_error_ago.map_or_else(String::new, |time| format!(", {} ago", whole(time)));
    let why = nats.last_error.as_ref().map_or_else(String::new, |why| format!(" (the last{ago}: {why})"));
    // A subscription is refused once, and is missing as long as the connection lasts.
    let refused = refusals.max(nats.connection_refusals);
    if refused > 0 {
        let text = format!(
            "NATS has refused {}{why}, and what this relay says or hears there is incomplete: see the permissions and limits of its \
             user in the settings of the servers.",
            counted(refused, "command")
        );
        found.push(Problem::error("nats_refuses", View::Network, text));
    }
    if dropped > 0 {
        let text = format!(
            "{} of this relay were dropped in {time}, since more waited for NATS than there is room for: see whether the server \
             and the way to it are fast enough.",
            counted(dropped, "message")
        );
        found.push(Problem::error("nats_dropped", View::Network, text));
    }
    if too_large > 0 {
        let limit = nats.max_payload.map_or_else(String::new, |limit| format!(" ({limit} bytes)"));
        let text = format!(
            "{} in {time} reached the clients of this relay alone, longer than NATS takes{limit}: raise max_payload in the \
             settings of the servers, or lower limits.max_message_bytes.",
            counted(too_large, "message")
        );
        found.push(Problem::error("nats_too_large", View::Network, text));
    }
    if namesakes > 0 {
        let text = format!(
            "Another relay is called {} too, and others hear one of the two alone: give each relay a name of its own.",
            status.name
        );
        found.push(Problem::error("name_taken", View::Network, text).about(&status.name));
    }
    if other_clusters > 0 {
        let text = "A relay is at a NATS server of another cluster (the log names both), and is not linked, since relays reach each \
                    other within one cluster alone: give all relays the servers of one cluster.";
        found.push(Problem::error("other_cluster", View::Network, text.to_owned()));
    }
    if garbage > 0 {
        let text = format!(
            "{} that no relay of this network and version has sent came over NATS in {time} and {} dropped: let relays alone publish \
             to the subjects of the network.",
            counted(garbage, "message"),
            if garbage == 1 { "was" } else { "were" }
        );
        found.push(Problem::warning("nats_garbage", View::Network, text));
    }
    found
}

/// Whether the relay is missing for a reason of its own, and not since this one has no way to any.
pub(super) fn is_reached(status: &Status) -> bool {
    status.nats.as_ref().is_none_or(|nats| nats.server.is_some())
}

/// The problem of a relay that is not heard any more.
pub(super) fn not_heard(name: &str) -> Problem {
    let text = format!(
        "Nothing has been heard of the relay {name} over NATS for 3 s or longer, and clients here and there do not \
         hear each other: see that it runs and has a connection to NATS; one that is gone for good is forgotten after an hour."
    );
    Problem::error("link_down", View::Network, text).about(name)
}
