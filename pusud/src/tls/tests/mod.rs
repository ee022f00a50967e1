//! Tests of the whole wing: files made for them, and handshakes in memory between a client of rustls and what they give.

mod bad_files;
mod client_certificates;
mod handshakes;
mod resumption;
pub(super) mod support;
