//! The memory that TLS takes, at the most.

use super::files::{ClientCertificates, Files};
use super::session::UNREAD_BYTES_MAX;

/// A session without buffers and without a client's certificate: 3.6 KiB were measured after a handshake, and 4.3 KiB in the
/// middle of one.
pub const SESSION_BYTES: usize = 4608;

/// Most that the session of one client takes, which came through a listener with these files. What is on its way counts as
/// queued memory, and is not in it.
pub fn session_bytes_max(files: &Files) -> usize {
    match files.client_certificates {
        ClientCertificates::Off => SESSION_BYTES,
        // The chain that the client has shown is kept, and fits into a handshake.
        ClientCertificates::Optional | ClientCertificates::Required => SESSION_BYTES + UNREAD_BYTES_MAX,
    }
}

/// Most that a handshake takes beside that, while it goes on: what has come of it, and what is sent.
pub fn handshake_bytes_max() -> usize {
    2 * UNREAD_BYTES_MAX
}
