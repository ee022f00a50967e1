//! NATS as the backplane: relays tell each other by way of NATS servers, in the place of links of their own.
//! docs/protocol/nats.md is the norm of what they say.
//!
//! The thread exists only where the settings have NATS as the backplane. It reaches the rest of the relay through a
//! [`Door`](crate::routing::Door), as that of the mesh does, and never waits for a server before it takes its next event.

mod backplane;
mod barrier;
mod candidates;
mod conversation;
mod interest;
mod published;
mod queue;
mod roster;
mod server;
mod servers;
mod settings;
mod subjects;
mod tasks;
mod wire;
