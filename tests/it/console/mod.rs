//! The console in a real browser: each view, changes, and faults that a newcomer is to find with it.

mod browser;
mod faults;
mod relays;
mod views;
