//! Routes between servers that are cut without a word to either side, on real TCP: a server and its relay in a network
//! namespace each, and a packet filter between them. Relays find it by each other's silence; what TCP has kept comes late
//! and in order, and what it has not is counted.

use super::seen::wait_seen;
use crate::harness::{DEADLINE, Hook, NatsProgram, Router, tell};
use crate::network::place::{all_at_once, can_drop_packets};
use crate::network::traffic::{Flow, STEADY, Traffic, peer_of};
use std::thread;
use std::time::{Duration, Instant};

/// More than fits into the buffers of the kernels within the longest cut, so that the servers give up their routes.
const FLOOD: Flow = Flow { pause: Duration::from_millis(2), padding: 4000 };
/// A server that has given up a route has it again so much later, and TCP tries so late again.
const HEALED_MAX: Duration = Duration::from_secs(30);

fn cut(program: &NatsProgram, seconds: u64, flow: Flow) {
    let router = Router::between(3).expect("it could be made before");
    let network = router.network_over_nats(program, |_, setup| setup.settings("limits: {outbox_bytes: 64 MiB}"));
    network.wait_linked();
    let traffic = Traffic::begin(&network, &[0, 1, 2], &[0, 1, 2], flow);
    let began = Instant::now();
    router.cut(0, 1, Hook::Forward);
    router.cut(1, 0, Hook::Forward);
    if seconds > 4 {
        wait_seen(&network, 0, 1, false);
        wait_seen(&network, 1, 0, false);
    }
    // The fault lasts as long as it lasts.
    thread::sleep(Duration::from_secs(seconds).saturating_sub(began.elapsed()));
    let (dropped, healing) = (router.heal(), Instant::now());
    assert!(dropped > 0, "there was no fault");
    let is_healed = |at: usize, peer: usize| {
        let status = network.relay(at).asked();
        let row = peer_of(&status, peer);
        row["state"] == "linked" && row["lagging"] == false
    };
    while !(is_healed(0, 1) && is_healed(1, 0)) {
        assert!(healing.elapsed() < HEALED_MAX, "{:#}", network.relay(0).asked());
        thread::park_timeout(Duration::from_millis(50));
    }
    let healed = healing.elapsed().as_secs_f64();
    let outcome = traffic.end(&network);
    outcome.assert_complete(|account| seconds < 4 || account.from == 2 || account.to == 2);
    outcome.assert_undisturbed(|from, to| from == to || from == 2 || to == 2);
    tell(format_args!(
        "nats: routes cut for {seconds} s: {dropped} packets dropped, healed within {healed:.1} s, {}",
        outcome.told()
    ));
}

#[test]
fn routes_that_are_cut_heal_and_every_loss_is_counted() {
    if !can_drop_packets("routes cut by a packet filter") {
        return;
    }
    let Some(program) = NatsProgram::any() else { return };
    assert!(DEADLINE < HEALED_MAX, "what comes late is waited for");
    all_at_once([(2, STEADY), (15, STEADY), (15, FLOOD)], |(seconds, flow)| cut(&program, seconds, flow));
}
