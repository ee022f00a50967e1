//! What relays take before something is done to their network, and that they take no more afterwards.
//!
//! Files and threads are counted where the kernel shows them, on Linux.

/// What each relay of a network takes.
#[cfg(target_os = "linux")]
pub(super) struct Baseline(Vec<crate::harness::Footprint>);

#[cfg(target_os = "linux")]
mod linux {
    use super::Baseline;
    use crate::harness::{DEADLINE, Footprint, Network};
    use std::thread;
    use std::time::{Duration, Instant};

    /// What a relay's allocator may hold more of afterwards than before, in bytes, besides the queue for another relay:
    /// buffers and tables at the size that the scenario has given them.
    const RESIDENT_MORE_MAX: u64 = 8 * 1024 * 1024;
    /// Looks in a row with the same files and threads. Two relays that have dialled each other close the connection that
    /// was one too many within a second.
    const LOOKS: usize = 15;
    const LOOK: Duration = Duration::from_millis(100);

    impl Baseline {
        /// What the relays take once they are linked. They have no clients.
        pub(in crate::network) fn of(network: &Network) -> Self {
            let files = |now: &[Footprint]| now.iter().map(|now| (now.files, now.threads)).collect::<Vec<_>>();
            let began = Instant::now();
            let (mut last, mut same) = (footprints(network), 0);
            while same < LOOKS {
                assert!(began.elapsed() < DEADLINE, "relays that nobody uses do not come to rest");
                thread::park_timeout(LOOK);
                let now = footprints(network);
                same = if files(&now) == files(&last) { same + 1 } else { 0 };
                last = now;
            }
            Self(last)
        }

        /// Waits until the relays have as few files and threads as before and nothing of their clients, who have gone, and
        /// asserts that they have hardly more memory, each besides `retained` bytes. Gives by how many bytes the memory of
        /// one has grown at the most.
        pub(in crate::network) fn assert_is_back(&self, network: &Network, retained: u64) -> u64 {
            let began = Instant::now();
            loop {
                let now = footprints(network);
                let pairs = || self.0.iter().zip(&now);
                let is_back = |(before, now): (&Footprint, &Footprint)| {
                    now.files <= before.files && now.threads <= before.threads && now.kept == [0; 3]
                };
                if pairs().all(is_back) {
                    let told: Vec<_> = pairs().map(|(before, now)| format!("{before}; then {now}")).collect();
                    let grown = pairs().map(|(before, now)| now.resident.saturating_sub(before.resident));
                    let most = grown.max().expect("there are relays");
                    assert!(
                        most <= retained + RESIDENT_MORE_MAX,
                        "a relay needs {most} bytes more than before: {told:#?}"
                    );
                    return most;
                }
                let told = || pairs().map(|(before, now)| format!("{before}; now {now}")).collect::<Vec<_>>();
                assert!(began.elapsed() < DEADLINE, "something is left behind: {:#?}", told());
                thread::park_timeout(LOOK);
            }
        }
    }

    fn footprints(network: &Network) -> Vec<Footprint> {
        network.relays().iter().map(Footprint::of).collect()
    }
}

/// Elsewhere nothing is counted.
#[cfg(not(target_os = "linux"))]
pub(super) struct Baseline;

#[cfg(not(target_os = "linux"))]
use crate::harness::Network;

#[cfg(not(target_os = "linux"))]
impl Baseline {
    /// Nothing.
    pub(super) fn of(_: &Network) -> Self {
        Self
    }

    /// Nothing.
    pub(super) fn assert_is_back(&self, _: &Network, _: u64) -> u64 {
        0
    }
}
