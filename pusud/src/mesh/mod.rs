//! The network of relays: one thread that owns all links to other relays. docs/protocol/relay-link.md is the norm of
//! what they say.
//!
//! The thread exists only where relays are configured. It reaches the rest of the relay through a [`Door`] and is told
//! what happens there by [`Event`](crate::routing::Event)s; it shares nothing else with the shards, and it never waits
//! for one of its links before it takes its next event.

mod handshake;
mod interest;
mod links;
mod membership;
mod memory;
mod node;
mod status;
mod tasks;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use handshake::BootId;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use handshake::{Handshake, Role, Step, VERSION};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use interest::Announced;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use links::Incoming;
#[cfg(test)]
pub(crate) use links::QUEUE_BYTES_MAX;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use links::Queue;
pub use membership::{ADDRESSES_PER_NAME_MAX, UNLISTED_LINKS_MAX, links_max};
pub(crate) use membership::{LinkEncryption, Settings, addresses_max, connections_max};
pub(crate) use memory::{interest_bytes_max, network_bytes_max};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use wire::FRAME_BYTES_OVER_CONTENT;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use wire::{Frame, HANDSHAKE_FRAME_BYTES_MAX, Hello, any, kind, parse};

use crate::routing::{Door, Events, Status};
use anyhow::{Context as _, ensure};
use links::Tcp;
use rand::SeedableRng as _;
use rand::rngs::{StdRng, SysRng};
use std::io;
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::oneshot;

/// What the network is made of.
pub struct Network<D, E> {
    /// The settings.
    pub settings: Settings,
    /// Where other relays connect: bound, listening.
    pub listener: TcpListener,
    /// The way to the relay.
    pub door: D,
    /// The network's inbox.
    pub events: E,
}

impl<D: Door + Send, E: Events + Send> Network<D, E> {
    /// Starts the thread. The receiver gets how the links were when the stop was asked for, when the thread has ended;
    /// it gets an error when the thread has died.
    ///
    /// # Errors
    /// A name that no relay can have; the thread or its runtime cannot be made, the listener cannot be taken over, or the
    /// system has no random numbers.
    pub fn start(self) -> anyhow::Result<oneshot::Receiver<Status>> {
        for (key, name) in [("name", &self.settings.name), ("network_name", &self.settings.network_name)] {
            let is_name = crate::protocol::check_channel(name).is_ok();
            ensure!(
                is_name,
                "`{key}`: expected 1 to 255 bytes without control characters, found `{}`",
                name.escape_debug()
            );
        }
        let mut random = StdRng::try_from_rng(&mut SysRng).context("the system has no random numbers")?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).context(
            "the system's clock stands before 1970: set it, since other relays tell a later start from an earlier one by it",
        )?;
        let boot = BootId::new(since_1970.as_millis() as u64, &mut random);
        let (done, ended) = oneshot::channel();
        let (started, wait_for_start) = mpsc::channel();
        std::thread::Builder::new()
            .name("pusu-network".to_owned())
            .spawn(move || match runtime(self.listener) {
                Ok((runtime, transport)) => {
                    // Nobody listening to either means that the relay has given up meanwhile.
                    started.send(Ok(())).ok();
                    let network = tasks::run(self.settings, boot, (self.door, self.events), transport, random);
                    done.send(runtime.block_on(network)).ok();
                }
                Err(error) => {
                    started.send(Err(error)).ok();
                }
            })
            .context("cannot start the thread of the network")?;
        wait_for_start
            .recv()
            .context("the thread of the network has died")?
            .context("cannot start the runtime of the network")?;
        Ok(ended)
    }
}

fn runtime(listener: TcpListener) -> io::Result<(LocalRuntime, Tcp)> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())?;
    let transport = {
        let _inside = runtime.enter();
        Tcp::new(listener)?
    };
    Ok((runtime, transport))
}
