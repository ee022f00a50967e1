use super::*;
use crate::authenticator::grants::GrantEnd;
use std::task::Waker;
use std::time::{Duration, Instant};

fn book() -> Arc<GrantBook> {
    let book = GrantBook::new();
    book.open().unwrap();
    book.set_can_recheck(true);
    book
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
    assert_eq!(mail(&mailbox), [Mail::Revoke(1, "out".into())]);
    let second = Mailbox::new(Waker::noop().clone());
    other.deliver_to(&second);
    assert_eq!(mail(&second), [Mail::Recheck(2)]);
    // Orders are carried out one after the other, so the first one is done as well.
    let third = Mailbox::new(Waker::noop().clone());
    underway.deliver_to(&third);
    assert_eq!(third.take(), [Mail::Revoke(3, "out".into())]);
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
    let first = book.begin_hearing(true);
    let (one, two) = (book.grant(1, first, "alice", 0), book.grant(2, first, "", 5));
    one.set_end(GrantEnd::Expired);
    drop(one.clone());
    drop(one);
    assert_eq!(news(&book, first), Heard::Ended(1, abi::ENDED_EXPIRED));
    let three = book.grant(3, first, "carol", 0);
    let second = book.begin_hearing(true);
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
    let epoch = book.begin_hearing(true);
    (0..=super::super::hearing::WAITING_MAX as u64).for_each(|ticket| drop(book.grant(ticket, epoch, "", 0)));
    assert!(book.is_deaf());
    book.begin_hearing(true);
    assert!(!book.is_deaf(), "another one may hear");
}
