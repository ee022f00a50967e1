//! TLS: whatever the relay and its commands know of encryption stands here, and the rest of them sees bytes.
//!
//! It reads files and makes sessions; it opens no socket and starts no thread.
//! **Invariant:** the crypto provider is named wherever one is needed, and the process has no default.

mod client;
mod provider;

pub use client::{Client, ClientFiles, ClientStream, TlsFailure};
pub use provider::provider;
