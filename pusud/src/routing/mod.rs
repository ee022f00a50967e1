//! TODO

pub mod backplane;
pub mod backplane_door;
pub mod batch;
pub mod channel_id;
pub mod inbox;
pub mod lane;
pub mod link_status;
pub mod outgoing;
pub mod report;
pub mod run;
pub mod shard_index;
pub mod shard_reports;
pub mod stats;
pub mod waker_set;
