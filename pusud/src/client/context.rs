//! The context of a shard: what all tasks of its clients work with.

use crate::admission::Admission;
use crate::authenticator::Authenticator;
use crate::client::deadlines::Deadlines;
use crate::client::read_buffer::ReadBuffer;
use crate::client::reauthorize::ReauthorizationQueue;
use crate::client::shared_permissions::SharedPermissions;
use crate::client::uptime::Uptime;
use crate::client::{IdempotencyKeys, Paths, Verdicts};
use crate::frames::{self, Frames};
use crate::http::HeaderNames;
use crate::hub::{Hub, Scratch};
use crate::protocol::{Limits, Reply};
use crate::revocation::Revocations;
use std::cell::Cell;
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
    /// The paths over HTTP that are switched on.
    pub paths: Paths,
    /// The headers of requests that authenticators see.
    pub seen: HeaderNames,
    /// The relay's name.
    pub name: Box<str>,
    /// The first frame that a client gets.
    pub hello: Frames,
    /// The verdicts that are remembered for requests over HTTP.
    pub verdicts: Arc<Verdicts>,
    /// The messages that came with an `Idempotency-Key`.
    pub idempotency: Arc<IdempotencyKeys>,
    /// Whose authorizations the operator has taken back.
    pub revocations: Arc<Revocations>,
    /// Operators may look: what is only for them is kept.
    pub is_asked: bool,
    /// The relay stops.
    pub is_draining: Cell<bool>,
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
    /// The permissions that clients have been granted.
    pub permissions: Box<SharedPermissions>,
}

/// What the shards of a relay have in common, apart from the hub of each.
#[derive(Clone)]
pub struct Common {
    /// The authenticator.
    pub authenticator: Authenticator,
    /// Where the places of connections are given back.
    pub admission: Arc<Admission>,
    /// What a client may use.
    pub limits: Limits,
    /// The paths over HTTP that are switched on.
    pub paths: Paths,
    /// The headers of requests that authenticators see.
    pub seen: HeaderNames,
    /// The relay's name.
    pub name: Box<str>,
    /// How many shards there are.
    pub shards: usize,
    /// The verdicts that are remembered for requests over HTTP.
    pub verdicts: Arc<Verdicts>,
    /// The messages that came with an `Idempotency-Key`.
    pub idempotency: Arc<IdempotencyKeys>,
    /// Whose authorizations the operator has taken back.
    pub revocations: Arc<Revocations>,
    /// Operators may look: what is only for them is kept.
    pub is_asked: bool,
    /// Shards look how long things take, since somebody may ask.
    pub is_timed: bool,
}

impl Context {
    /// The context of the shard of `hub`.
    pub fn new(hub: Rc<Hub>, common: Common) -> Self {
        let Common {
            authenticator,
            admission,
            limits,
            paths,
            seen,
            name,
            shards,
            verdicts,
            idempotency,
            revocations,
            is_asked,
            is_timed: _,
        } = common;
        let hello = Reply::Hello { version: env!("CARGO_PKG_VERSION"), relay: &name };
        Self {
            hub,
            authenticator,
            admission,
            limits,
            paths,
            seen,
            hello: frames::text(&hello.to_json()),
            name,
            verdicts,
            idempotency,
            revocations,
            is_asked,
            is_draining: Cell::new(false),
            buffer: Rc::default(),
            scratch: Rc::default(),
            deadlines: Rc::default(),
            ends: Rc::default(),
            reauthorizations: Rc::new(ReauthorizationQueue::new(shards)),
            permissions: Box::default(),
        }
    }
}
