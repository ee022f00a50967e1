//! The console in a real browser: each view, changes, and faults that a newcomer is to find with it.

mod browser;
mod crowd;
mod relays;
mod views;
