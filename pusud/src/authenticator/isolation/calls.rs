//! The calls that are in a plugin's process.
//!
//! **Bound:** those that run by the pool's threads; those that are answered later by the open tickets, of which each but a
//! few is open still ([`Calls::insert_pending`]).

use crate::authenticator::decider::Gone;
use crate::authenticator::host::Host;
use crate::authenticator::pool::{FAILED, unavailable};
use pusu_plugin_abi as abi;
use std::collections::HashMap;
use std::sync::mpsc::SyncSender;

/// From so many entries on it is looked which tickets are open still.
const SWEEP_MIN: usize = 1024;

/// What a thread of the pool waits for.
pub(super) type Returned = SyncSender<Result<abi::Status, Gone>>;

/// A call that is in the process.
enum Call {
    /// A thread of the pool waits for its status.
    Running(Returned),
    /// Its answer comes later.
    Pending,
}

/// By ticket.
#[derive(Default)]
pub(super) struct Calls {
    all: HashMap<u64, Call>,
    sweep_at: usize,
}

impl Calls {
    /// A call begins.
    pub(super) fn begin(&mut self, ticket: u64, returned: Returned) {
        self.all.insert(ticket, Call::Running(returned));
    }

    /// A call never was, or has returned. Gives whoever waits for that.
    pub(super) fn end(&mut self, ticket: u64) -> Option<Returned> {
        match self.all.remove(&ticket)? {
            Call::Running(returned) => Some(returned),
            Call::Pending => None,
        }
    }

    /// A call has returned and is answered later.
    pub(super) fn insert_pending(&mut self, ticket: u64, host: &Host) {
        if self.all.len() >= self.sweep_at.max(SWEEP_MIN) {
            // Tickets may be given up without a word, when too many are.
            self.all.retain(|ticket, call| matches!(call, Call::Running(_)) || host.tickets.is_open(*ticket));
            self.sweep_at = 2 * self.all.len();
        }
        // Its answer may be here already.
        if host.tickets.is_open(ticket) {
            self.all.insert(ticket, Call::Pending);
        }
    }

    /// A call that is answered later is answered, or its answer is not wanted any more.
    pub(super) fn forget_pending(&mut self, ticket: u64) {
        if matches!(self.all.get(&ticket), Some(Call::Pending)) {
            self.all.remove(&ticket);
        }
    }

    /// Whether one of these has not returned.
    pub(super) fn has_running(&self, tickets: &[u64]) -> bool {
        tickets.iter().any(|ticket| matches!(self.all.get(ticket), Some(Call::Running(_))))
    }

    /// Tells everybody who waits that the process is gone.
    pub(super) fn lose(self, host: &Host) {
        for (ticket, call) in self.all {
            match call {
                // The thread's own answer to its ticket follows.
                Call::Running(thread) => drop(thread.send(Err(Gone))),
                Call::Pending => host.lose(ticket, unavailable(FAILED)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticator::facts::Facts;
    use crate::authenticator::lasting::Lasting;
    use std::sync::mpsc::sync_channel;
    use std::time::Instant;

    #[test]
    fn those_that_nobody_waits_for_do_not_add_up() {
        let (host, mut calls) = (Host::new("Test", Facts::default(), Lasting::default()), Calls::default());
        let (thread, returned) = sync_channel(1);
        let kept: Vec<_> = (0..1000).map(|_| host.tickets.open(Instant::now())).collect();
        kept.iter().for_each(|(ticket, _)| calls.insert_pending(*ticket, &host));
        calls.begin(0, thread);
        for _ in 0..100_000 {
            let (ticket, _) = host.tickets.open(Instant::now());
            calls.insert_pending(ticket, &host);
            drop(host.tickets.take(ticket));
        }
        assert!(calls.all.len() < 4000, "{}", calls.all.len());
        assert!(calls.has_running(&[7, 0]) && !calls.has_running(&[kept[0].0]));
        calls.lose(&host);
        assert!(matches!(returned.recv(), Ok(Err(Gone))));
        assert_eq!(host.lost(), 1000);
    }
}
