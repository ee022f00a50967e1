//! More relays than can all answer each barrier: one at each server does.

use super::bench::{ALL, ALONE, About, Bench, about, heartbeat, payload, sender};
use crate::nats::wire::{self, Message};
use crate::peers::BootId;
use std::collections::BTreeMap;
use std::time::Duration;

const RELAYS: u8 = 30;
const SERVERS: u8 = 3;

fn server(boot: u8) -> Box<str> {
    format!("S{}", boot % SERVERS).into()
}

fn network() -> Bench {
    let mut bench = Bench::joined("own", 1);
    for boot in 2..2 + RELAYS {
        let about = About { server: server(boot), ..about(&format!("relay-{boot}"), 1) };
        bench.receive(ALL, &heartbeat(boot, 1, &about));
    }
    bench.written();
    bench
}

/// Whom barriers were sent to, and with which number.
fn asked(bench: &mut Bench) -> BTreeMap<u8, u64> {
    let written = bench.written();
    let barriers = written.iter().filter_map(|one| match one.message() {
        Message::Barrier { number, .. } => Some((one.subject.clone(), number)),
        _ => None,
    });
    let barriers: Vec<_> = barriers.collect();
    let boot = |subject: &str| {
        let is_meant = |boot: &u8| subject == format!("pusu.n.r.{}-1", BootId([*boot; 16]));
        (2..2 + RELAYS).find(is_meant).expect("one relay alone")
    };
    barriers.iter().map(|(subject, number)| (boot(subject), *number)).collect()
}

/// The same, of whatever relays.
fn asked_all(bench: &mut Bench) -> Vec<String> {
    let written = bench.written();
    let barriers = written.iter().filter(|one| matches!(one.message(), Message::Barrier { .. }));
    barriers.map(|one| one.subject.clone()).collect()
}

fn answer(bench: &mut Bench, boot: u8, number: u64) {
    bench.receive(ALONE, &payload(|out| wire::passed(out, sender(boot, 1), (number, 0), std::iter::empty())));
}

#[test]
fn one_relay_at_each_server_answers() {
    let mut bench = network();
    bench.subscribe("a", 1);
    let asked = asked(&mut bench);
    let mut servers: Vec<_> = asked.keys().map(|boot| server(*boot)).collect();
    servers.sort();
    assert_eq!(servers, ["S0", "S1", "S2"].map(Box::from));
    for (count, (boot, number)) in asked.iter().enumerate() {
        assert_eq!(bench.home().settled.len(), 0, "{count} have answered");
        answer(&mut bench, *boot, *number);
    }
    assert_eq!(bench.home().settled, [1]);
}

#[test]
fn where_the_one_is_gone_all_others_of_its_server_are_asked() {
    let mut bench = network();
    bench.subscribe("a", 1);
    let first = asked(&mut bench);
    let (gone, number) = first.iter().next().map(|(boot, number)| (*boot, *number)).unwrap();
    first.keys().skip(1).for_each(|boot| answer(&mut bench, *boot, number));
    bench.pass(Duration::from_millis(250));
    let again = asked(&mut bench);
    assert!(again.len() == usize::from(RELAYS / SERVERS) && again.keys().all(|boot| server(*boot) == server(gone)));
    let other = *again.keys().find(|boot| **boot != gone).unwrap();
    answer(&mut bench, other, number);
    assert_eq!(bench.home().settled, [1]);
}

#[test]
fn a_server_of_which_nobody_answers_lags_until_somebody_does() {
    let mut bench = network();
    bench.subscribe("a", 1);
    let first = asked(&mut bench);
    let (slow, number) = first.iter().next().map(|(boot, number)| (*boot, *number)).unwrap();
    first.keys().skip(1).for_each(|boot| answer(&mut bench, *boot, number));
    bench.pass(Duration::from_millis(1050));
    assert_eq!(bench.home().settled, [1]);
    assert!(bench.peer(&format!("relay-{slow}")).unwrap().lagging);
    // The channel has another barrier, without that server.
    let again = asked(&mut bench);
    again.iter().filter(|(boot, _)| server(**boot) != server(slow)).for_each(|(boot, n)| answer(&mut bench, *boot, *n));
    // Nobody subscribes, and it is asked all the same.
    bench.pass(Duration::from_millis(1300));
    let probes = asked(&mut bench);
    assert_eq!(probes.len(), usize::from(RELAYS / SERVERS));
    probes.iter().for_each(|(boot, number)| answer(&mut bench, *boot, *number));
    assert!(!bench.peer(&format!("relay-{slow}")).unwrap().lagging);
}

/// All its relays are elsewhere, or are others: nobody there can answer.
#[test]
fn a_server_where_nobody_is_any_more_is_not_waited_for() {
    let mut bench = network();
    bench.subscribe("a", 1);
    let first = asked(&mut bench);
    let number = *first.values().next().unwrap();
    let gone = server(3);
    first.keys().filter(|boot| server(**boot) != gone).for_each(|boot| answer(&mut bench, *boot, number));
    for boot in (2..2 + RELAYS).filter(|boot| server(*boot) == gone) {
        let name = format!("relay-{boot}");
        let elsewhere = About { server: "S1".into(), ..about(&name, 2) };
        // One has another connection, the other one has been started again.
        let start = if boot % 2 == 0 { (boot, 2) } else { (100 + boot, 1) };
        bench.receive(ALL, &heartbeat(start.0, start.1, &elsewhere));
    }
    bench.pass(Duration::from_millis(20));
    let again = self::asked_all(&mut bench);
    assert!(again.len() == 2, "the barrier has ended, and the next one asks who is there: {again:?}");
}
