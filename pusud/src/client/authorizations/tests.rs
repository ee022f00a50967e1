use super::*;
use crate::protocol::Permission;
use crate::revocation::Revocations;
use std::time::{Duration, SystemTime};

const SECOND: Duration = Duration::from_secs(1);

fn at(start: Moment, seconds: u32) -> Moment {
    Moment { uptime: start.uptime + SECOND * seconds, wall: start.wall + SECOND * seconds }
}

fn grant(pattern: &str, expires: Option<SystemTime>) -> Grant {
    Grant {
        permissions: vec![Permission::new(pattern, Access::READ_WRITE)],
        expires,
        generation: 1,
        ..Grant::default()
    }
}

fn secret(text: &str) -> Option<Rc<Authorization>> {
    Some(Rc::new(Authorization::new(text)))
}

#[test]
fn they_end_one_by_one() {
    let (start, mut all) = (Moment::now(), Authorizations::default());
    all.add(grant("a", Some(at(start, 100).wall)), None, start);
    all.add(grant("b", Some(at(start, 200).wall)), None, start);
    all.add(grant("c", None), None, start);
    assert_eq!(all.next_event(), Some(at(start, 70).uptime));
    assert_eq!(all.pass(at(start, 69).uptime), Passed::default());
    assert_eq!(all.pass(at(start, 70).uptime), Passed { notice_seconds: Some(30), ended: false });
    assert_eq!(all.pass(at(start, 99).uptime), Passed::default());
    assert!(all.allow(Access::READ, "a"));
    assert_eq!(all.pass(at(start, 100).uptime), Passed { notice_seconds: None, ended: true });
    assert!(!all.allow(Access::READ, "a") && all.allow(Access::READ, "b") && all.allow(Access::READ, "c"));
    assert_eq!(all.pass(at(start, 300).uptime), Passed { notice_seconds: None, ended: true });
    assert!(all.allow(Access::READ, "c") && all.next_event().is_none());
}

#[test]
fn notice_is_given_at_half_life_if_that_is_shorter() {
    let (start, mut all) = (Moment::now(), Authorizations::default());
    all.add(grant("a", Some(at(start, 7).wall)), None, start);
    assert_eq!(all.next_event(), Some(start.uptime + SECOND * 7 / 2));
    assert_eq!(all.pass(at(start, 4).uptime).notice_seconds, Some(3));
}

/// What counts is how much was left when it was granted: setting the clock neither ends nor prolongs anything.
#[test]
fn a_clock_that_is_set_changes_nothing() {
    let (start, mut all) = (Moment::now(), Authorizations::default());
    all.add(grant("a", Some(at(start, 100).wall)), None, start);
    assert!(!all.pass(at(start, 99).uptime).ended);
    let set_back = Moment { uptime: at(start, 99).uptime, wall: start.wall };
    all.add(grant("b", Some(at(start, 50).wall)), None, set_back);
    assert!(all.pass(at(start, 100).uptime).ended && all.allow(Access::READ, "b"));
    assert!(all.pass(at(start, 149).uptime).ended && all.is_empty());
}

#[test]
fn an_end_in_the_past_or_beyond_all_clocks() {
    let (start, mut all) = (Moment::now(), Authorizations::default());
    all.add(grant("a", Some(start.wall - SECOND)), None, start);
    assert!(all.pass(start.uptime).ended && all.is_empty());
    all.add(grant("a", SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(u64::MAX))), None, start);
    assert!(!all.pass(at(start, u32::MAX).uptime).ended);
}

#[test]
fn a_renewal_takes_the_place_of_what_it_renews() {
    let (start, mut all) = (Moment::now(), Authorizations::default());
    all.add(grant("a.*", Some(at(start, 100).wall)), None, start);
    all.add(grant("a.*", Some(at(start, 300).wall)), None, at(start, 50));
    assert_eq!((all.all().len(), all.next_event()), (1, Some(at(start, 270).uptime)));
    // Less, or as much for a shorter time, adds nothing.
    all.add(grant("a.1", Some(at(start, 300).wall)), None, start);
    all.add(grant("a.*", Some(at(start, 200).wall)), None, start);
    assert_eq!(all.all().len(), 1);
    all.add(grant("a.1", None), None, start);
    assert_eq!(all.all().len(), 2, "it lasts longer");
    all.add(grant("*", None), None, start);
    assert_eq!((all.all().len(), all.next_event()), (1, None));
}

