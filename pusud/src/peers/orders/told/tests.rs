use super::*;
use crate::revocation::{Stamp, Whom};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The number of the conversation.
const PEER: u64 = 7;

fn whom(subject: &str) -> Whom {
    Whom::Subject(subject.to_owned())
}

fn revoke(revocations: &Revocations, subject: &str) -> u64 {
    revocations.revoke(whom(subject), None, drop).unwrap().0
}

/// The peer's own word about one, later than any of this relay's.
fn told_by_peer(revocations: &Revocations, subject: &str) {
    let stamp = Stamp { time_ms: u64::MAX - 1, writer: 1 };
    let entry = Entry { whom: whom(subject), stamp, until_ms: 0, is_lifted: false };
    revocations.take(vec![entry], Some(PEER), drop).unwrap();
}

fn conversation() -> (Revocations, Told) {
    let revocations = Revocations::default();
    let told = Told::new(&revocations, PEER);
    (revocations, told)
}

/// The subjects of all frames that come next.
fn frames(told: &mut Told, revocations: &Revocations) -> Vec<Vec<Whom>> {
    let subjects = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.whom).collect();
    std::iter::from_fn(|| told.next(revocations)).map(|(_, entries)| subjects(entries)).collect()
}

fn awaiting(told: &mut Told, change: u64) -> UnboundedReceiver<OrderNews> {
    let (reply, news) = unbounded_channel();
    told.await_change("b", change, reply);
    news
}

#[test]
fn everything_is_told_again_only_where_there_was_no_room() {
    let (revocations, mut told) = conversation();
    revoke(&revocations, "alice");
    assert_eq!(frames(&mut told, &revocations), [[whom("alice")]]);
    assert!(!told.again(), "nothing was refused");
    told.acknowledge(1, TakenIn::Held, 0).unwrap();
    assert!(!told.again() && frames(&mut told, &revocations).is_empty());
    revoke(&revocations, "bob");
    assert_eq!(frames(&mut told, &revocations).len(), 1);
    told.acknowledge(2, TakenIn::NoRoom, 0).unwrap();
    assert!(told.again() && !told.again(), "once for each refusal");
    assert_eq!(frames(&mut told, &revocations), [[whom("alice"), whom("bob")]]);
}

/// Their clients are to be counted by themselves.
#[test]
fn what_was_not_told_before_everything_is_told_again_has_frames_of_its_own() {
    let (revocations, mut told) = conversation();
    revoke(&revocations, "alice");
    frames(&mut told, &revocations);
    told.acknowledge(1, TakenIn::NoRoom, 0).unwrap();
    let changes = ["bob", "carol"].map(|subject| revoke(&revocations, subject));
    let mut news = changes.map(|change| awaiting(&mut told, change));
    assert!(told.again());
    assert_eq!(frames(&mut told, &revocations), [[whom("alice")], [whom("bob")], [whom("carol")]]);
    for (frame, clients) in [(2, 0), (3, 5), (4, 6)] {
        told.acknowledge(frame, TakenIn::Held, clients).unwrap();
    }
    assert_eq!(news.each_mut().map(|news| news.try_recv().ok()), [5, 6].map(|n| Some(OrderNews::Done("b".into(), n))));
}

/// As where operators revoke the same one at two relays at the same moment.
#[test]
fn a_change_that_nobody_needs_to_be_told_of_any_more_is_not_waited_for() {
    let (revocations, mut told) = conversation();
    let done = Ok(OrderNews::Done("b".into(), 0));
    let mut before = {
        let change = revoke(&revocations, "alice");
        told_by_peer(&revocations, "alice");
        awaiting(&mut told, change)
    };
    assert!(before.try_recv().is_err());
    assert!(frames(&mut told, &revocations).is_empty());
    assert_eq!(before.try_recv(), done);
    let change = revoke(&revocations, "bob");
    told_by_peer(&revocations, "bob");
    assert!(frames(&mut told, &revocations).is_empty());
    assert_eq!(awaiting(&mut told, change).try_recv(), done, "also where whoever waits comes later");
    let change = revoke(&revocations, "carol");
    frames(&mut told, &revocations);
    let mut news = awaiting(&mut told, change);
    told_by_peer(&revocations, "carol");
    assert!(frames(&mut told, &revocations).is_empty() && news.try_recv().is_err(), "it was told, and is acknowledged");
    told.acknowledge(1, TakenIn::Held, 3).unwrap();
    assert_eq!(news.try_recv(), Ok(OrderNews::Done("b".into(), 3)));
}

#[test]
fn what_was_not_told_or_is_acknowledged_already_cannot_be_acknowledged() {
    let (revocations, mut told) = conversation();
    assert!(told.acknowledge(0, TakenIn::Held, 0).is_err());
    for subject in ["alice", "bob", "carol"] {
        revoke(&revocations, subject);
    }
    assert_eq!(frames(&mut told, &revocations).len(), 3);
    assert!(told.acknowledge(4, TakenIn::Held, 0).is_err());
    told.acknowledge(2, TakenIn::Held, 0).unwrap();
    assert!(
        [1, 2].map(|frame| told.acknowledge(frame, TakenIn::Held, 0).is_err()) == [true; 2],
        "joined with the second one"
    );
    told.acknowledge(3, TakenIn::Held, 0).unwrap();
    assert!(told.acknowledge(3, TakenIn::Held, 0).is_err());
}

#[test]
fn a_peer_that_acknowledges_nothing_is_told_no_more() {
    let (revocations, mut told) = conversation();
    for number in 0..UNACKNOWLEDGED_MAX + 3 {
        revoke(&revocations, &number.to_string());
    }
    assert_eq!(frames(&mut told, &revocations).len(), UNACKNOWLEDGED_MAX);
    told.acknowledge(2, TakenIn::Held, 0).unwrap();
    assert_eq!(frames(&mut told, &revocations).len(), 2);
    told.acknowledge(UNACKNOWLEDGED_MAX as u64, TakenIn::Held, 0).unwrap();
    assert_eq!(frames(&mut told, &revocations), [[whom(&(UNACKNOWLEDGED_MAX + 2).to_string())]]);
}
