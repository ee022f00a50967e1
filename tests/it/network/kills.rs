//! kill -9 of one of three relays, again and again, under load: the other two do not notice, and who comes back misses
//! nothing from its `subscribe_ok` on.

use super::place::Place;
use super::traffic::{CHANNEL, STEADY, Traffic, assert_healed};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

const KILLS: u64 = 10;
/// What a listener of the relay that has come back hears each time, at least.
const HEARD: u64 = 30;
/// The time from one kill to the next, in seconds; without it, the next comes as soon as everybody is linked again.
const PERIOD_VARIABLE: &str = "PUSU_KILL_PERIOD";

#[test]
fn a_relay_is_killed_ten_times_under_load() {
    let period = std::env::var(PERIOD_VARIABLE).map_or(0, |seconds| seconds.parse().expect("a number of seconds"));
    let mut place = Place::new();
    let traffic = Traffic::begin(&place.network, &[0, 1], &[0, 1], STEADY);
    let mut survivor = place.network.relay(0).client();
    survivor.subscribe("back again");
    let mut slowest_return = Duration::ZERO;
    for round in 0..KILLS {
        let began = Instant::now();
        place.network.relay_mut(2).kill();
        place.network.relay_mut(2).restart();
        slowest_return = slowest_return.max(assert_healed(&place.network));
        let mut returned = place.network.relay(2).listener();
        returned.subscribe(CHANNEL);
        returned.listen(HEARD);
        returned.publish("back again", &json!(round).to_string());
        survivor.expect_publish("back again", json!(round));
        thread::sleep(Duration::from_secs(period).saturating_sub(began.elapsed()));
    }
    survivor.expect_no_answer();
    let outcome = traffic.end(&place.network);
    outcome.assert_complete(|_| true);
    // The others were linked throughout, however long it took.
    outcome.assert_sent_while_linked(Duration::ZERO);
    assert!(outcome.accounts.iter().all(|account| !account.has_ended), "{:?}", outcome.accounts);
    outcome.assert_undisturbed(|_, _| true);
    let (_, slowest) = outcome.slowest.iter().max_by_key(|(_, slowest)| *slowest).expect("there are two");
    drop(survivor);
    let seen = format!(
        "interest right within {:.1} s of each start, between the others {}, at most {} ms under way, {}",
        slowest_return.as_secs_f64(),
        outcome.told(),
        slowest.as_millis(),
        place.assert_is_as_before(0),
    );
    place.tell(&format!("kill -9, {KILLS} times"), &seen);
}
