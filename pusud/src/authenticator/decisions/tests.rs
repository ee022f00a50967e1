//! Decisions that are remembered, found and cut.

use super::super::verdict::{Authorization, Grant};
use super::*;
use crate::protocol::Access;

fn request(peer: &str) -> Request {
    Request {
        authorization: Authorization::new("secret"),
        peer: peer.into(),
        encrypted: false,
        again: false,
        recheck: false,
        attributes: Vec::new(),
    }
}

fn remember(decisions: &Decisions, peer: &str, verdict: &Verdict) {
    decisions.remember(Question::now(&request(peer), None), "A".to_owned(), verdict, None, &"ü".repeat(1000));
}

fn granted(subject: &str, permissions: usize) -> Verdict {
    let permission = Permission::new("x".repeat(96), Access::READ_WRITE);
    Verdict::Grant(Grant { subject: subject.into(), permissions: vec![permission; permissions], ..Grant::default() })
}

/// A proxy names the client's address in a header, without a port.
#[test]
fn clients_behind_a_proxy_are_found_by_their_address() {
    let decisions = Decisions::new(4);
    for peer in ["192.0.2.1", "2001:db8::1", "192.0.2.1:5", ""] {
        remember(&decisions, peer, &granted("x", 1));
    }
    let at = |address: &str| {
        let found = decisions.find(&Filter { address: Some(address.into()), last: 9, ..Filter::default() }).unwrap().0;
        found.into_iter().map(|decision| decision.address).collect::<Vec<_>>()
    };
    assert_eq!(at("192.0.2.1"), ["192.0.2.1", "192.0.2.1:5"]);
    assert_eq!(at("192.0.2.0/24"), ["192.0.2.1", "192.0.2.1:5"]);
    assert_eq!((at("192.0.2.1:5"), at("2001:db8::/32")), (vec!["192.0.2.1:5".into()], vec!["2001:db8::1".into()]));
}

#[test]
fn the_last_ones_are_kept_and_found_by_what_is_known_of_them() {
    let decisions = Decisions::new(4);
    remember(&decisions, "192.0.2.9:1", &granted("gone", 1));
    remember(&decisions, "192.0.2.1:1", &granted("alice", 1));
    remember(&decisions, "192.0.2.1:2", &Verdict::Refuse("no".into()));
    remember(&decisions, "[2001:db8::1]:7", &Verdict::Unavailable("down".into()));
    remember(&decisions, "192.0.2.10:1", &granted("bob", 1));
    let all = Filter { last: 10, ..Filter::default() };
    let found = |filter: Filter| {
        let (found, count) = decisions.find(&filter).unwrap();
        assert_eq!(found.len(), count.min(filter.last));
        found.into_iter().map(|decision| decision.address).collect::<Vec<_>>()
    };
    assert_eq!(found(all.clone()), ["192.0.2.1:1", "192.0.2.1:2", "[2001:db8::1]:7", "192.0.2.10:1"]);
    assert_eq!(found(Filter { last: 1, ..all.clone() }), ["192.0.2.10:1"]);
    let at = |address: &str| found(Filter { address: Some(address.into()), ..all.clone() });
    assert_eq!(at("192.0.2.1"), ["192.0.2.1:1", "192.0.2.1:2"]);
    assert_eq!((at("192.0.2.1:2"), at("2001:db8::1")), (vec!["192.0.2.1:2".into()], vec!["[2001:db8::1]:7".into()]));
    assert_eq!(at("192.0.2.0/29"), ["192.0.2.1:1", "192.0.2.1:2"]);
    assert_eq!((at("0.0.0.0/0").len(), at("2001:db8::/32").len()), (3, 1));
    let nobody = Filter { address: Some("192.0.2.0/33".into()), ..all.clone() };
    assert!(decisions.find(&nobody).is_err());
    assert_eq!(found(Filter { subject: Some("alice".into()), ..all.clone() }), ["192.0.2.1:1"]);
    assert_eq!(found(Filter { refused: true, ..all }), ["192.0.2.1:2", "[2001:db8::1]:7"]);
}

#[test]
fn what_is_long_is_cut() {
    let decisions = Decisions::new(2);
    remember(&decisions, "a", &Verdict::Refuse("ö".repeat(10_000)));
    remember(&decisions, "a", &granted(&"s".repeat(1024), 1000));
    let (found, _) = decisions.find(&Filter { last: 2, ..Filter::default() }).unwrap();
    assert_eq!((found[0].reason.len(), found[0].detail.len()), (TEXT_BYTES_MAX, TEXT_BYTES_MAX));
    assert_eq!((found[1].subject.len(), found[1].permissions.len()), (TEXT_BYTES_MAX, 10));
    assert_eq!(found[1].permissions_left_out, 990);
}

#[test]
fn none_are_kept_where_none_are_wanted() {
    assert!(!Decisions::new(0).is_on() && Decisions::new(1).is_on());
}
