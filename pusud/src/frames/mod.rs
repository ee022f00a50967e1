//! Finished frames on their way out, of WebSocket and of Server-Sent Events: bytes that many clients share, what waits for
//! one of them, and what all that holds in memory.
//!
//! It knows no socket and no channel, and it never parses what clients send.

mod buffer;
mod event_stream;
mod frame;
mod frame_queue;
mod queued_memory;

pub use buffer::Frames;
pub use event_stream::{EventBody, comment, end_event, event, publication_events};
pub use frame::{Mark, close, contents, ping, publish_len, push_gap, publish_at_len, last_position, publications, push_publish, push_publish_at, text};
pub use frame_queue::{Dropped, FrameQueue};
pub use queued_memory::{QueuedMemory, held, hold, release};
