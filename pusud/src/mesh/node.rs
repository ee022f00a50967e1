//! State that all tasks of the network share: the links, the way to other relays, and what is known of each address.
//!
//! **Invariant:** nobody holds a borrow of the links over an `await`.

use crate::admission::block;
use crate::mesh::handshake::VERSION;
use crate::mesh::links::Mesh;
use crate::mesh::membership::{Dial, Listed, Settings};
use crate::mesh::wire::Hello;
use crate::peers::BootId;
use rand::Rng as _;
use rand::rngs::StdRng;
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use tokio::sync::Notify;

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
    /// The relays of the settings with their addresses, in the order of the settings.
    pub listed: RefCell<Vec<Listed>>,
}

impl<D: crate::routing::Door, T> Node<D, T> {
    /// Nothing is linked yet.
    pub(crate) fn new(settings: Settings, boot: BootId, door: D, transport: T, random: StdRng) -> Rc<Self> {
        let listed = settings.relays.iter().map(|relay| {
            let mut listed = Listed::default();
            if let Some(ip) = relay.ip() {
                listed.resolved(&[SocketAddr::new(ip, relay.port)]);
            }
            listed
        });
        let listed = RefCell::new(listed.collect());
        Rc::new(Self {
            mesh: RefCell::new(Mesh::new(&settings, door)),
            settings,
            boot,
            transport,
            random: RefCell::new(random),
            link_ended: Notify::new(),
            listed,
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
            encryption: self.settings.encryption(),
            certificates: self.settings.encryption.as_ref().is_some_and(|encryption| encryption.tls.has_certificates()),
        }
    }

    /// Whether each relay of the settings was tried: it is linked, or cannot be now.
    pub(crate) fn has_dialled_all(&self) -> bool {
        let is_tried = |listed: &Listed| match listed.dials.is_empty() {
            true => listed.last_error.is_some(),
            false => listed.dials.iter().all(|dial| dial.known.borrow().is_tried()),
        };
        self.listed.borrow().iter().all(is_tried) && !self.mesh.borrow().has_link_on_its_way()
    }

    /// How many addresses of the settings are this one.
    pub(crate) fn listed_at(&self, address: IpAddr) -> usize {
        let is_there = |dial: &&Rc<Dial>| block(dial.address.ip()) == block(address);
        self.listed.borrow().iter().flat_map(|listed| &listed.dials).filter(is_there).count()
    }

    /// An address is not dialled any more.
    pub(crate) fn forget(&self, at: usize, dial: &Rc<Dial>) {
        self.listed.borrow_mut()[at].forget(dial);
        self.count_addresses();
    }

    /// Lets the bound on links follow the addresses. A name counts also where it has none at the moment.
    pub(crate) fn count_addresses(&self) {
        let addresses = self.listed.borrow().iter().map(|listed| listed.dials.len().max(1)).sum();
        self.mesh.borrow_mut().listed(addresses);
    }
}
