//! TLS: whatever the relay and its commands know of encryption stands here, and the rest of them sees bytes.
//!
//! It reads files and makes sessions; it opens no socket and starts no thread.
//! **Invariant:** the crypto provider is named wherever one is needed, and the process has no default.

mod accepting;
mod alternative_names;
mod attributes;
mod certificate;
mod client;
mod client_trust;
mod contents;
mod credentials;
mod expiry;
mod files;
mod identity;
mod key_access;
mod links;
mod memory;
mod name;
mod outgoing;
mod pem;
mod provider;
mod record;
mod resolver;
mod served;
mod session;
mod session_error;
mod tickets;

#[cfg(test)]
mod tests;

pub use accepting::{ServerStream, accept};
pub use alternative_names::AlternativeNames;
pub use certificate::{CertificateFacts, KeyKind};
pub use client::{Client, ClientFiles, ClientStream, Terms, TlsFailure, failure_of};
pub use client_trust::CrlFacts;
pub use credentials::Credentials;
pub use expiry::ExpiryNotice;
pub use files::{ClientCertificates, Files, Pair};
pub(crate) use key_access::check as check_key_access;
pub use links::{
    Exported, HANDSHAKE_BYTES_MAX as LINK_HANDSHAKE_BYTES_MAX, LinkCertificates, LinkSession, LinkTls,
    SESSION_BYTES_MAX as LINK_SESSION_BYTES_MAX,
};
pub use memory::{SESSION_BYTES, handshake_bytes_max, session_bytes_max};
pub use outgoing::check_outgoing;
pub use provider::provider;
pub use record::RECORD_BYTES_MAX;
pub use served::{Renewal, Served};
pub use session::{Received, Session, UNREAD_BYTES_MAX};
pub use session_error::SessionError;
pub use tickets::TicketSecret;
