//! The relay server of PuSu Engine, as a library: the binary `pusud` is arguments, logging and an exit code around it.
//!
//! docs/internals/architecture.md has the map; [`relay::Relay`] is where to start reading.

pub mod admission;
pub mod authenticator;
pub mod client;
pub mod config;
pub mod control;
pub mod frames;
#[cfg(all(unix, any(test, feature = "fuzzing")))]
pub mod fuzzing;
pub mod history;
pub mod http;
pub mod hub;
pub mod mesh;
pub mod nats;
pub mod operations;
pub mod peers;
pub mod protocol;
pub mod relay;
pub mod revocation;
pub mod routing;
pub mod shard;
pub mod system;
pub mod tls;
