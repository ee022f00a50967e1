use super::*;
use crate::authenticator::grants::GrantEnd;
use crate::authenticator::grants::{Heard, Mail};
use std::task::Waker;
use std::time::{Duration, Instant};

fn book() -> Arc<GrantBook> {
    let book = GrantBook::new();
    book.open().unwrap();
    book.set_can_recheck(true);
    book
}

const HEARS: Offers = Offers { hears: true, adopts: true, reloads: false, tells_health: false };

/// Another instance hears from here on: its number.
fn begin(book: &GrantBook) -> u64 {
    let epoch = AtomicU64::default();
    book.begin_hearing(HEARS, &epoch);
    epoch.into_inner()
}

fn out(ticket: u64) -> Mail {
    Mail::Revoke { ticket, reason: "out".into(), is_by_subject: true }
}

fn revoke(book: &GrantBook, subject: &str) -> i32 {
    book.order(Order::Revoke(Whom::Subject(subject.into()), "out".into()))
}

/// What arrives in the mailbox, once something has.
fn mail(mailbox: &Mailbox) -> Vec<Mail> {
    let started = Instant::now();
    while !mailbox.has_mail() {
        assert!(started.elapsed() < Duration::from_secs(10), "no mail");
        thread::yield_now();
    }
    mailbox.take()
}

fn news(book: &GrantBook, epoch: u64) -> Heard {
    match book.next_news(epoch) {
        Next::Heard(heard) => heard,
        Next::Over => panic!("another hears"),
    }
}

#[test]
fn an_order_reaches_what_was_granted_before_it_and_nothing_else() {
    let (book, mailbox) = (book(), Mailbox::new(Waker::noop().clone()));
    let before = book.grant(1, 1, "alice", 0);
    let other = book.grant(2, 1, "bob", 0);
    before.deliver_to(&mailbox);
    let underway = book.grant(3, 1, "alice", 0);
    assert_eq!(revoke(&book, "alice"), abi::TAKEN);
    let after = book.grant(4, 1, "alice", 0);
    assert_eq!(book.order(Order::Recheck(Whom::Ticket(2))), abi::TAKEN);
    assert_eq!(mail(&mailbox), [out(1)]);
    let second = Mailbox::new(Waker::noop().clone());
    other.deliver_to(&second);
    assert_eq!(mail(&second), [Mail::Recheck(2)]);
    // Orders are carried out one after the other, so the first one is done as well.
    let third = Mailbox::new(Waker::noop().clone());
    underway.deliver_to(&third);
    assert_eq!(third.take(), [out(3)]);
    let fourth = Mailbox::new(Waker::noop().clone());
    after.deliver_to(&fourth);
    assert!(!fourth.has_mail());
}

#[test]
fn orders_that_break_the_rules_are_not_taken() {
    let book = book();
    assert_eq!(revoke(&book, ""), abi::MALFORMED, "it would name everybody without a subject");
    assert_eq!(revoke(&book, &"a".repeat(1025)), abi::MALFORMED);
    let long = Order::Revoke(Whom::Ticket(1), "a".repeat(65_537));
    assert_eq!(book.order(long), abi::MALFORMED);
    book.set_can_recheck(false);
    assert_eq!(book.order(Order::Recheck(Whom::Ticket(1))), abi::UNSUPPORTED);
    assert_eq!(revoke(&book, "nobody"), abi::TAKEN, "a name that names none is no error");
}

#[test]
fn the_one_that_decides_hears_of_every_end_once() {
    let book = book();
    let first = begin(&book);
    let (one, two) = (book.grant(1, first, "alice", 0), book.grant(2, first, "", 5));
    one.set_end(GrantEnd::Expired);
    drop(one.clone());
    drop(one);
    assert_eq!(news(&book, first), Heard::Ended(1, abi::ENDED_EXPIRED));
    let three = book.grant(3, first, "carol", 0);
    let second = begin(&book);
    assert_eq!(book.next_news(first), Next::Over);
    // It has not been told of it, so it need not hear of its end.
    drop(three);
    assert_eq!(news(&book, second), Heard::Adopted(2, String::new(), 5));
    // Decided by the first one, and come late.
    let late = book.grant(4, first, "dave", 0);
    let own = book.grant(5, second, "erin", 0);
    drop((own, two));
    assert_eq!(news(&book, second), Heard::Adopted(4, "dave".into(), 0));
    let mut ends = [news(&book, second), news(&book, second)];
    ends.sort_by_key(|heard| matches!(heard, Heard::Ended(5, _)));
    assert_eq!(ends, [Heard::Ended(2, abi::ENDED_CLOSED), Heard::Ended(5, abi::ENDED_CLOSED)]);
    drop(late);
    assert_eq!(news(&book, second), Heard::Ended(4, abi::ENDED_CLOSED));
    book.end_hearing(first);
    drop(book.grant(6, second, "", 0));
    assert_eq!(news(&book, second), Heard::Ended(6, abi::ENDED_CLOSED), "another one's end is not its own");
    book.end_hearing(second);
    assert_eq!(book.next_news(second), Next::Over);
}

