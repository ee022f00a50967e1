//! NATS, for people: the rows of `pusud status` and `pusud top` about the server, and about relays that are heard over it.

use pusud::config::format_duration;
use pusud::routing::{NatsStatus, PeerState, PeerStatus};
use std::time::Duration;

/// The letters of a server's id that tell it from others.
const ID_SHOWN: usize = 8;

/// The rows about the server; what has never happened is left out.
pub(in crate::cli) fn of_status(nats: &NatsStatus) -> Vec<(&'static str, String)> {
    let mut rows = vec![("nats", connection(nats))];
    rows.extend(server(nats).map(|server| ("  server", server)));
    let NatsStatus { published, queue_bytes, dropped, too_large, .. } = nats;
    let messages =
        format!("{published} given to it, {queue_bytes} bytes wait, {dropped} dropped, {too_large} too large for it");
    rows.extend([("  messages", messages), ("  barriers", barriers(nats))]);
    let counts = [
        (nats.disconnects, "connections ended"),
        (nats.refusals, "commands REFUSED"),
        (nats.garbage, "messages of strangers"),
        (nats.unknown, "of later versions, skipped"),
        (nats.namesakes, "times another relay of this NAME"),
        (nats.other_clusters, "times a relay at ANOTHER CLUSTER"),
    ];
    let counts: Vec<String> =
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !counts.is_empty() {
        rows.push(("  faults", counts.join(", ")));
    }
    rows.extend(last_error(nats).map(|error| ("  last error", error)));
    rows
}

/// What is wrong, or was last, and how long ago.
pub(in crate::cli) fn last_error(nats: &NatsStatus) -> Option<String> {
    let error = nats.last_error.as_ref()?;
    Some(nats.last_error_ago.map_or_else(|| error.clone(), |time| format!("{error}, {} ago", whole(time))))
}

/// One line about the connection.
pub(in crate::cli) fn connection(nats: &NatsStatus) -> String {
    let time = |time: Option<Duration>| time.map_or_else(String::new, |time| format!(" for {}", whole(time)));
    let Some(server) = &nats.server else {
        return format!("NOT CONNECTED{}: other relays are not reached", time(nats.disconnected_for));
    };
    // Of a name the address is shown that it leads to, too.
    let address = nats.address.as_ref().filter(|address| !server.contains(&***address));
    let place = address.map_or_else(|| server.clone(), |address| format!("{server} ({address})"));
    let mut facts = vec![format!("connected to {place}{}", time(nats.connected_for))];
    facts.extend(nats.round_trip.map(|time| format!("round trip {}", milliseconds(time))));
    facts.push(nats.encryption.clone().unwrap_or_else(|| "not encrypted".to_owned()));
    facts.push(if nats.joined { "joined" } else { "NOT JOINED: nothing goes to other relays" }.to_owned());
    facts.join(", ")
}

fn server(nats: &NatsStatus) -> Option<String> {
    nats.server.as_ref()?;
    // One that has no name in its settings is called by its id.
    let mut facts: Vec<String> =
        nats.server_name.iter().filter(|_| nats.server_name != nats.server_id).cloned().collect();
    facts.extend(nats.version.iter().map(|version| format!("version {version}")));
    facts.push(nats.cluster.as_ref().map_or_else(|| "no cluster".to_owned(), |cluster| format!("cluster {cluster}")));
    facts.extend(nats.server_id.iter().map(|id| format!("id {}", beginning(id))));
    facts.extend(nats.max_payload.map(|bytes| format!("max_payload {bytes}")));
    Some(facts.join(", "))
}

fn barriers(nats: &NatsStatus) -> String {
    let mut facts = vec![format!("{} passed", nats.barriers_passed), format!("{} expired", nats.barriers_expired)];
    facts.extend(nats.barrier_last.map(|time| format!("the last took {}", milliseconds(time))));
    facts.extend(nats.barrier_longest.map(|time| format!("the longest {}", milliseconds(time))));
    facts.join(", ")
}

