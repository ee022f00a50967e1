//! The port itself: bound, with its certificates, and not served yet.

use super::token_file::TokenFile;
use crate::admission;
use crate::config::{self, Config};
use crate::control::DescribedOperations;
use crate::system::ListeningSocket;
use crate::tls::Served;
use anyhow::{Context as _, bail};
use std::net::{SocketAddr, TcpListener};
use tracing::{info, warn};

/// The name of its socket where the service manager hands one over.
pub const NAME: &str = "operations";

/// The bound port.
pub struct OperationsPort {
    pub(super) socket: TcpListener,
    pub(super) address: SocketAddr,
    /// What it proves itself with; `None`: it does not encrypt.
    pub(super) certificates: Option<Served>,
    pub(super) tokens: Option<TokenFile>,
}

impl OperationsPort {
    /// Binds what the settings say, unless the service manager has handed a socket over; `None` where they want none, or
    /// where the usual port is taken: that is warned about, and the relay serves without.
    ///
    /// # Errors
    /// A port that the settings name cannot be had, or its certificates cannot be used: says what to change.
    pub fn bind(config: &Config, handed_over: Option<ListeningSocket>) -> anyhow::Result<Option<Self>> {
        let Some(number) = config.operations_port.number() else { return Ok(None) };
        let certificates = load_certificates(config)?;
        let at = SocketAddr::new(config.operations_address, number);
        let socket = match handed_over {
            Some(socket) => taken_over(socket)?,
            None => match admission::OPERATORS.bind(at) {
                Ok(socket) => socket,
                Err(error) if config.operations_port == config::OperationsPort::Usual => {
                    warn!(
                        "no operations port, so there are no metrics, health checks and console of this relay; \
                         `operations_port` in the settings says which one it may be, and 0 is none: {error:#}"
                    );
                    return Ok(None);
                }
                Err(error) => return Err(error),
            },
        };
        let address = socket.local_addr().context("the bound socket has no address")?;
        let tokens = TokenFile::open(config, address.port())?;
        Ok(Some(Self { socket, address, certificates, tokens }))
    }

    /// Where it is, as a browser takes it.
    pub fn url(&self) -> String {
        let scheme = if self.certificates.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// What the status says of it.
    pub fn described(&self) -> DescribedOperations {
        DescribedOperations { url: self.url(), certificates: self.certificates() }
    }

    /// The certificates, where it encrypts.
    pub fn certificates(&self) -> Option<Served> {
        self.certificates.clone()
    }

    /// Says where it is.
    pub fn log(&self) {
        info!(address = %self.url(), "operations listen here");
    }
}

/// Makes sure that what the settings say of the port can be had; no port is taken.
///
/// # Errors
/// The address is not this machine's, or the certificates or tokens cannot be used: says what to change.
pub fn check(config: &Config) -> anyhow::Result<()> {
    if config.operations_port.number().is_none() {
        return Ok(());
    }
    admission::OPERATORS.bind(SocketAddr::new(config.operations_address, 0))?;
    load_certificates(config)?;
    config.operations_token_file.as_deref().map_or(Ok(()), TokenFile::check)
}

/// The certificates of `operations_tls`, if there are any.
///
/// # Errors
/// Names the file, what is wrong with it, and the way out.
pub(super) fn load_certificates(config: &Config) -> anyhow::Result<Option<Served>> {
    let Some(files) = &config.operations_tls else { return Ok(None) };
    let loaded = Served::load(files.clone(), None, config.strict_key_permissions);
    let (served, warnings) = loaded.context("`operations_tls`")?;
    for warning in warnings {
        warn!("{warning}");
    }
    Ok(Some(served))
}

fn taken_over(socket: ListeningSocket) -> anyhow::Result<TcpListener> {
    match socket {
        ListeningSocket::Tcp(socket) => {
            info!(listener = NAME, "the service manager has handed the socket over");
            Ok(socket)
        }
        #[cfg(unix)]
        ListeningSocket::Unix(_) => bail!(
            "the service manager hands a Unix socket over for {NAME:?}: expected a TCP socket (ListenStream= in the socket unit)"
        ),
    }
}
