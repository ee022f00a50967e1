//! The console in a real browser: each view, changes, and faults that a newcomer is to find with it.

mod browser;
mod changes;
mod crowd;
mod faults;
mod files;
mod gone;
mod kept;
mod nats;
mod relays;
mod views;
