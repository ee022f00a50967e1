//! HTTP as it is spoken before a connection becomes a WebSocket: the answers to those that do not, and the client's address
//! in the words of proxies.
//!
//! It knows no socket; the client's task sends what is made here.

mod error;
mod forwarded;

pub(crate) use error::HttpError;
pub use forwarded::{ForwardedError, client};
