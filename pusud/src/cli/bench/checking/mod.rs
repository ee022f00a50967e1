//! Whether every message arrived: what each carries, what the listeners of a thread have seen, and what was wrong with it.
//! Knows of no sockets.

mod checker;
mod faults;
mod ledger;
mod stamp;

pub(super) use faults::{Fault, Faults};
pub(super) use ledger::{Ledger, News};
pub(super) use stamp::{CHANNELS_MAX, CONTENT_BYTES_MIN, Form, Own, SOURCES_MAX, Wire};
