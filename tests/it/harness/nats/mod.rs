//! Real nats-servers for the tests: clusters on this machine, what can happen to one of their servers, and a client that
//! speaks NATS' own protocol in its verbs.
//!
//! **Invariant:** a server ends with the test that started it, by its process and never by its name.

mod cluster;
mod nkey;
mod program;
mod raw;
mod server;
mod settings;

pub(crate) use cluster::{Named, NatsCluster};
pub(crate) use nkey::signed;
pub(crate) use program::{NatsProgram, on_each_program};
pub(crate) use raw::{NatsClient, NatsOp};
pub(crate) use settings::{NatsSettings, USER, fixture};
