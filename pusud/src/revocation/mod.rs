//! Revocations: whose authorizations the operator has taken back, on this relay and on all that are linked with it.
//!
//! The table and its file, and the keyed hash that stands for an authorization; what follows for a client is the
//! client's task's business, and how relays tell each other is the mesh's.
//! **Invariant:** of an authorization nothing is kept but a keyed hash, and that is all anybody is shown.

mod clock;
mod entries;
mod entry;
mod file;
mod hashing;
mod memory;
mod replacing;
mod saving;
mod standing;
mod table;
mod whom;

pub(crate) use entries::REVOCATIONS_MAX;
pub use entry::{Change, Entry, NoRoom, Stamp};
pub use file::{Kept, check, load};
pub use hashing::{HashKeys, Hashes};
pub use memory::revocations_bytes_max;
pub use replacing::replace;
pub use saving::Saving;
pub use standing::Standing;
pub use table::Revocations;
pub use whom::{AuthorizationHash, SUBJECT_BYTES_MAX, Whom};

/// What clients are told whose authorization was taken back.
pub const REVOKED: &str = "revoked";
