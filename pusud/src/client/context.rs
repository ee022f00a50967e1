//! The context of a shard: what all tasks of its clients work with.

use crate::admission::Admission;
use crate::authenticator::Authenticator;
use crate::client::deadlines::Deadlines;
use crate::client::read_buffer::ReadBuffer;
use crate::client::reauthorize::ReauthorizationQueue;
use crate::client::uptime::Uptime;
use crate::hub::{Hub, Scratch};
use crate::protocol::{Limits, Reply};
use crate::websocket::{self, Frames};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// What all clients of a shard share.
pub struct Context {
    /// The shard's state.
    pub hub: Rc<Hub>,
    /// The authenticator.
    pub authenticator: Authenticator,
    /// Where the places of connections are given back.
    pub admission: Arc<Admission>,
    /// What a client may use.
    pub limits: Limits,
    /// The first frame that a client gets.
    pub hello: Frames,
    /// The shard's buffer for reading.
    pub buffer: Rc<ReadBuffer>,
    /// The shard's buffers for encryption.
    pub scratch: Rc<Scratch>,
    /// By when who has to have done something.
    pub deadlines: Rc<Deadlines<Instant>>,
    /// When whose authorization ends.
    pub ends: Rc<Deadlines<Uptime>>,
    /// The clients that may be re-authorized.
    pub reauthorizations: Rc<ReauthorizationQueue>,
}

impl Context {
    /// The context of one of so many `shards` of the relay called `name`.
    pub fn new(
        hub: Rc<Hub>,
        authenticator: Authenticator,
        admission: Arc<Admission>,
        limits: Limits,
        name: &str,
        shards: usize,
    ) -> Self {
        let hello = Reply::Hello { version: env!("CARGO_PKG_VERSION"), relay: name };
        Self {
            hub,
            authenticator,
            admission,
            limits,
            hello: websocket::text(&hello.to_json()),
            buffer: Rc::default(),
            scratch: Rc::default(),
            deadlines: Rc::default(),
            ends: Rc::default(),
            reauthorizations: Rc::new(ReauthorizationQueue::new(shards)),
        }
    }
}
