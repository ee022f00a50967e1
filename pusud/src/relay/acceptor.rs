//! The one place where clients' connections are accepted; those that are let in are dealt out to the shards.
//!
//! Connections live long, so dealing them out spreads them evenly; the kernel's own spreading (SO_REUSEPORT) does not.

use crate::admission::{self, Admission, Pass, RefusalLog, TurnedAway};
use crate::relay::shard_picker::ShardPicker;
use crate::routing::{InboxSender, Item};
use anyhow::Context as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// The first wait after the system refused another connection, and the longest; each wait is twice the one before.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// A bound socket that accepts clients.
pub struct Acceptor {
    socket: TcpListener,
    address: SocketAddr,
}

impl Acceptor {
    /// Binds `address`.
    ///
    /// # Errors
    /// Says which setting to change when the port is taken or the address is not this machine's.
    pub fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = admission::CLIENTS.bind(address)?;
        let address = socket.local_addr().context("the bound socket has no address")?;
        Ok(Self { socket, address })
    }

    /// Where it is bound, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts for ever and deals out the connections that `admission` lets in. When the system refuses another
    /// connection (out of files or memory) it waits and tries again; it never spins. Dropping the future closes the
    /// port.
    ///
    /// Returns only an error: the socket cannot be used with this runtime.
    pub async fn run(self, inboxes: &[InboxSender], admission: &Arc<Admission>) -> anyhow::Error {
        let socket = match self.socket.try_clone().and_then(tokio::net::TcpListener::from_std) {
            Ok(socket) => socket,
            Err(error) => return anyhow::Error::new(error).context("cannot accept clients"),
        };
        let mut backoff = BACKOFF_MIN;
        let mut deal = ShardPicker::new(inboxes.len());
        let mut refused = RefusalLog::default();
        let turned_away = TurnedAway::default();
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = refused.due() => {
                    refused.write(Instant::now());
                    continue;
                }
            };
            match accepted {
                Ok((socket, peer)) => {
                    if backoff > BACKOFF_MIN {
                        info!("accepting clients again");
                        backoff = BACKOFF_MIN;
                    }
                    let peer = admission::readable(peer);
                    match admission.admit(peer.ip()) {
                        Ok(pass) => hand_over(&inboxes[deal.next_shard()], socket, peer, pass, admission),
                        Err(refusal) => {
                            refused.note(refusal, peer.ip());
                            turned_away.refuse(socket, refusal);
                        }
                    }
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    if backoff == BACKOFF_MIN {
                        warn!(%error, "cannot accept clients for now; is the open-file limit (ulimit -n) too low?");
                    }
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }
}

/// Hands a connection over to a shard, whose runtime it belongs to from then on.
fn hand_over(inbox: &InboxSender, socket: tokio::net::TcpStream, peer: SocketAddr, pass: Pass, admission: &Admission) {
    match socket.into_std() {
        Ok(socket) => inbox.send(Item::Accepted(socket, peer, pass)),
        Err(error) => {
            admission.leave(&pass.place);
            warn!(client = %peer, %error, "cannot hand the connection over to a shard");
        }
    }
}

/// Whether it was the connection that failed, and not accepting as such.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
