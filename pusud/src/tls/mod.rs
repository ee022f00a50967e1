//! TLS: whatever the relay and its commands know of encryption stands here, and the rest of them sees bytes.
//!
//! It reads files and makes sessions; it opens no socket and starts no thread.
//! **Invariant:** the crypto provider is named wherever one is needed, and the process has no default.

mod links;
mod provider;

pub use links::{
    Exported, HANDSHAKE_BYTES_MAX as LINK_HANDSHAKE_BYTES_MAX, LinkCertificates, LinkSession, LinkTls,
    SESSION_BYTES_MAX as LINK_SESSION_BYTES_MAX,
};
pub use provider::provider;
