//! TODO

pub mod frame;
pub mod frame_queue;
pub mod memory_pressure;
