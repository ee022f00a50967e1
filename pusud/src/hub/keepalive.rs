//! Keepalive of a shard's clients: a client that is silent for long is sent a ping, and one that does not answer it is
//! disconnected.
//!
//! There is no timer per client. Clients are checked in turn, a few at a time, so that many who came together are not
//! pinged together. The hub sends the pings and ends the connections.
//! **Invariant:** time in which the relay does not run counts against nobody: it is told how much has passed.

use crate::hub::outbox::Outbox;
use crate::hub::stage::Stage;
use crate::protocol::Limits;
use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How often each client is checked between two pings.
const CHECKS_PER_INTERVAL: u32 = 2;

/// The rounds over all clients, and the pings that are on their way.
pub(crate) struct Keepalive {
    /// Ticks in one round over all clients.
    ticks_per_round: usize,
    /// The number of the tick in its round.
    tick: usize,
    /// How much time has passed since the first tick.
    now: Duration,
    /// Clients that have been pinged, and when the time for the answer is over; the earliest first.
    pinged: VecDeque<(Duration, Weak<Outbox>)>,
}

impl Keepalive {
    /// Checks each client so that a ping comes after `ping_interval`, in ticks of this length.
    pub(crate) fn new(limits: &Limits, tick: Duration) -> Self {
        let ticks = (limits.ping_interval / CHECKS_PER_INTERVAL).div_duration_f64(tick).round();
        Self { ticks_per_round: (ticks as usize).max(1), tick: 0, now: Duration::ZERO, pinged: VecDeque::new() }
    }

    /// So much time has passed, and the next clients are due. Returns the number of the first one, and the step to each
    /// further one.
    pub(crate) fn next_tick(&mut self, passed: Duration) -> (usize, usize) {
        self.now += passed;
        self.tick = (self.tick + 1) % self.ticks_per_round;
        (self.tick, self.ticks_per_round)
    }

    /// Checks a client that is due; true if it is to be sent a ping, which has to be answered within `timeout`, or the
    /// comment that a stream of events has in its place.
    pub(crate) fn check(&mut self, outbox: &Rc<Outbox>, timeout: Duration) -> bool {
        // Where something waits already, a ping would wait behind it: how long that may be is the write deadline's.
        if outbox.is_blocked() || outbox.is_closing() || !outbox.incoming.check_silence() {
            return false;
        }
        if matches!(outbox.stage(), Stage::EventStream(_)) {
            // Nobody answers a comment. What the peer's system does not acknowledge in time breaks the connection.
            outbox.incoming.expect_no_answer();
        } else {
            self.pinged.push_back((self.now + timeout, Rc::downgrade(outbox)));
        }
        true
    }

    /// The next client that has not answered its ping in time, if there is one.
    pub(crate) fn next_gone(&mut self) -> Option<Rc<Outbox>> {
        while self.pinged.front().is_some_and(|(until, _)| *until <= self.now) {
            let Some(outbox) = self.pinged.pop_front().and_then(|(_, outbox)| outbox.upgrade()) else { continue };
            let has_answered = outbox.incoming.has_answered() || outbox.is_blocked() || has_unread(&outbox);
            if !has_answered {
                return Some(outbox);
            }
        }
        None
    }
}

/// Whether something has come that the client's task has not read, because it waits for something else.
fn has_unread(outbox: &Outbox) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    socket2::SockRef::from(outbox.socket()).peek(&mut byte).is_ok_and(|bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(500);

    /// So many clients that have just spoken, and what keeps their connections alive.
    async fn clients(count: usize) -> (Vec<Rc<Outbox>>, Vec<std::net::TcpStream>) {
        let acceptor = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mut outboxes, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..count {
            ends.push(std::net::TcpStream::connect(acceptor.local_addr().unwrap()).unwrap());
            outboxes.push(Rc::new(Outbox::new(acceptor.accept().await.unwrap().0)));
        }
        (outboxes, ends)
    }

    /// Has everybody speak when `before` ticks have passed, and returns after how many more each is pinged.
    fn first_pings(outboxes: &[Rc<Outbox>], limits: &Limits, before: usize) -> Vec<usize> {
        let mut keepalive = Keepalive::new(limits, TICK);
        for _ in 0..before {
            keepalive.next_tick(TICK);
        }
        outboxes.iter().for_each(|outbox| outbox.incoming.open());
        let mut pinged = vec![None; outboxes.len()];
        let mut ticks = 0;
        while pinged.contains(&None) {
            ticks += 1;
            let (first, step) = keepalive.next_tick(TICK);
            for at in (first..outboxes.len()).step_by(step) {
                if keepalive.check(&outboxes[at], limits.pong_timeout) {
                    assert_eq!(pinged[at].replace(ticks), None, "client {at} is pinged twice");
                }
            }
            assert!(ticks < 1000, "some are never pinged: {pinged:?}");
        }
        pinged.into_iter().flatten().collect()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_came_together_is_pinged_one_to_one_and_a_half_intervals_later_and_not_together() {
        let (outboxes, _ends) = clients(100).await;
        for interval in [Duration::from_secs(1), Duration::from_secs(6), Duration::from_secs(25)] {
            let limits = Limits { ping_interval: interval, ..Limits::default() };
            let turns = (interval / CHECKS_PER_INTERVAL).div_duration_f64(TICK) as usize;
            for before in [0, 1, turns / 2, turns - 1] {
                let mut together = vec![0; turns];
                for ticks in first_pings(&outboxes, &limits, before) {
                    // They have spoken up to a tick before the first one that is counted.
                    let (least, most) = (TICK * (ticks - 1) as u32, TICK * ticks as u32);
                    assert!(least >= interval && most <= interval.mul_f64(1.5), "after {least:?} to {most:?}");
                    together[ticks - 1 - 2 * turns] += 1;
                }
                let share = outboxes.len() / turns;
                assert!(together.iter().all(|&pinged| pinged == share || pinged == share + 1), "{together:?}");
            }
        }
    }
}
