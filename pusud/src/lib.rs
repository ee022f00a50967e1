//! The relay server of PuSu Engine, as a library: the binary `pusud` is arguments, logging and an exit code around it.
//!
//! ARCHITECTURE.md has the map; [`relay::Relay`] is where to start reading.

pub mod acceptor;
pub mod address;
pub mod authenticator;
pub mod batch;
pub mod channel;
pub mod client;
pub mod config;
pub mod control;
pub mod deadlines;
pub mod deal;
pub mod disconnect;
pub mod door;
pub mod drain;
pub mod frame;
pub mod frame_queue;
#[cfg(all(unix, any(test, feature = "fuzzing")))]
pub mod fuzzing;
pub mod hangup;
pub mod hub;
pub mod inbox;
pub mod incoming;
pub mod keepalive;
pub mod limits;
pub mod memory;
pub mod message;
pub mod nesting;
pub mod open_files;
pub mod origin;
pub mod outbox;
pub mod overview;
pub mod permission;
pub mod publish_rate;
pub mod queued;
pub mod read_buffer;
pub mod refusal;
pub mod relay;
pub mod reload;
pub mod report;
pub mod roll_call;
pub mod run;
pub mod service_manager;
pub mod shard;
pub mod shard_index;
pub mod shutdown;
pub mod slow_consumers;
pub mod stats;
pub mod status;
pub mod subscriptions;
pub mod turns;
pub mod watchdog;
