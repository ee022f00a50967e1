//! From sources to listeners: who gets which message, in which order, and what waits meanwhile. Under overload too, and
//! beside those who do not read.

pub(crate) mod deliveries;
mod fan_out;
#[cfg(target_os = "linux")]
mod many_sources;
#[cfg(target_os = "linux")]
mod memory_ceiling;
mod order;
#[cfg(target_os = "linux")]
mod overload;
#[cfg(target_os = "linux")]
mod queued;
#[cfg(target_os = "linux")]
mod slow_readers;
