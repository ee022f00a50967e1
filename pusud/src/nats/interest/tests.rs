use super::*;
use proptest::prelude::*;

const R: RelayId = RelayId(1);

fn channel() -> Channel {
    Channel { name: "a".into(), is_new: false, settled_in: None, is_refused: false, sid: FIRST_SID, lasts: Vec::new() }
}

fn taken(missed: u64, late: u64) -> Option<Taken> {
    Some(Taken { missed, late })
}

#[test]
fn a_number_of_a_subscription_is_never_that_of_another_channel() {
    let mut interest = Interest::default();
    let first = interest.add("a").unwrap();
    assert_eq!((first, interest.add("a")), (FIRST_SID, None));
    assert_eq!(interest.remove("a"), Some(first));
    let second = interest.add("b").unwrap();
    assert!(first != second && interest.by_sid(first).is_none());
    assert_eq!(interest.by_sid(second).map(|channel| channel.name.clone()), Some("b".into()));
    assert!((0..FIRST_SID).all(|sid| interest.by_sid(sid).is_none()));
    assert!(interest.contains("b") && !interest.contains("a") && interest.len() == 1);
}

#[test]
fn each_missing_one_is_counted_and_late_ones_are_known() {
    let mut channel = channel();
    assert_eq!(channel.take(R, 5, 0, 2), taken(0, 0), "nothing is known before the first");
    assert_eq!(channel.take(R, 7, 0, 1), taken(0, 0));
    assert_eq!(channel.take(R, 10, 0, 2), taken(2, 0));
    assert_eq!(channel.take(R, 8, 0, 2), taken(0, 2));
    assert_eq!(channel.take(R, 11, 0, 3), taken(0, 1), "the first of the three was there");
    assert_eq!(channel.take(RelayId(2), 3, 0, 1), taken(0, 0), "each relay counts for itself");
    assert_eq!([13, 15, 1].map(|last| channel.reach(R, 0, last)), [0, 2, 0].map(Some));
    assert_eq!(channel.take(R, 16, 0, 1), taken(0, 0));
}

#[test]
fn from_what_a_relay_has_said_on_nothing_is_lost_unseen() {
    let mut channel = channel();
    assert_eq!(channel.reach(R, 0, 0), Some(0), "it has not published yet");
    assert_eq!(channel.take(R, 2, 0, 1), taken(1, 0));
    // Forgotten and begun anew: only what is behind the base counts.
    assert_eq!(channel.take(R, 103, 100, 1), taken(2, 0));
}

#[test]
fn a_number_that_no_relay_has_come_to_changes_nothing() {
    let mut channel = channel();
    assert_eq!(channel.reach(R, 0, 5), Some(0));
    assert_eq!((channel.take(R, 7 + MISSED_MAX, 0, 1), channel.reach(R, 0, 6 + MISSED_MAX)), (None, None));
    assert_eq!(channel.take(R, 7, 0, 1), taken(1, 0));
    assert_eq!(channel.reach(R, 0, 7 + MISSED_MAX), Some(MISSED_MAX));
}

proptest! {
    #[test]
    fn what_is_sent_is_received_or_counted(fates in proptest::collection::vec(0u8..4, 1..60)) {
        let mut channel = channel();
        channel.reach(R, 0, 0);
        let (mut received, mut missed, mut late, mut stray) = (0, 0, 0, Vec::new());
        for (number, fate) in (1..).zip(&fates) {
            match fate {
                0 => {}
                1 => stray.push(number),
                _ => {
                    let now = channel.take(R, number, 0, 1).unwrap();
                    received += 1;
                    missed += now.missed;
                }
            }
        }
        missed += channel.reach(R, 0, fates.len() as u64).unwrap();
        for number in &stray {
            late += channel.take(R, *number, 0, 1).unwrap().late;
        }
        prop_assert_eq!(received + missed, fates.len() as u64);
        prop_assert_eq!(late, stray.len() as u64);
    }
}
