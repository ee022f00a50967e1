//! Finished frames on their way out, of WebSocket and of Server-Sent Events: bytes that many clients share, what waits for
//! one of them, and what all that holds in memory.
//!
//! It knows no socket and no channel, and it never parses what clients send.

mod buffer;
mod event_stream;
mod frame;
mod frame_queue;
mod mark;
mod publication;
mod queued_memory;

#[cfg(test)]
mod tests;

pub use buffer::Frames;
pub use event_stream::{
    EventBody, comment, end_event, event, event_with_id, publication_events, publication_events_with_ids,
};
pub use frame::{close, ping, text};
pub use frame_queue::{Dropped, FrameQueue};
pub use mark::Mark;
pub use publication::{
    contents, last_position, publications, publish_at_len, publish_len, push_gap, push_publish, push_publish_at,
};
pub use queued_memory::{QueuedMemory, held, hold, release};
