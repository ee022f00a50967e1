//! Accounts of a story at its end: everything has arrived or was counted.

use super::super::checker::Start;
use super::super::relay;
use super::{ALWAYS, CHANGING, Host, RELAYS, SOMETIMES, Story};
use std::time::Duration;
use tokio::time::sleep;

impl Story {
    pub(super) fn last_published(&self, host: Host, channel: &str) -> u64 {
        let start = self.relays[host].as_ref().expect("all are up").start();
        self.checker.borrow().last_published(start, channel)
    }

    /// Without faults everything arrives.
    pub(super) async fn nothing_is_lost(&mut self) {
        for host in 0..RELAYS {
            ALWAYS.iter().chain(&SOMETIMES).for_each(|channel| self.publish(host, channel, 5, 100));
        }
        sleep(Duration::from_secs(1)).await;
        for (from, source) in self.relays().enumerate() {
            for (_, relay) in self.relays().enumerate().filter(|(to, _)| *to != from) {
                let (start, to) = (source.start(), relay.start());
                let listened = relay.home.borrow().listeners.clone();
                for channel in ALWAYS.iter().chain(&SOMETIMES).filter(|channel| listened.contains(**channel)) {
                    let (arrived, last) =
                        (self.checker.borrow().last_arrived(start, to, channel), self.last_published(from, channel));
                    assert_eq!(arrived, last, "{start:?} to {to:?} on {channel}");
                }
            }
        }
    }

    /// What was sent has arrived, or it was counted.
    pub(super) async fn everything_is_accounted_for(&self) {
        for relay in self.relays() {
            let to = relay.start();
            assert!(relay.home.borrow().asked.is_empty(), "every question was answered");
            let status = relay.status().await;
            let nats = status.nats.expect("it runs over NATS");
            assert_eq!((nats.garbage, nats.refusals, nats.dropped, nats.too_large), (0, 0, 0, 0), "{to:?}: {nats:?}");
            for from in (0..RELAYS).filter(|from| *from != to.host) {
                let peer = status.peers.iter().find(|peer| peer.name == Some(relay::name(from)));
                let traffic = peer.expect("it is linked").traffic;
                let checker = self.checker.borrow();
                let is_listened = |channel: &str| !SOMETIMES.contains(&channel) || to.host == CHANGING;
                let (sent, arrived) = (checker.published_by(from, is_listened), checker.arrived_from(from, to));
                let pair = format!("{from} to {to:?}: {sent} sent, {arrived} arrived, {traffic:?}");
                assert!(traffic.received <= arrived && arrived + traffic.missed <= sent, "{pair}");
                if self.boots[from] == 1 && to.boot == 1 {
                    assert_eq!(traffic.received, arrived, "{pair}");
                    if to.host != CHANGING {
                        let always = checker.published_by(from, |channel| ALWAYS.contains(&channel));
                        let missed = always
                            - ALWAYS
                                .iter()
                                .map(|channel| checker.arrived(Start { host: from, boot: 1 }, to, channel))
                                .sum::<u64>();
                        assert_eq!(traffic.missed, missed, "{pair}");
                    }
                }
            }
        }
    }

    /// Everybody knows the same ones.
    pub(super) fn revocations_are_known(&self) {
        let all: Vec<_> = self.relays().map(|relay| relay.revocations.all()).collect();
        assert!(all.windows(2).all(|two| two[0] == two[1]), "{all:?}");
    }
}
