//! Relays with several shards each, links that break, lose or come late, restarts, and listeners that leave at any frame and
//! come back to any relay with their position. All of it follows from a seed, and time is virtual.
//!
//! The shards here are the reference for those of a relay: what they do with a log, and with listeners that are ahead.

mod class;
mod faults;
mod judge;
mod links;
mod listener;
mod network;
mod publishing;
mod relay;
mod rules;
mod seeds;
mod shard;
mod stories;
mod unnumbered;
mod visits;
mod world;
