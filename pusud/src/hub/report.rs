//! The report of a shard when somebody asks: its counters, and a look at every client.

use super::{Hub, Outbox, Stage};
use crate::routing::{Report, States, Stats, Transports};
use std::time::Instant;

impl Hub {
    /// What the shard has counted since it started.
    pub fn stats(&self) -> Stats {
        self.state.borrow().stats.clone()
    }

    /// What the shard says of itself. Looks at every client.
    pub fn report(&self) -> Report {
        let state = self.state.borrow();
        let mut report = Report {
            connections: state.outboxes.len() - self.operators.len(),
            subscriptions: state.subscriptions.len(),
            stats: state.stats.clone(),
            ..Report::default()
        };
        self.subjects.name(&mut report.stats.ended);
        report.transports.other = self.operators.len();
        for (_, outbox) in &state.outboxes {
            if outbox.is_operators() {
                continue;
            }
            report.unauthorized += usize::from(!outbox.is_authorized());
            report.outbox_bytes += outbox.cost();
            *transport(&mut report.transports, outbox) += 1;
            *client_state(&mut report.states, outbox) += 1;
        }
        report
    }

    /// The time now, where it is of interest how long things take.
    pub fn look_at_clock(&self) -> Option<Instant> {
        self.is_timed.then(Instant::now)
    }

    /// An authorization is decided that came then.
    pub fn count_authorized(&self, asked: Option<Instant>) {
        if let Some(asked) = asked {
            self.state.borrow_mut().stats.times.authorize.observe(asked.elapsed());
        }
    }
}

fn transport<'a>(all: &'a mut Transports, outbox: &Outbox) -> &'a mut usize {
    match (outbox.stage(), outbox.transport().is_encrypted()) {
        (Stage::WebSocket, false) => &mut all.ws,
        (Stage::WebSocket, true) => &mut all.wss,
        (Stage::EventStream(_), false) => &mut all.sse,
        (Stage::EventStream(_), true) => &mut all.sses,
        (Stage::Request | Stage::Answer | Stage::Idle, false) => &mut all.http,
        (Stage::Request | Stage::Answer | Stage::Idle, true) => &mut all.https,
    }
}

fn client_state<'a>(all: &'a mut States, outbox: &Outbox) -> &'a mut usize {
    if outbox.is_closing() {
        &mut all.closing
    } else if outbox.is_blocked() {
        &mut all.blocked
    } else {
        &mut all.open
    }
}
