//! HTTP as it is spoken before a connection becomes a WebSocket: the answers to those that do not.
//!
//! It knows no socket; the client's task sends what is made here.

mod error;

pub(crate) use error::HttpError;
