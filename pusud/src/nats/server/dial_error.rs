//! The reasons why there is no connection to a NATS server, in words for operators.
//!
//! **Invariant:** no secret is in them; the caller says which server it is.

use super::credentials::CredentialsError;
use super::dial::{CONNECT_TIMEOUT, HANDSHAKE_TIMEOUT};
use super::error::ServerError;
use super::op::Malformed;
use std::io;

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// The host's name leads nowhere.
    #[error("the name cannot be resolved: {0}")]
    Resolve(io::Error),
    /// TCP does not connect; the error of the last address that was tried.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// TCP does not connect in time.
    #[error("nobody answers within {} s: is it the right address, and does a firewall let it through?", CONNECT_TIMEOUT.as_secs())]
    ConnectTimeout,
    /// The server has not said who it is.
    #[error(
        "it says nothing within {} s, and a NATS server speaks first: is it one, with the port for clients? One that wants \
         TLS before that (`handshake_first`) is not spoken to",
        HANDSHAKE_TIMEOUT.as_secs()
    )]
    Silent,
    /// The server has said who it is, and then nothing more in time.
    #[error("it has not taken the connection within {} s", HANDSHAKE_TIMEOUT.as_secs())]
    HandshakeTimeout,
    /// The connection has ended before it was taken.
    #[error("it ended the connection before it was taken: {0}")]
    Ended(io::Error),
    /// What answers is no NATS server.
    #[error("whatever answers there is no NATS server: it sent {0}")]
    NotNats(#[from] Malformed),
    /// The server refuses the client.
    #[error("{0}")]
    Refused(#[from] ServerError),
    /// The server wants to know who this is, and there is nothing to prove it with.
    #[error(
        "the NATS server wants credentials (authorization violation), and none are set: set `nats.user` and `nats.password`, \
         `nats.token`, `nats.nkey_seed_file` or `nats.credentials_file`, or `nats.tls.certificate` where it knows its users by that"
    )]
    NoCredentials,
    /// The address says TLS, and the server has none.
    #[error(
        "TLS is wanted (by tls://, or by `nats.tls`), and the NATS server has none: give it certificates (`tls` in its settings), \
         or write nats:// and remove `nats.tls`"
    )]
    NoTls,
    /// Bytes came where TLS has to begin, which somebody in between may have written.
    #[error("it sent more than INFO before TLS began: somebody between here and there may have written that")]
    BeforeTls,
    /// TLS fails; the words say why, and the way out.
    #[error("TLS: {0}")]
    Tls(String),
    /// The files for TLS cannot be used.
    #[error("{0}")]
    TlsFiles(String),
    /// The server knows no headers, without which it cannot say that nobody has a subject.
    #[error(
        "the NATS server knows no headers, and relays need them: remove `no_header_support` from its settings, or take \
         NATS 2.2 or later"
    )]
    NoHeaders,
    /// The credentials cannot be used.
    #[error("{0}")]
    Credentials(#[from] CredentialsError),
}

impl DialError {
    /// Whether nobody is there: a server that is started later may be a good one.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Resolve(_)
                | Self::Connect(_)
                | Self::ConnectTimeout
                | Self::Silent
                | Self::HandshakeTimeout
                | Self::Ended(_)
        )
    }
}
