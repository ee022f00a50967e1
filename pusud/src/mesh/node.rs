//! State that all tasks of the network share: the links, the way to other relays, and what is known of each address.
//!
//! **Invariant:** nobody holds a borrow of the links over an `await`.

use crate::admission::block;
use crate::config::PeerAddress;
use crate::mesh::handshake::{BootId, VERSION};
use crate::mesh::links::Mesh;
use crate::mesh::membership::Settings;
use crate::mesh::wire::Hello;
use crate::routing::{PeerState, PeerStatus, Status, Traffic};
use rand::Rng as _;
use rand::rngs::StdRng;
use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What all tasks share.
pub(crate) struct Node<D, T> {
    /// The settings.
    pub settings: Settings,
    /// This start of this relay.
    pub boot: BootId,
    /// The links.
    pub mesh: RefCell<Mesh<D>>,
    /// The way to other relays.
    pub transport: T,
    /// Where nonces and jitter come from.
    pub random: RefCell<StdRng>,
    /// Told whenever a link ends.
    pub link_ended: Notify,
    /// What is known of the addresses of the settings, in their order.
    pub dials: RefCell<Vec<Dial>>,
}

/// What is known of an address of the settings.
#[derive(Default)]
pub(crate) struct Dial {
    /// Where it was to be found the last time.
    pub addresses: Vec<IpAddr>,
    /// Who answered there the last time.
    pub peer: Option<(Box<str>, BootId)>,
    /// It is this relay.
    pub is_itself: bool,
    /// Why the last attempt or link ended.
    pub last_error: Option<String>,
    /// When it is dialled again.
    pub next_attempt: Option<Instant>,
}

impl<D: crate::routing::Door, T> Node<D, T> {
    /// Nothing is linked yet.
    pub(crate) fn new(settings: Settings, boot: BootId, door: D, transport: T, random: StdRng) -> Rc<Self> {
        let known = |relay: &PeerAddress| relay.host.parse().into_iter().collect();
        let dials = settings.relays.iter().map(|relay| Dial { addresses: known(relay), ..Dial::default() }).collect();
        Rc::new(Self {
            mesh: RefCell::new(Mesh::new(&settings, door)),
            settings,
            boot,
            transport,
            random: RefCell::new(random),
            link_ended: Notify::new(),
            dials: RefCell::new(dials),
        })
    }

    /// What this relay says of itself on one connection.
    pub(crate) fn hello(&self) -> Hello {
        let mut nonce = [0; 32];
        self.random.borrow_mut().fill_bytes(&mut nonce);
        Hello {
            major: VERSION.0,
            minor: VERSION.1,
            key: self.settings.keys.is_some(),
            content_bytes_max: u32::try_from(self.settings.max_message_bytes).unwrap_or(u32::MAX),
            boot: self.boot,
            nonce,
            network: self.settings.network_name.as_str().into(),
            name: self.settings.name.as_str().into(),
        }
    }

    /// How many relays of the settings are at this address.
    pub(crate) fn listed_at(&self, address: IpAddr) -> usize {
        let is_there = |dial: &&Dial| dial.addresses.iter().any(|other| block(*other) == block(address));
        self.dials.borrow().iter().filter(is_there).count()
    }

    /// How the network is now.
    pub(crate) fn status(&self) -> Status {
        let (mesh, dials, now) = (self.mesh.borrow(), self.dials.borrow(), Instant::now());
        let mut peers: Vec<PeerStatus> = Vec::new();
        for (address, dial) in self.settings.relays.iter().zip(&*dials) {
            let name = dial.peer.as_ref().map(|(name, _)| name);
            let account = name.and_then(|name| mesh.roster().account(name));
            peers.push(PeerStatus {
                address: Some(address.to_string()),
                name: name.map(ToString::to_string),
                state: if dial.is_itself { PeerState::Itself } else { PeerState::Down },
                // What nobody has acknowledged counts as lost while there is no link to hear more.
                traffic: account.map_or(Traffic::default(), |account| Traffic {
                    lost: account.traffic.lost + account.outgoing.unconfirmed(),
                    ..account.traffic
                }),
                last_error: dial.last_error.clone(),
                next_attempt_in: dial.next_attempt.map(|at| at.saturating_duration_since(now)),
                ..PeerStatus::default()
            });
        }
        for link in mesh.links() {
            let known = peers.iter_mut().find(|peer| peer.name.as_deref() == Some(&*link.name));
            let mut unlisted = PeerStatus::default();
            let is_listed = known.is_some();
            let peer = known.unwrap_or(&mut unlisted);
            peer.name = Some(link.name.to_string());
            peer.remote = Some(link.remote.clone());
            peer.state = if link.is_linked() { PeerState::Linked } else { PeerState::Linking };
            peer.traffic = link.account.traffic;
            peer.linked_for = Some(now.saturating_duration_since(link.since));
            peer.round_trip = link.round_trip;
            peer.queue_bytes = link.queue_bytes() as u64;
            peer.interest = link.announced.table().total().count;
            peer.lagging = link.waits.pace.is_lagging();
            peer.next_attempt_in = None;
            if !is_listed {
                peers.push(unlisted);
            }
        }
        Status {
            name: self.settings.name.clone(),
            network: self.settings.network_name.clone(),
            boot_id: self.boot.to_string(),
            key: self.settings.keys.is_some(),
            channels: mesh.table().total().count,
            peers,
        }
    }
}
