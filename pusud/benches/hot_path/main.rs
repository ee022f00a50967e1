//! Micro-benchmarks of what a message costs inside of the relay: `make bench` runs them.
//!
//! They find out which part became dearer. How fast the relay is as a whole they do not say: that is `pusud bench`,
//! and the ratios in docs/internals/performance.md.

#![allow(clippy::unwrap_used, reason = "a benchmark that meets an error has failed, and says where")]

mod authorize;
mod deliver;
mod history;
mod message;
mod nats;
mod permission;

fn main() {
    divan::main();
}
