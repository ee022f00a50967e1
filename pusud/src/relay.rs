//! Placeholder for the relay; replaced at merge.

use crate::authenticator::Authenticator;
use crate::config::Config;
use crate::shutdown::Shutdown;
use anyhow::Context as _;
use std::net::{SocketAddr, TcpListener};

/// A bound relay.
pub struct Relay {
    acceptor: TcpListener,
    address: SocketAddr,
}

impl Relay {
    /// Binds.
    pub fn bind(config: Config, _authenticator: Authenticator) -> anyhow::Result<Self> {
        let address = SocketAddr::new(config.client_address, config.client_port);
        let acceptor = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        let address = acceptor.local_addr()?;
        Ok(Self { acceptor, address })
    }

    /// Where clients connect.
    pub fn client_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves.
    pub fn run(self, _shutdown: Shutdown) -> anyhow::Result<()> {
        drop(self.acceptor);
        Ok(())
    }
}
