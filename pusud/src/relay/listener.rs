//! A listener at work: one place where clients connect, as its acceptor and those behind it need to know it.

use crate::admission::{ClientAddress, Forwarding};
use crate::config::ListenerConfig;
use crate::tls::Served;
use std::net::IpAddr;
use std::sync::Arc;

/// What is the same for all connections that come through it.
pub(super) struct Listener {
    /// Its number among the relay's, by which the admission knows it.
    pub(super) number: u16,
    /// Its name in the settings.
    pub(super) name: String,
    /// What it proves itself with; `None`: it does not encrypt.
    pub(super) certificates: Option<Served>,
    /// Whether connections begin with a PROXY header.
    pub(super) proxy_protocol: bool,
    /// `None`: nobody's word on a client's address is taken.
    pub(super) forwarding: Option<Arc<Forwarding>>,
}

impl Listener {
    pub(super) fn new(number: u16, config: &ListenerConfig, certificates: Option<Served>) -> Self {
        let forwarding = (!config.forwarding.is_empty()).then(|| Arc::new(config.forwarding.clone()));
        Self { number, name: config.name.clone(), certificates, proxy_protocol: config.proxy_protocol, forwarding }
    }

    /// Whether more than a request comes first: that is not read by shards.
    pub(super) fn has_entrance(&self) -> bool {
        self.proxy_protocol || self.certificates.is_some()
    }

    /// Whether whoever connects may send a PROXY header. Who may connect to a Unix socket is decided by its mode.
    pub(super) fn takes_proxy_header_of(&self, peer: ClientAddress) -> bool {
        match peer {
            ClientAddress::Unix => true,
            ClientAddress::Ip(_) => self.forwarding.as_ref().is_some_and(|forwarding| forwarding.trusts(peer)),
        }
    }

    /// Whose word on where the client is has to be heard yet, in the request that `client` hands over.
    pub(super) fn forwarding_of(&self, client: ClientAddress) -> Option<Arc<Forwarding>> {
        self.forwarding.clone().filter(|forwarding| forwarding.trusts(client))
    }

    /// What limits by address count a client by; `None` where they cannot, or not before its request.
    pub(super) fn counted(&self, client: ClientAddress) -> Option<IpAddr> {
        client.ip().filter(|_| self.forwarding_of(client).is_none())
    }
}
