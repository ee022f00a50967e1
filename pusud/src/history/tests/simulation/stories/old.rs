//! Starts of relays that ended long ago. Where all relays keep the same, nothing of them is in any ring by then; these keep
//! different things, as after a change of settings that only some of them have.

use super::{ASKED_MS, Class, Kept, NOTICED_MS, SHORT, Safeguard, World, holds, needs};

/// Longer than a start that has ended is remembered, and not twice as long.
const LONG_AGO_MS: i64 = 9000;

/// Relay 2 publishes, is killed, and comes back as another start. A listener at 0 has it all; there it has left the ring, and the
/// position does not name that start any more. 1 has it in its ring.
fn ended_long_ago(world: &mut World) -> usize {
    world.starts(0..3);
    let listener = world.listener(0);
    world.publishes(2);
    world.end(2);
    world.pass(NOTICED_MS);
    world.begin(2);
    world.pass(LONG_AGO_MS);
    world.publishes(0);
    assert_eq!(world.heard(listener), 2);
    listener
}

/// Everything that it published has left the ring, and nobody has missed it.
#[test]
fn a_quiet_channel_is_no_alarm_when_a_start_ended_long_ago() {
    needs(Safeguard::AbsentAfterItsEndIsSeen, Class::None, &[SHORT; 2], |world| {
        world.starts(0..2);
        let listener = world.listener(0);
        world.publishes(1);
        world.end(1);
        world.pass(ASKED_MS);
        world.publishes(0);
        world.moves(listener, 0);
    });
}

/// A dead origin that is not named there any more is in the ring here: it would be replayed.
#[test]
fn absent_long_after_the_end_is_seen() {
    needs(Safeguard::AbsentAfterItsEndIsSeen, Class::None, &[SHORT, Kept::ALL, Kept::ALL], |world| {
        let listener = ended_long_ago(world);
        world.moves(listener, 1);
    });
}

/// A relay that joins now is told when that start ended. Where it took now for the end, it would replay it.
#[test]
fn the_time_of_the_end_travels() {
    holds(Class::None, &[SHORT, Kept::ALL, Kept::ALL, Kept::ALL], |world| {
        let listener = ended_long_ago(world);
        world.starts(3..4);
        assert!(world.relays[3].as_ref().is_some_and(|relay| relay.takes_clients()));
        world.moves(listener, 3);
    });
}

/// Relay 1 brings an entry of a start that ended long ago to 3, which has never had it. A listener there has, and its position does
/// not say so: it would come twice.
#[test]
fn who_ended_long_ago_is_not_live() {
    needs(Safeguard::OldOriginsAreNotLive, Class::Links, &[SHORT, Kept::ALL, Kept::ALL, Kept::ALL], |world| {
        world.break_link(1, 3, false);
        world.break_link(2, 3, false);
        world.starts(3..4);
        world.starts(0..1);
        world.break_link(0, 3, true);
        world.pass(NOTICED_MS);
        let listener = ended_long_ago(world);
        world.moves(listener, 3);
        world.heal(1, 3);
        world.pass(2000);
    });
}
