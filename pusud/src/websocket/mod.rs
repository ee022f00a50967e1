//! TODO

mod frame;
mod frame_queue;
mod memory_pressure;

pub use frame::{Frames, Mark, close, contents, ping, publish_len, push_publish, text};
pub use frame_queue::FrameQueue;
pub use memory_pressure::{Queued, held, hold, release};
