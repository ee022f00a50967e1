//! Relays that are away: their last publications, and who has them.

use super::{ASKED_MS, Class, Kept, LONG, NOTICED_MS, SOON_MS, Safeguard, holds, needs};

/// Relay 2 dies between its writes to the others: 0 has the last publication, 1 never hears of it, and the link of these two is up
/// all the time.
#[test]
fn what_one_survivor_has_all_get() {
    needs(Safeguard::Ask, Class::None, &[Kept::ALL; 3], |world| {
        world.starts(0..3);
        world.listener(1);
        world.break_link(1, 2, false);
        world.publishes(2);
        world.end(2);
        world.pass(NOTICED_MS + 2000);
    });
}

/// Relay 1 has never been linked with 2, and does not know that it should ask.
#[test]
fn who_was_never_linked_with_a_killed_relay_hears_its_last_words() {
    needs(Safeguard::Ask, Class::None, &[LONG; 3], |world| {
        world.break_link(1, 2, false);
        world.starts(0..3);
        world.pass(ASKED_MS);
        world.listener(1);
        world.publishes(2);
        world.end(2);
        world.pass(NOTICED_MS + 2000);
    });
}

/// Relay 0 alone has the last publication of 3, and is cut off. Long after that it links with 1, which tells 2.
#[test]
fn what_comes_late_is_news_to_others() {
    needs(Safeguard::News, Class::None, &[LONG; 4], |world| {
        world.starts(0..4);
        world.listener(2);
        for (one, other) in [(0, 1), (0, 2), (1, 3), (2, 3)] {
            world.break_link(one, other, true);
        }
        world.pass(NOTICED_MS);
        world.publishes(3);
        world.end(3);
        world.pass(ASKED_MS);
        world.heal(0, 1);
        world.pass(2000);
    });
}

/// There was no room for the last publication, and none follows that would show the hole.
#[test]
fn a_tail_that_had_no_room_is_told() {
    needs(Safeguard::OverflowIsTold, Class::None, &[Kept::ALL; 2], |world| {
        world.starts(0..2);
        world.listener(1);
        world.overflows = true;
        world.publishes(0);
        world.pass(1000);
    });
}

/// Relay 1 takes its link with 2 for up, and it is not. What 0 tells of 2 is looked at again half a second later.
#[test]
fn a_claim_about_an_origin_whose_link_only_seems_up_is_followed() {
    holds(Class::None, &[Kept::ALL; 3], |world| {
        world.starts(0..3);
        let listener = world.listener(1);
        world.break_link(0, 1, true);
        world.pass(NOTICED_MS);
        world.break_link(1, 2, false);
        world.publishes(2);
        world.heal(0, 1);
        world.pass(2000);
        assert_eq!(world.heard(listener), 1);
    });
}

/// A listener comes at the very moment at which a relay that has just started takes clients.
#[test]
fn numbers_come_before_clients() {
    holds(Class::None, &[Kept::ALL; 2], |world| {
        world.starts(0..2);
        let listener = world.listener(0);
        world.publishes(0);
        world.publishes(1);
        world.end(1);
        world.pass(NOTICED_MS);
        world.begin(1);
        while !world.relays[1].as_ref().is_some_and(|relay| relay.takes_clients()) {
            world.pass(1);
        }
        world.moves(listener, 1);
        world.publishes(0);
        assert_eq!(world.heard(listener), 3);
    });
}

/// Nobody who is left knows that there was anything.
#[test]
fn what_only_a_killed_relay_had_is_lost_without_a_word() {
    let all = holds(Class::None, &[Kept::ALL; 2], |world| {
        world.starts(0..2);
        world.listener(1);
        world.break_link(0, 1, true);
        world.publishes(0);
        world.end(0);
        world.pass(NOTICED_MS);
        world.begin(0);
        world.heal(0, 1);
        world.pass(2000);
    });
    assert_eq!((all.pairs, all.excused, all.told), (all.runs, all.runs, 0));
}

/// A drain loses nothing only while its links are up.
#[test]
fn who_stops_while_cut_off_takes_its_publications_along() {
    let all = holds(Class::None, &[Kept::ALL; 2], |world| {
        world.starts(0..2);
        world.listener(1);
        world.break_link(0, 1, true);
        world.pass(NOTICED_MS);
        world.publishes(0);
        world.drain(0);
        world.pass(SOON_MS);
        assert!(world.relays[0].is_none());
    });
    assert_eq!((all.excused, all.told), (all.runs, 0));
}