/// A client that renews with what does not last longer is not told of the same end again and again.
#[test]
fn notice_of_one_end_is_given_once() {
    let (start, mut all) = (Moment::now(), Authorizations::default());
    let end = at(start, 100);
    all.add(grant("a", Some(end.wall)), None, start);
    assert_eq!(all.pass(at(start, 70).uptime).notice_seconds, Some(30));
    all.add(grant("a", Some(end.wall + SECOND / 1000)), None, at(start, 71));
    assert_eq!((all.all().len(), all.pass(at(start, 99).uptime)), (1, Passed::default()));
    all.add(grant("a", Some(at(start, 101).wall)), None, at(start, 99));
    assert_eq!(all.pass(at(start, 100).uptime), Passed { notice_seconds: Some(1), ended: false });
}

#[test]
fn what_is_kept_can_be_asked_again_and_replaced() {
    let (start, mut all) = (Moment::now(), Authorizations::default());
    all.add(grant("a", None), None, start);
    assert!(!all.any_kept() && !all.any_to_ask(2, start.uptime), "nothing was kept");
    all.add(grant("b", Some(at(start, 100).wall)), secret("s"), start);
    assert!(all.any_kept() && !all.any_to_ask(1, start.uptime));
    let kept = all.ask(2, start.uptime).unwrap().kept;
    assert!(all.replace(&kept, Some(Grant { generation: 2, ..grant("c", None) }), start));
    assert!(all.allow(Access::READ, "c") && !all.allow(Access::READ, "b") && !all.any_to_ask(2, start.uptime));
    assert!(all.replace(&kept, None, start) && !all.allow(Access::READ, "c"));
    assert!(!all.replace(&kept, Some(grant("c", None)), start), "it has ended");
    assert!(all.allow(Access::READ, "a"));
}

#[test]
fn what_was_kept_is_forgotten_and_the_end_is_not() {
    let (start, mut all) = (Moment::now(), Authorizations::default());
    all.add(grant("a", None), secret("s"), start);
    all.add(grant("b", Some(at(start, 100).wall)), secret("t"), start);
    all.forget_kept();
    assert!(!all.any_kept() && all.all()[0].terms.is_none());
    assert!(all.pass(at(start, 100).uptime).ended && all.allow(Access::READ, "a"));
}

/// Once a second at most, and an order that comes while it is asked about is not the one that is being followed.
#[test]
fn a_recheck_that_is_wanted_meanwhile_follows_a_second_later() {
    let (start, mut all) = (Moment::now(), Authorizations::default());
    all.add(Grant { ticket: 7, ..grant("a", None) }, secret("s"), start);
    assert!(all.recheck(7) && all.recheck(7) && all.recheck(8), "one that has ended is no fault");
    assert!(all.ask(1, start.uptime).is_none());
    let asked = at(start, 1);
    assert_eq!((all.next_event(), all.any_to_ask(1, asked.uptime)), (Some(asked.uptime), true));
    let ToAsk { kept, ticket, .. } = all.ask(1, asked.uptime).unwrap();
    assert_eq!((ticket, all.any_to_ask(1, at(start, 100).uptime)), (7, false), "it was asked about");
    all.recheck(7);
    assert_eq!(all.next_event(), Some(at(start, 2).uptime));
    assert!(all.replace(&kept, Some(Grant { ticket: 9, ..grant("a", None) }), at(start, 5)));
    assert!(!all.any_to_ask(1, at(start, 5).uptime) && all.any_to_ask(1, at(start, 6).uptime));
    assert_eq!(all.ask(1, at(start, 6).uptime).unwrap().ticket, 9);
    assert!(all.revoke(9) && !all.revoke(9) && all.is_empty());
}

/// The wider one may be revoked, and what the narrower one gives has to be there still.
#[test]
fn one_of_another_subject_takes_nobodys_place() {
    let (start, mut all, revocations) = (Moment::now(), Authorizations::default(), Revocations::default());
    let of = |subject: &str, pattern: &str, seconds| {
        let standing = revocations.standing(subject, &revocations.hashes(pattern.as_bytes()));
        Grant { subject: subject.into(), standing, ..grant(pattern, Some(at(start, seconds).wall)) }
    };
    assert_eq!(all.add(of("narrow", "a.1", 100), None, start), Added::Something);
    assert_eq!(all.add(of("wide", "a.*", 200), None, start), Added::Something);
    assert_eq!((all.all().len(), all.add(of("wide", "a.1", 150), None, start)), (2, Added::Nothing));
    let wide = revocations.subject_key("wide");
    assert!(all.revoke_all(|standing| standing.has(wide)) && all.allow(Access::READ, "a.1"));
    assert!(!all.allow(Access::READ, "a.2"));
    // A renewal has the subject of what it renews.
    all.add(of("narrow", "a.*", 200), None, start);
    assert_eq!(all.all().len(), 1);
}

#[test]
fn it_is_small() {
    // 16 bytes of it say whose it is.
    assert_eq!((size_of::<Live>(), size_of::<Authorizations>()), (48, 48));
}
