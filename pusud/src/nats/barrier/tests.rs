use super::*;
use crate::nats::wire::LIST_BYTES_MAX;

fn ticket(number: u64) -> Ticket {
    Ticket { shard: 0, number }
}

fn relay(id: u64) -> Answerer {
    Answerer::Relay(RelayId(id))
}

fn asked(channel: &str) -> Asked {
    Asked {
        channel: channel.into(),
        sid: channel.bytes().map(u64::from).fold(0, |all: u64, byte| all.wrapping_mul(31) + byte % 31),
    }
}

fn tickets(settled: &Settled) -> Vec<u64> {
    settled.tickets.iter().map(|ticket| ticket.number).collect()
}

#[test]
fn a_subscription_waits_for_all_and_those_that_come_meanwhile_for_the_next_one() {
    let (mut barriers, now) = (Barriers::default(), Instant::now());
    barriers.ask(asked("a"), ticket(1), now);
    barriers.ask(asked("a"), ticket(2), now);
    assert!(barriers.may_begin(now));
    let begun = barriers.begin([relay(1), relay(2)].into(), 0, now);
    assert_eq!((begun.number, begun.subscriptions.len()), (1, 1), "a channel is named once");
    barriers.ask(asked("b"), ticket(3), now);
    assert!(!barriers.may_begin(now + PAUSE), "one is under way");
    barriers.passed(1, &relay(1));
    assert_eq!(barriers.settle(false, 0, now), Settled::default());
    barriers.passed(1, &relay(2));
    let settled = barriers.settle(false, 0, now + PAUSE);
    assert_eq!((tickets(&settled), settled.subscriptions), (vec![1, 2], vec![asked("a")]));
    assert!(!barriers.may_begin(now) && barriers.may_begin(now + PAUSE));
    assert_eq!(barriers.begin([relay(1)].into(), 0, now + PAUSE).number, 2);
    barriers.gone(&relay(1));
    assert_eq!(tickets(&barriers.settle(false, 0, now + PAUSE)), [3]);
    assert_eq!((barriers.figures.passed, barriers.figures.longest), (2, Some(PAUSE)));
}

#[test]
fn nobody_waits_longer_than_a_second_whoever_does_not_answer() {
    let (mut barriers, now) = (Barriers::default(), Instant::now());
    let at = |ms| now + Duration::from_millis(ms);
    barriers.ask(asked("a"), ticket(1), now);
    barriers.begin([relay(1)].into(), 0, at(300));
    barriers.ask(asked("b"), ticket(2), at(500));
    assert_eq!(barriers.next_due(true), Some(at(500)));
    assert_eq!(barriers.unanswered(at(500)), None, "a relay is not asked twice");
    assert_eq!(barriers.next_due(true), Some(at(1000)));
    assert_eq!(tickets(&barriers.settle(false, 0, at(1000))), [1]);
    let settled = barriers.settle(false, 0, at(1300));
    assert_eq!((tickets(&settled), settled.lagging), (vec![], [relay(1)].into()));
    assert!(!barriers.is_in_time(1, at(1300)) && barriers.subscriptions(1).is_none());
    assert_eq!(tickets(&barriers.settle(false, 0, at(1500))), [2]);
    assert_eq!((barriers.figures.expired, barriers.next_due(false)), (1, None));
    // Nobody waits for them, and they have a barrier.
    assert!(barriers.may_begin(at(1500)) && barriers.probe(at(3000)).is_none());
    assert_eq!(*barriers.begin([relay(2)].into(), 0, at(1500)).subscriptions, [asked("a"), asked("b")]);
    barriers.passed(2, &relay(2));
    let settled = barriers.settle(false, 0, at(1500));
    assert_eq!((tickets(&settled), settled.subscriptions.len()), (vec![], 2));
    assert_eq!(barriers.next_due(true), None);
}

/// A relay has come meanwhile, or is elsewhere.
#[test]
fn a_barrier_of_another_network_is_asked_once_more() {
    let (mut barriers, now) = (Barriers::default(), Instant::now());
    let at = |ms| now + Duration::from_millis(ms);
    barriers.ask(asked("a"), ticket(1), now);
    barriers.ask(asked("b"), ticket(2), at(10));
    barriers.begin([relay(1)].into(), 0, at(10));
    barriers.ask(asked("c"), ticket(3), at(20));
    barriers.passed(1, &relay(1));
    assert_eq!(barriers.settle(false, 1, at(30)), Settled::default());
    let again = barriers.begin([relay(1), relay(2)].into(), 1, at(30));
    assert_eq!(*again.subscriptions, [asked("a"), asked("b"), asked("c")]);
    assert_eq!(tickets(&barriers.settle(false, 1, at(1000))), [1], "and nobody waits for longer");
    [1, 2].iter().for_each(|id| barriers.passed(2, &relay(*id)));
    assert_eq!(tickets(&barriers.settle(false, 1, at(1005))), [2, 3]);
}

#[test]
fn those_that_lag_are_asked_now_and_then() {
    let (mut barriers, now) = (Barriers::default(), Instant::now());
    assert_eq!(barriers.probe(now).map(|begun| begun.number), Some(1));
    assert!(barriers.is_in_time(1, now + PAUSE) && barriers.probe(now + PAUSE).is_none());
    barriers.ask(asked("a"), ticket(1), now);
    assert!(barriers.probe(now + PROBE).is_none(), "somebody waits");
    barriers.begin([].into(), 0, now + PROBE);
    barriers.settle(false, 0, now + PROBE);
    assert_eq!(barriers.probe(now + 2 * PROBE).map(|begun| begun.number), Some(3));
}

#[test]
fn where_there_is_nobody_nobody_waits() {
    let (mut barriers, now) = (Barriers::default(), Instant::now());
    barriers.ask(asked("a"), ticket(1), now);
    barriers.begin([relay(1)].into(), 0, now);
    barriers.ask(asked("b"), ticket(2), now);
    assert_eq!(tickets(&barriers.settle(true, 0, now)), [1, 2]);
}

#[test]
fn many_subscriptions_are_several_barriers() {
    let (mut barriers, now) = (Barriers::default(), Instant::now());
    let name = "x".repeat(200);
    (0..1000).for_each(|n| barriers.ask(asked(&format!("{name}{n:04}")), ticket(n), now));
    let first = barriers.begin([relay(1)].into(), 0, now).subscriptions;
    let bytes: usize = first.iter().map(|asked| asked.channel.len() + 1).sum();
    assert!(first.len() < 1000 && bytes <= LIST_BYTES_MAX && bytes > LIST_BYTES_MAX - 500);
    barriers.passed(1, &relay(1));
    assert_eq!(barriers.settle(false, 0, now).tickets.len(), first.len());
    assert!(barriers.may_begin(now + PAUSE));
}
