mod nats;

use super::*;
use crate::authenticator::Condition;
use crate::control::{Certificate, Disconnects, Listener, OptionFile, RecentFailures, Tls};
use crate::routing::{EndedClient, PeerState, PeerStatus, SeenRelay};
use std::time::Duration;

/// All is well.
fn good() -> Status {
    let mut status = Status { name: "r1".into(), ..Status::default() };
    status.authenticator.ready = true;
    status.authenticator.id = "A".into();
    status.relays = vec![linked("r2"), linked("r3")];
    status
}

fn linked(name: &str) -> PeerStatus {
    let (address, state) = (Some(format!("{name}:55001")), PeerState::Linked);
    let linked_for = Some(Duration::from_secs(60));
    PeerStatus { name: Some(name.into()), address, state, linked_for, ..PeerStatus::default() }
}

fn recent() -> Recent {
    Recent { seconds: 60.0, ..Recent::default() }
}

/// The one problem that there is.
fn only(status: &Status, recent: &Recent) -> Problem {
    let mut found = problems(status, recent);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn is(problem: &Problem, id: &str, view: View, parts: &[&str]) {
    assert_eq!((problem.id.as_str(), problem.view), (id, view), "{problem:?}");
    for part in parts {
        assert!(problem.text.contains(part), "{part} is not in {problem:?}");
    }
    assert!(problem.text.ends_with('.') && problem.text.contains([':', ';']), "it has no way out: {problem:?}");
}

#[test]
fn where_all_is_well_there_are_none() {
    assert_eq!(problems(&good(), &recent()), []);
}

#[test]
fn a_slow_listener_is_named() {
    let disconnects = vec![Disconnects { code: 4001, reason: "slow consumer".into(), count: 2 }];
    let refusals = [("outbox_bytes".to_owned(), 2)].into();
    let mut status = good();
    status.ended = vec![EndedClient {
        code: 4001,
        address: "192.0.2.1:5".into(),
        subject: Some("a\"b".into()),
        ..Default::default()
    }];
    let slow = only(&status, &Recent { disconnects, refusals, ..recent() });
    let parts =
        ["2 clients were disconnected as slow consumers in the last 60 s (the last one: 192.0.2.1:5, \"a\\\"b\")"];
    is(&slow, "slow_consumers", View::Clients, &parts);
    // They are in no list of those that are connected.
    assert_eq!(slow.item.as_deref(), Some("ended"));
    let mut status = good();
    status.connections.by_state.blocked = 1;
    is(
        &only(&status, &recent()),
        "slow_consumers",
        View::Clients,
        &["1 client does not take", "for it", "a slow consumer:"],
    );
}

#[test]
fn a_link_that_is_cut_is_named() {
    let mut status = good();
    let last_error = Some("connection refused".into());
    status.relays[1] = PeerStatus { state: PeerState::Down, last_error, ..linked("r3") };
    let cut = only(&status, &recent());
    is(&cut, "link_down", View::Network, &["no link with the relay r3 (connection refused)"]);
    assert_eq!((cut.level, cut.item.as_deref()), (Level::Error, Some("r3")));
    let lost = [("r3".to_owned(), 4)].into();
    is(&only(&good(), &Recent { lost, ..recent() }), "messages_lost", View::Network, &["4 messages", "r3"]);
}

#[test]
fn a_link_that_is_cut_between_two_others_is_named_once() {
    let mut status = good();
    let seen = |name: &str, state| SeenRelay { name: name.into(), state };
    status.relays[0].sees = Some(vec![seen("r1", PeerState::Linked), seen("r3", PeerState::Down)]);
    status.relays[1].sees = Some(vec![seen("r1", PeerState::Linked), seen("r2", PeerState::Down)]);
    is(&only(&status, &recent()), "links_differ", View::Network, &["The relay r2 has no link with r3"]);
    status.relays[0].sees = Some(vec![seen("r1", PeerState::Linked), seen("r3", PeerState::Linked)]);
    status.relays[1].sees = None;
    assert_eq!(problems(&status, &recent()), []);
}

#[test]
fn a_relay_that_comes_back_links_with_one_after_the_other() {
    let mut status = good();
    let seen = |state| Some(vec![SeenRelay { name: "r3".into(), state }]);
    status.relays[0].sees = seen(PeerState::Linking);
    assert_eq!(problems(&status, &recent()), []);
    status.relays[0].sees = seen(PeerState::Down);
    for at in [0, 1] {
        let mut status = status.clone();
        status.relays[at].linked_for = Some(Duration::from_millis(4900));
        assert_eq!(problems(&status, &recent()), [], "relay {at} has just come back");
    }
    is(&only(&status, &recent()), "links_differ", View::Network, &["The relay r2 has no link with r3"]);
}

#[test]
fn a_failing_authenticator_is_named() {
    let mut status = good();
    status.authenticator.ready = false;
    is(&only(&status, &recent()), "authenticator_not_ready", View::Why, &["The authenticator A is not ready"]);
    let mut status = good();
    status.authenticator.condition = Condition::Bad("no database".into());
    is(&only(&status, &recent()), "authenticator_failing", View::Why, &["no database"]);
    let authenticator = RecentFailures { timed_out: 3, failed: 1, ..RecentFailures::default() };
    let failing = only(&good(), &Recent { authenticator, ..recent() });
    is(&failing, "authenticator_failing", View::Why, &["3 not answered in time, 1 failed"]);
    // A service that is away is said to be away in time.
    let authenticator = RecentFailures { failed: 1, unavailable: 18, ..RecentFailures::default() };
    let undecided = [("asks".to_owned(), 18)].into();
    let failing = only(&good(), &Recent { authenticator, undecided, ..recent() });
    is(&failing, "authenticator_failing", View::Why, &["1 failed, 17 answered that it cannot decide (18 of asks)"]);
    assert_eq!(failing.item.as_deref(), Some("asks"));
    let mut status = good();
    status.authenticator.stuck_threads = 1;
    is(&only(&status, &recent()), "authenticator_slow", View::Why, &["1 hanging thread,"]);
}

#[test]
fn a_publisher_past_its_rate_is_named_and_other_refusals_too() {
    let refusals = [("publish_rate".to_owned(), 3), ("max_connections".to_owned(), 1)].into();
    let mut status = good();
    let past = |limit: &str, address: &str| EndedClient {
        code: 4503,
        address: address.into(),
        limit: Some(limit.into()),
        ..Default::default()
    };
    // One that has subscribed to too much did not publish too fast.
    status.ended = vec![past("max_subscriptions", "192.0.2.9:9"), past("publish_rate", "192.0.2.1:5")];
    let found = problems(&status, &Recent { refusals, ..recent() });
    let [connections, rate] = &found[..] else { panic!("two are expected: {found:#?}") };
    is(
        rate,
        "publish_rate",
        View::Clients,
        &["3 things were refused", "limits.publish_rate (the last one: 192.0.2.1:5)"],
    );
    is(connections, "refusals", View::Now, &["1 thing was refused", "max_connections"]);
}

#[test]
fn strangers_are_no_problem_unless_they_are_many() {
    for key in ["handshake_timeout", "authorize_timeout", "pong_timeout", "tls", "message_timeout", "proxy_protocol"] {
        let with = |count, accepted| Recent { refusals: [(key.to_owned(), count)].into(), accepted, ..recent() };
        assert_eq!(problems(&good(), &with(9, 9)), [], "{key}: few");
        assert_eq!(problems(&good(), &with(100, 10_000)), [], "{key}: one in a hundred");
        let many = only(&good(), &with(101, 10_000));
        is(&many, "refusals", View::Now, &["101 things were refused", key, "10000 connections were let in"]);
        assert!(many.level == Level::Warning && !many.text.contains("raise"), "{many:?}");
    }
}

#[test]
fn a_certificate_that_expires_is_named() {
    let mut status = good();
    let certificate = Certificate { names: vec!["relay.example.com".into()], ..Certificate::default() };
    let with_days = |days_left| {
        let tls = Tls { certificates: vec![certificate.clone()], days_left, ..Tls::default() };
        vec![Listener { name: "clients".into(), tls: Some(tls), ..Listener::default() }]
    };
    status.listeners = with_days(13);
    let soon = only(&status, &recent());
    is(&soon, "certificate", View::Now, &["of the listener clients (relay.example.com) expires in 13 days"]);
    status.listeners = with_days(-1);
    let over = only(&status, &recent());
    assert!(over.text.contains("has expired") && over.level == Level::Error, "{over:?}");
    status.listeners = with_days(14);
    assert_eq!(problems(&status, &recent()), []);
    status.operations_tls = with_days(2).remove(0).tls;
    is(
        &only(&status, &recent()),
        "certificate",
        View::Now,
        &["of the operations port (relay.example.com) expires in 2 days"],
    );
}

#[test]
fn whatever_else_is_wrong_is_named_and_the_gravest_comes_first() {
    let mut status = good();
    (status.state, status.network_hangs, status.hanging_shards) = (State::Stopping, true, vec![1]);
    (status.memory.queued_bytes, status.memory.queued_bytes_max) = (80 << 20, 100 << 20);
    (status.open_files.used, status.open_files.max) = (Some(900), Some(1024));
    status.option_files = vec![OptionFile { path: "/k".into(), since: 0, fault: Some("it is empty".into()) }];
    status.relays[0].lagging = true;
    status.relays[1].authenticator_difference = Some("A has another library".into());
    let authenticator = RecentFailures { restarts: 1, late: 1, ..RecentFailures::default() };
    let found = problems(&status, &Recent { lost_log_lines: 5, authenticator, ..recent() });
    let ids: Vec<&str> = found.iter().map(|problem| problem.id.as_str()).collect();
    let expected = [
        "stopping",
        "shard_hangs",
        "authenticator_failing",
        "network_hangs",
        "memory",
        "open_files",
        "log_lines",
        "option_file",
        "authenticator_slow",
        "link_slow",
        "links_differ",
    ];
    assert_eq!(ids, expected, "{found:#?}");
    found.iter().for_each(|problem| is(problem, &problem.id, problem.view, &[]));
}

/// The same over NATS.
#[test]
fn a_relay_that_keeps_other_history_is_named() {
    let mut status = good();
    status.relays[1].history_difference = Some("it has another `history`".into());
    let differs = only(&status, &recent());
    is(&differs, "history_differs", View::Network, &["r3", "(it has another `history`)", "restart or update"]);
    assert_eq!((differs.level, differs.item.as_deref()), (Level::Warning, Some("r3")));
}
