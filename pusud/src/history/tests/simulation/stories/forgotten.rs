//! Numbers that a relay has forgotten: nobody can ask it for them, so that those are told who may miss something.

use super::{Class, Kept, NOTICED_MS, SHORT, World, holds};

/// Room for two logs or three.
const TIGHT: Kept = Kept { bytes_max: 1500, ..Kept::ALL };
const OTHERS: [&str; 9] = ["b", "c", "d", "e", "f", "g", "h", "i", "j"];

/// Other channels take the place of this one.
fn displace(world: &mut World, place: usize) {
    for channel in OTHERS {
        world.publish_at(place, 0, channel, 1);
        world.pass(10);
    }
    let logs = &world.relays[place].as_ref().expect("it goes on").logs;
    assert!(logs.find("a").is_none(), "it was displaced");
}

/// The last message of a channel is published while the link is away, and displaced before it is back.
#[test]
fn what_was_displaced_while_a_link_was_away_is_told() {
    let all = holds(Class::Links, &[TIGHT, Kept::ALL], |world| {
        world.starts(0..2);
        world.listener(1);
        world.publishes(0);
        world.break_link(0, 1, true);
        world.pass(NOTICED_MS);
        world.publishes(0);
        displace(world, 0);
        world.heal(0, 1);
        world.pass(2000);
    });
    assert_eq!(all.told, all.runs);
}

/// Something is published to it again, with numbers that begin anew.
#[test]
fn and_where_the_channel_came_back_meanwhile() {
    let all = holds(Class::Links, &[TIGHT, Kept::ALL], |world| {
        world.starts(0..2);
        let listener = world.listener(1);
        world.publishes(0);
        world.break_link(0, 1, true);
        world.pass(NOTICED_MS);
        world.publishes(0);
        displace(world, 0);
        world.publishes(0);
        world.heal(0, 1);
        world.pass(2000);
        world.publishes(0);
        assert_eq!(world.heard(listener), 3);
    });
    assert!(all.told >= all.runs);
}

/// As long as the link is up, nothing is lost, and nobody is told.
#[test]
fn what_is_displaced_while_links_are_up_is_no_alarm() {
    holds(Class::None, &[TIGHT, Kept::ALL], |world| {
        world.starts(0..2);
        let listener = world.listener(1);
        for _ in 0..3 {
            world.publishes(0);
            displace(world, 0);
        }
        assert_eq!(world.heard(listener), 3);
    });
}

/// A listener is away for so long that its channel is forgotten, with what it has missed. Meanwhile a relay starts, which has never
/// known that channel.
#[test]
fn who_was_away_for_very_long_is_told_by_a_new_relay_too() {
    let all = holds(Class::Bounds, &[SHORT, SHORT], |world| {
        world.starts(0..2);
        let listener = world.listener(0);
        world.publishes(0);
        world.part(listener);
        world.publishes(0);
        world.end(1);
        world.pass(12_000);
        let logs = &world.relays[0].as_ref().expect("it goes on").logs;
        assert!(logs.is_empty(), "it was forgotten");
        world.starts(1..2);
        world.moves(listener, 1);
    });
    assert_eq!(all.told, all.runs);
}
