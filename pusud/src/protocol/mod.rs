//! The client protocol: messages, channels, permissions, limits, and the reasons to end a connection. Functions from bytes
//! to values and back; docs/protocol/client.md is the norm.
//!
//! It keeps nothing and waits for nothing.

mod allowed_origin;
mod channel;
mod disconnect;
mod items;
mod limits;
mod message;
mod nesting;
mod origin;
mod permission;
mod refusal;
mod reply;

pub use allowed_origin::AllowedOrigin;
pub use channel::check_channel;
pub use disconnect::Disconnect;
pub use items::{ContentError, Item, ItemsError, ItemsForm, parse_content, parse_items};
pub use limits::{
    AUTHORIZATION_BYTES_MAX, AUTHORIZATIONS_MAX, CHANNEL_BYTES_MAX, Limits, POSITION_BYTES_MAX, SHARDS_MAX,
    SUBSCRIPTIONS_MAX,
};
pub(crate) use limits::{CONTENT_DEPTH_MAX, for_each_limit};
pub use message::{Malformed, Request, Since, check_channel_name, parse, parse_binary};
pub use origin::Origin;
pub use permission::{Access, Permission, pattern_matches};
pub use refusal::{Refusal, Refusals};
pub use reply::{MessageType, Reply};
