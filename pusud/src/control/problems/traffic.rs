//! Problems with what goes through: clients that read too slowly, publishers past their rate, and whatever else is refused.

use super::{Problem, View, counted, within};
use crate::control::{Recent, Status};
use crate::protocol::{Disconnect, Refusal};
use crate::routing::EndedClient;

/// Limits that slow consumers are past; they are one problem, and not one for each.
const OF_SLOW_CONSUMERS: [Refusal; 4] =
    [Refusal::OutboxBytes, Refusal::OutboxSoftBytes, Refusal::WriteDeadline, Refusal::MaxQueuedBytes];

/// The item of a problem about clients that are in no list any more.
const GONE: &str = "ended";

/// Limits that strangers and networks that break are past, every day: nobody who should be served is not, unless it is many.
const OF_STRANGERS: [Refusal; 9] = [
    Refusal::Tls,
    Refusal::ProxyProtocol,
    Refusal::HandshakeTimeout,
    Refusal::AuthorizeTimeout,
    Refusal::PongTimeout,
    Refusal::MessageTimeout,
    Refusal::MaxFragments,
    Refusal::MaxHeaderBytes,
    Refusal::AllowedOrigins,
];
/// It is many from so many of one kind on, where they are also more than one in so many connections.
const MANY: u64 = 10;
const MANY_OF: u64 = 100;

pub(super) fn problems(status: &Status, recent: &Recent) -> Vec<Problem> {
    let mut found = Vec::new();
    let is_slow = |code: u16| code == Disconnect::SlowConsumer.code();
    let slow: u64 = recent.disconnects.iter().filter(|row| is_slow(row.code)).map(|row| row.count).sum();
    let blocked = status.connections.by_state.blocked;
    if slow > 0 {
        let (were, read) = match slow {
            1 => (
                "1 client was disconnected as a slow consumer".to_owned(),
                "it read more slowly than messages came for it",
            ),
            _ => (
                format!("{slow} clients were disconnected as slow consumers"),
                "they read more slowly than messages came for them",
            ),
        };
        let text = format!(
            "{were} in {}{}: {read}; the clients for whom most waits are the next ones.",
            within(recent),
            last(status, Disconnect::SlowConsumer, None)
        );
        found.push(Problem::error("slow_consumers", View::Clients, text).about(GONE));
    } else if blocked > 0 {
        let text = match blocked {
            1 => "1 client does not take what comes for it, and will be disconnected as a slow consumer: see which one it is, and \
                  what keeps it from reading."
                .to_owned(),
            _ => format!(
                "{blocked} clients do not take what comes for them, and will be disconnected as slow consumers: see for whom \
                 most waits, and what keeps them from reading."
            ),
        };
        found.push(Problem::warning("slow_consumers", View::Clients, text));
    }
    for (key, count) in &recent.refusals {
        if OF_SLOW_CONSUMERS.iter().any(|refusal| refusal.key() == key) {
            continue;
        }
        if OF_STRANGERS.iter().any(|refusal| refusal.key() == key) {
            found.extend(strangers(key, *count, recent));
        } else if key == Refusal::PublishRate.key() {
            let text = format!(
                "{} in {} since a client published faster than limits.publish_rate{}: have it publish less, or raise the limit.",
                refused(*count),
                within(recent),
                last(status, Disconnect::LimitExceeded, Some(key))
            );
            found.push(Problem::warning("publish_rate", View::Clients, text).about(key));
        } else {
            let text = format!(
                "{} in {} for {key}: the log says whom that was about; raise the limit if it is too low for them.",
                refused(*count),
                within(recent)
            );
            found.push(Problem::warning("refusals", View::Now, text).about(key));
        }
    }
    found
}

/// Strangers are refused, and so many that clients may be among them.
fn strangers(key: &str, count: u64, recent: &Recent) -> Option<Problem> {
    (count >= MANY && count.saturating_mul(MANY_OF) > recent.accepted).then(|| {
        let text = format!(
            "{} in {} for {key}, and {} let in: strangers cause some of that every day, but these are so many that clients may be \
             among them; the log says whom it was about.",
            refused(count),
            within(recent),
            if recent.accepted == 1 {
                "1 connection was".to_owned()
            } else {
                format!("{} connections were", recent.accepted)
            }
        );
        Problem::warning("refusals", View::Now, text).about(key)
    })
}

/// Who was disconnected last for this reason, and this limit where it is given, in brackets; nothing where nobody knows.
fn last(status: &Status, disconnect: Disconnect, limit: Option<&str>) -> String {
    let is_past = |client: &EndedClient| limit.is_none() || client.limit.as_deref() == limit;
    let is_one = |client: &&EndedClient| client.code == disconnect.code() && is_past(client);
    match status.ended.iter().find(is_one) {
        Some(EndedClient { address, subject: Some(subject), .. }) => format!(" (the last one: {address}, {subject:?})"),
        Some(EndedClient { address, subject: None, .. }) => format!(" (the last one: {address})"),
        None => String::new(),
    }
}

fn refused(count: u64) -> String {
    format!("{} refused", if count == 1 { "1 thing was".to_owned() } else { counted(count, "thing") + " were" })
}
