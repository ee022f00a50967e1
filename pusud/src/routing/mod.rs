//! Routing: whatever passes between threads. Inboxes and their shares, batches on their way, the index of who listens
//! where, what shards report, and the border to the backplane (the network of relays, or what stands in its place).
//!
//! It owns no client and no socket, and it never waits for one: handing over is always possible, and who reads a source
//! asks for room before.

mod arrival;
mod backplane;
mod backplane_door;
mod backplane_thread;
mod batch;
mod channel_id;
mod client_id;
mod deciders;
mod ended;
mod histogram;
mod inbox;
mod lane;
mod link_marks;
mod link_status;
mod look;
mod memory;
mod orders;
mod outgoing;
mod report;
mod rows;
mod run;
mod shard_index;
mod shard_reports;
mod stats;
mod waker_set;

pub use arrival::Arrival;
pub use backplane::{Door, Event, Events, Ticket};
pub use backplane_door::RelayDoor;
pub use backplane_thread::start_backplane;
pub use batch::{Batch, Publications};
pub use channel_id::ChannelId;
pub use client_id::ClientId;
pub use deciders::OwnDecider;
pub use ended::{Ended, EndedClient};
pub use histogram::{HISTOGRAM_BOUNDS, Histogram};
pub use inbox::{Inbox, InboxSender, Item, SHARE_BYTES_MAX, Weighed, inbox, shard_inbox};
pub use lane::{LANES, Lane, SHARES, Share};
pub use link_status::{NatsStatus, PeerState, PeerStatus, SeenRelay, Status, Traffic};
pub use look::{
    AuthorizedBy, ChannelLook, ChannelSeen, ChannelSort, ChannelsSeen, ClientLook, ClientPlace, ClientSeen, ClientSort,
    ClientsSeen, Look, ROWS_MAX, Seen,
};
pub use memory::{INBOX_BYTES_MAX, from_links_bytes_max, run_bytes_max};
pub use orders::{KICK_BYTES_MAX, Kick, KickTarget, Order, OrderNews, OrderReply, OrderTicket, TakenIn, Tally};
pub use outgoing::Outgoing;
pub use report::{Report, States, Transports};
pub use rows::{
    AuthorizationRow, ChannelHistory, ChannelPage, ChannelRow, Channels, ClientPage, ClientRow, ClientState,
    ClientTransport, Clients, PermissionRow,
};
pub use run::Run;
pub use shard_index::{ShardIndex, ShardIndexView, ShardSet};
pub use shard_reports::{ShardReports, collect_reports};
pub use stats::{Disconnects, Stats, Times};
