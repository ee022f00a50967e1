//! The protocol of NATS servers, as a client of one of them speaks it over one connection.
//!
//! It knows nothing of relays or channels, and never dials again by itself. Whatever is read or written is a value apart from
//! the socket; `dial.rs` alone has one.

mod address;
pub(crate) mod command;
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

pub(crate) use address::ServerAddress;
pub(crate) use credentials::Credentials;
pub(crate) use dial::{Connection, ServerSettings, TlsFiles, dial};
pub(crate) use error::{Permission, ServerError};
pub(crate) use info::Info;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use op::LINE_BYTES_MAX;
pub(crate) use op::{Malformed, Op, Parser};
pub(crate) use stream::Stream;