#[test]
fn what_has_ended_leaves_nothing_behind() {
    let book = book();
    drop((0..100).map(|ticket| book.grant(ticket, 0, "alice", 0)).collect::<Vec<_>>());
    let state = book.lock();
    assert!(state.grants.is_empty() && state.by_subject.is_empty() && state.hearing.waiting.is_empty());
}

#[test]
fn who_leaves_too_many_news_waiting_is_deaf() {
    let book = book();
    let epoch = begin(&book);
    (0..=crate::authenticator::grants::hearing::WAITING_MAX as u64)
        .for_each(|ticket| drop(book.grant(ticket, epoch, "", 0)));
    assert!(book.is_deaf());
    begin(&book);
    assert!(!book.is_deaf(), "another one may hear");
}

/// A plugin that revokes a ticket and answers a recheck of it with a grant has revoked it.
#[test]
fn an_order_about_one_grant_is_in_its_mailbox_at_once() {
    let (book, mailbox) = (book(), Mailbox::new(Waker::noop().clone()));
    let held = book.grant(1, 1, "alice", 0);
    held.deliver_to(&mailbox);
    assert_eq!(book.order(Order::Revoke(Whom::Ticket(1), "out".into())), abi::TAKEN);
    assert_eq!(mailbox.take(), [Mail::Revoke { ticket: 1, reason: "out".into(), is_by_subject: false }]);
}

#[test]
#[cfg(unix)]
fn a_new_process_hears_unless_another_instance_does() {
    let (book, old) = (book(), AtomicU64::default());
    book.go_on_hearing(HEARS, &old);
    assert_eq!(old.load(Ordering::Relaxed), 0, "its instance has not begun to");
    book.begin_hearing(HEARS, &old);
    let first = old.load(Ordering::Relaxed);
    let held = book.grant(7, first, "alice", 0);
    book.go_on_hearing(HEARS, &old);
    let second = old.load(Ordering::Relaxed);
    assert_eq!((book.next_news(first), news(&book, second)), (Next::Over, Heard::Adopted(7, "alice".into(), 0)));
    let new = begin(&book);
    book.go_on_hearing(HEARS, &old);
    assert_eq!((old.load(Ordering::Relaxed), book.next_news(second)), (second, Next::Over));
    assert_eq!(news(&book, new), Heard::Adopted(7, "alice".into(), 0));
    drop(held);
    assert_eq!(news(&book, new), Heard::Ended(7, abi::ENDED_CLOSED));
}

/// Tickets are numbered when they are asked, so that of two the later one may be granted by the process before.
#[test]
fn who_gives_a_grant_does_not_adopt_it() {
    let book = book();
    let first = begin(&book);
    let earlier = book.grant(9, first, "", 0);
    let second = begin(&book);
    let own = book.grant(5, second, "", 0);
    drop(own);
    let mut heard = [news(&book, second), news(&book, second)];
    heard.sort_by_key(|heard| matches!(heard, Heard::Ended(..)));
    assert_eq!(heard, [Heard::Adopted(9, String::new(), 0), Heard::Ended(5, abi::ENDED_CLOSED)]);
    drop(earlier);
    assert_eq!(news(&book, second), Heard::Ended(9, abi::ENDED_CLOSED));
}

#[test]
fn who_does_not_adopt_hears_of_its_own_grants_alone() {
    let (book, epoch) = (book(), AtomicU64::default());
    let earlier = book.grant(1, begin(&book), "", 0);
    book.begin_hearing(Offers { adopts: false, ..HEARS }, &epoch);
    let second = epoch.into_inner();
    let late = book.grant(2, second - 1, "", 0);
    drop((earlier, late, book.grant(3, second, "", 0)));
    assert_eq!(news(&book, second), Heard::Ended(3, abi::ENDED_CLOSED));
    book.never_arrived(4, second, abi::ENDED_EXPIRED);
    book.never_arrived(5, second - 1, abi::ENDED_EXPIRED);
    book.never_arrived(6, second, abi::ENDED_CLOSED);
    assert_eq!(news(&book, second), Heard::Ended(4, abi::ENDED_EXPIRED));
    assert_eq!(news(&book, second), Heard::Ended(6, abi::ENDED_CLOSED));
}

/// In a process the plugin has been told already that they are taken.
#[test]
#[cfg(unix)]
fn orders_of_a_process_wait_for_room_and_none_is_lost() {
    let (book, mailbox) = (book(), Mailbox::new(Waker::noop().clone()));
    let orders = 4 * ORDERS_MAX as u64;
    let held: Vec<_> = (0..orders).map(|ticket| book.grant(ticket, 0, &format!("s{ticket}"), 0)).collect();
    held.iter().for_each(|held| held.deliver_to(&mailbox));
    for ticket in 0..orders {
        let order = Order::Revoke(Whom::Subject(format!("s{ticket}")), "out".into());
        assert_eq!(book.order_in_turn(&order), abi::TAKEN);
    }
    let (started, mut revoked) = (Instant::now(), mailbox.take().len() as u64);
    while revoked < orders {
        assert!(started.elapsed() < Duration::from_secs(10), "{revoked} of {orders}");
        thread::yield_now();
        revoked += mailbox.take().len() as u64;
    }
}
