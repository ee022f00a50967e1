//! The protocol of NATS servers, as a client of one of them speaks it over one connection.
//!
//! It knows nothing of relays or channels, and never dials again by itself. Whatever is read or written is a value apart from
//! the socket; `dial.rs` alone has one.

mod address;
pub mod command;
mod credentials;
mod dial;
mod dial_error;
mod error;
mod info;
mod nkey;
mod op;
mod secret_file;
mod stream;
#[cfg(test)]
mod tests;

pub use address::{AddressError, ServerAddress};
pub use credentials::{Credentials, CredentialsError};
pub use dial::{Connection, ServerSettings, TlsFiles, dial};
pub use dial_error::DialError;
pub use error::{Permission, ServerError};
pub use info::{Info, InfoError};
pub use op::{LINE_BYTES_MAX, Malformed, Message, Op, Parser};
pub use stream::Stream;
