//! Connections that other relays make: how many may be there before they have said who they are, and what is said about
//! those that were sent away.

use super::conversation::Conversation;
use super::end::{End, Outcome};
use super::hello::Role;
use super::local::Door;
use super::node::Node;
use super::refusal::{Code, Refusal};
use super::settings::STRANGERS_MAX;
use super::transport::Transport;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{debug, info, warn};

/// The same complaint about the same address is made again after this time.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);
/// Complaints that are remembered.
const COMPLAINTS_MAX: usize = 256;

/// Counts and remembers.
#[derive(Default)]
pub struct Doorman {
    strangers: Cell<usize>,
    complaints: RefCell<HashMap<(IpAddr, Option<Code>), Instant>>,
}

/// One that has not finished its handshake, as long as this is there.
pub struct Stranger(Rc<Doorman>);

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.strangers.set(self.0.strangers.get() - 1);
    }
}

impl Doorman {
    /// Lets a connection in, unless there are too many.
    pub fn admit(self: &Rc<Self>, remote: SocketAddr) -> Option<Stranger> {
        if self.strangers.get() >= STRANGERS_MAX {
            if self.may_complain(remote.ip(), None) {
                warn!(%remote, "{STRANGERS_MAX} connections have not said who they are: no more are taken");
            }
            return None;
        }
        self.strangers.set(self.strangers.get() + 1);
        Some(Stranger(self.clone()))
    }

    /// Serves a connection to its end.
    pub async fn serve<D: Door, T: Transport>(
        self: Rc<Self>,
        node: Rc<Node<D, T>>,
        stream: T::Stream,
        remote: SocketAddr,
        stranger: Stranger,
    ) {
        let conversation = Conversation::new(node, Role::Acceptor, remote);
        let outcome = conversation.run(stream, |_| drop(stranger)).await;
        self.report(remote, &outcome);
    }

    fn report(&self, remote: SocketAddr, outcome: &Outcome) {
        let end = &outcome.end;
        let peer = outcome.peer.as_ref().map_or("?", |peer| &peer.name);
        if outcome.linked_for.is_some() {
            match end {
                End::Goodbye => info!(%remote, peer, reason = %end, "the link has ended"),
                _ => warn!(%remote, peer, reason = %end, "the link has ended"),
            }
            return;
        }
        let code = match end {
            End::Refused(Refusal::Stranger(_)) => None,
            End::Refused(refusal) => refusal.code(),
            _ => None,
        };
        let concerns_operator = !matches!(code, None | Some(Code::Itself | Code::AlreadyLinked | Code::Stopping));
        if concerns_operator && self.may_complain(remote.ip(), code) {
            warn!(%remote, peer, reason = %end, "a relay was not linked");
        } else {
            debug!(%remote, peer, reason = %end, "a connection was not linked");
        }
    }

    fn may_complain(&self, from: IpAddr, code: Option<Code>) -> bool {
        let now = Instant::now();
        let mut complaints = self.complaints.borrow_mut();
        if complaints.len() >= COMPLAINTS_MAX {
            complaints.retain(|_, at| now.saturating_duration_since(*at) < COMPLAINT_INTERVAL);
        }
        if complaints.len() >= COMPLAINTS_MAX {
            return false;
        }
        match complaints.insert((from, code), now) {
            Some(at) if now.saturating_duration_since(at) < COMPLAINT_INTERVAL => {
                complaints.insert((from, code), at);
                false
            }
            _ => true,
        }
    }
}