/// The line about another relay, which has no address here.
pub(super) fn describe_relay(relay: &PeerStatus) -> String {
    let traffic = &relay.traffic;
    let mut facts = vec![
        match relay.state {
            PeerState::Linked if relay.lagging => "heard, but SLOW to answer",
            PeerState::Linked => "heard",
            PeerState::Linking => "linking",
            PeerState::Stopped => "stopped as planned",
            PeerState::Down | PeerState::Itself => "NOT HEARD",
        }
        .to_owned(),
    ];
    facts.extend(relay.linked_for.map(|time| format!("for {}", whole(time))));
    facts.extend(relay.remote.iter().map(|id| format!("at the server {}", beginning(id))));
    facts.push(format!("{} received", traffic.received));
    facts.push(format!("{} missed", traffic.missed));
    let counts = [(traffic.late, "late"), (traffic.too_large, "too large")];
    facts.extend(counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    facts.extend(relay.authenticator_difference.iter().map(|how| format!("DECIDES OTHERWISE: {how}")));
    facts.extend(relay.history_difference.iter().map(|how| format!("KEEPS OTHER HISTORY: {how}")));
    format!("{}: {}", relay.name.as_deref().unwrap_or("?"), facts.join(", "))
}

fn whole(time: Duration) -> String {
    format_duration(Duration::from_secs(time.as_secs()))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn beginning(id: &str) -> String {
    id.chars().take(ID_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusud::routing::Traffic;

    fn rows(nats: &NatsStatus) -> String {
        of_status(nats).iter().map(|(label, value)| format!("{}: {value}\n", label.trim())).collect()
    }

    #[test]
    fn the_server_and_what_was_counted_have_rows() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let nats = NatsStatus {
            server: Some("tls://a:4222".into()),
            address: Some("192.0.2.1:4222".into()),
            encryption: Some("TLS 1.3".into()),
            server_name: Some("n1".into()),
            server_id: Some("NABCDEFGHIJ".into()),
            version: Some("2.9.10".into()),
            cluster: Some("c".into()),
            max_payload: Some(1024),
            connected_for: ms(61_500),
            round_trip: Some(Duration::from_micros(250)),
            joined: true,
            queue_bytes: 7,
            published: 9,
            dropped: 1,
            too_large: 2,
            garbage: 3,
            unknown: 5,
            disconnects: 1,
            barriers_passed: 4,
            barrier_last: ms(1),
            barrier_longest: ms(20),
            last_error: Some("gone".into()),
            last_error_ago: ms(3_700_200),
            ..NatsStatus::default()
        };
        assert_eq!(
            rows(&nats),
            "nats: connected to tls://a:4222 (192.0.2.1:4222) for 1m 1s, round trip 0.2 ms, TLS 1.3, joined\n\
             server: n1, version 2.9.10, cluster c, id NABCDEFG, max_payload 1024\n\
             messages: 9 given to it, 7 bytes wait, 1 dropped, 2 too large for it\n\
             barriers: 4 passed, 0 expired, the last took 1.0 ms, the longest 20.0 ms\n\
             faults: 1 connections ended, 3 messages of strangers, 5 of later versions, skipped\n\
             last error: gone, 1h 1m 40s ago\n"
        );
        let away = NatsStatus { disconnected_for: ms(5000), ..NatsStatus::default() };
        let text = rows(&away);
        assert!(text.starts_with("nats: NOT CONNECTED for 5s: ") && !text.contains("faults"), "{text}");
    }

    #[test]
    fn a_relay_is_called_by_its_name() {
        let relay = PeerStatus {
            name: Some("r2".into()),
            remote: Some("NABCDEFGHIJ".into()),
            state: PeerState::Linked,
            linked_for: Some(Duration::from_secs(60)),
            traffic: Traffic { received: 5, missed: 2, late: 1, ..Traffic::default() },
            ..PeerStatus::default()
        };
        assert_eq!(describe_relay(&relay), "r2: heard, for 1m, at the server NABCDEFG, 5 received, 2 missed, 1 late");
        let stopped = PeerStatus { state: PeerState::Stopped, linked_for: None, ..relay.clone() };
        assert!(describe_relay(&stopped).starts_with("r2: stopped as planned, "), "{}", describe_relay(&stopped));
        let down = PeerStatus { state: PeerState::Down, ..relay };
        assert!(describe_relay(&down).starts_with("r2: NOT HEARD"), "{}", describe_relay(&down));
    }
}
