//! TLS: whatever the relay and its commands know of encryption stands here, and the rest of them sees bytes.
//!
//! It reads files and makes sessions; it opens no socket and starts no thread.
//! **Invariant:** the crypto provider is named wherever one is needed, and the process has no default.

mod provider;
mod session;

pub use provider::provider;
pub use session::{RECORD_BYTES_MAX, Received, SESSION_BYTES, Session, SessionError, UNREAD_BYTES_MAX};
