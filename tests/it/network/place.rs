//! Where three relays run whose network is to have faults: in network namespaces, or on the loopback interface where the
//! system does not let us make those. Also says what was done where, so that a run that could not do all of it shows.

use super::baseline::Baseline;
use super::traffic::wait_until_interest_is_right;
use crate::harness::{NatsProgram, Network, Router, Setup, not_run, tell, tests_run_over_nats};
use std::thread;

/// Three relays, and what is between them if that is more than the loopback interface.
pub(super) struct Place {
    pub(super) network: Network,
    router: Result<Router, String>,
    baseline: Baseline,
}

impl Place {
    /// Starts them, linked.
    pub(super) fn new() -> Self {
        // What a link has kept back comes all at once, and makes no slow consumer of a listener on a busy machine.
        let setup = |_, setup: Setup| setup.settings("limits: {outbox_bytes: 48 MiB}");
        let router = Router::between(3);
        let network = match &router {
            Ok(router) if tests_run_over_nats() => {
                router.network_over_nats(&NatsProgram::any().expect("there is a nats-server"), setup)
            }
            Ok(router) => router.network(setup),
            Err(_) => Network::unlinked(3, setup),
        };
        wait_until_interest_is_right(&network);
        let baseline = Baseline::of(&network);
        Self { network, router, baseline }
    }

    /// Asserts that the relays take as much of the machine as before anything was done, and says so. Their clients have
    /// gone. `retained`: what an allocator may keep besides, in bytes.
    pub(super) fn assert_is_as_before(&self, retained: u64) -> String {
        let more = self.baseline.assert_is_back(&self.network, retained);
        format!("files and threads as before, memory at most {} KiB more", more / 1024)
    }

    /// What lies between them; only where [`can_drop_packets`] has said yes.
    pub(super) fn router(&self) -> &Router {
        self.router.as_ref().unwrap()
    }

    /// Says what was done and seen.
    pub(super) fn tell(&self, row: &str, seen: &str) {
        match &self.router {
            Ok(_) => tell(format_args!("relays: {row}, in network namespaces: {seen}")),
            Err(missing) => tell(format_args!("relays: {row}, on the loopback interface ({missing}): {seen}")),
        }
    }
}

/// Whether packets can be dropped here; says that this row is not run if not.
pub(crate) fn can_drop_packets(row: &str) -> bool {
    match Router::between(1) {
        Ok(_) => true,
        Err(missing) => {
            not_run(&format!("relays: {row}"), missing);
            false
        }
    }
}

/// Does all of it at once: each most of the time waits.
pub(crate) fn all_at_once<T: Send>(rows: impl IntoIterator<Item = T>, row: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        let row = &row;
        let threads: Vec<_> = rows.into_iter().map(|given| scope.spawn(move || row(given))).collect();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}
