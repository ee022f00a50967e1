//! Problems of a relay whose network is over NATS.

use super::*;
use crate::control::RecentNats;
use crate::routing::NatsStatus;

fn good_over_nats() -> Status {
    let connected_for = Some(Duration::from_secs(60));
    let nats =
        NatsStatus { server: Some("nats://a:4222".into()), connected_for, joined: true, ..NatsStatus::default() };
    Status { nats: Some(nats), ..good() }
}

fn nats(status: &mut Status) -> &mut NatsStatus {
    status.nats.as_mut().unwrap()
}

#[test]
fn without_nats_that_is_named_once() {
    assert_eq!(problems(&good_over_nats(), &recent()), []);
    let mut status = good_over_nats();
    let disconnected_for = Some(Duration::from_millis(65_300));
    let last_error = Some("nats://a:4222 refuses the connection".into());
    status.nats = Some(NatsStatus { disconnected_for, last_error, ..NatsStatus::default() });
    status.relays.iter_mut().for_each(|relay| relay.state = PeerState::Down);
    let parts = [
        "no connection to NATS for 1m 5s (nats://a:4222 refuses the connection)",
        "the clients of this relay are served",
    ];
    let away = only(&status, &recent());
    is(&away, "nats_down", View::Network, &parts);
    assert_eq!((away.level, status.unhealthy()), (Level::Error, vec![]));
    nats(&mut status).disconnected_for = Some(Duration::from_millis(1999));
    assert_eq!(problems(&status, &recent()), [], "another server may take its place");
}

#[test]
fn a_relay_that_is_not_heard_over_nats_is_named() {
    let mut status = good_over_nats();
    status.relays[1].state = PeerState::Down;
    let silent = only(&status, &recent());
    is(&silent, "link_down", View::Network, &["Nothing has been heard of the relay r3"]);
    status.relays[1].state = PeerState::Stopped;
    assert_eq!(problems(&status, &recent()), [], "it was stopped as planned");
    let mut status = good_over_nats();
    status.relays[1].lagging = true;
    is(&only(&status, &recent()), "link_slow", View::Network, &["r3 acknowledges the questions of subscriptions"]);
    let lost = [("r3".to_owned(), 4)].into();
    let lost = only(&good_over_nats(), &Recent { lost, ..recent() });
    is(&lost, "messages_lost", View::Network, &["4 messages of r3 were lost on the way over NATS in the last 60 s"]);
}

#[test]
fn whatever_is_wrong_with_nats_is_named_while_it_lasts() {
    let mut status = good_over_nats();
    nats(&mut status).joined = false;
    is(&only(&status, &recent()), "nats_not_joined", View::Network, &[]);
    nats(&mut status).connected_for = Some(Duration::from_secs(1));
    assert_eq!(problems(&status, &recent()), [], "it has just been connected");
    let mut status = good_over_nats();
    (nats(&mut status).connection_refusals, nats(&mut status).last_error) = (1, Some("no permission".into()));
    is(&only(&status, &recent()), "nats_refuses", View::Network, &["1 command (the last: no permission)"]);
    let mut status = good_over_nats();
    nats(&mut status).max_payload = Some(1024);
    let all = RecentNats { dropped: 2, too_large: 1, garbage: 3, refusals: 4, namesakes: 5, other_clusters: 6 };
    let found = problems(&status, &Recent { nats: all, ..recent() });
    let ids: Vec<&str> = found.iter().map(|problem| problem.id.as_str()).collect();
    assert_eq!(
        ids,
        ["nats_refuses", "nats_dropped", "nats_too_large", "name_taken", "other_cluster", "nats_garbage"],
        "{found:#?}"
    );
    let parts = ["4 commands", "2 messages", "1 message in the last 60 s", "r1", "another cluster", "3 messages"];
    found.iter().zip(parts).for_each(|(problem, part)| is(problem, &problem.id, problem.view, &[part]));
    assert!(found[2].text.contains("(1024 bytes)"), "{found:#?}");
}
