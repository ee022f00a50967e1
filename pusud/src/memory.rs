//! The most memory that a relay takes, computed from its settings: every part that grows, with what bounds it.
//!
//! Not in it: what plugins take, what an authenticator grants and which channels the other relays listen to (all are the
//! operator's own), and the kernel's buffers of the sockets, which are the kernel's to bound (`net.ipv4.tcp_mem`).

use crate::authenticator::CALLS_MAX;
use crate::client::session::WRITABLE_CHANNELS_MAX;
use crate::config::{Config, OnSwap};
use crate::hub::BATCH_BYTES_MAX;
use crate::inbox::{LINKS_BYTES_MAX, SHARE_BYTES_MAX};
use crate::lane::LANES;
use crate::limits::{AUTHORIZATION_BYTES_MAX, AUTHORIZATIONS_MAX};
use crate::network::queue::{QUEUE_BYTES_MAX, TABLES_BYTES_MAX};
use crate::network::settings::{links_max, strangers_max};
use crate::network::{codec, conversation, link};
use crate::read_buffer::READ_BYTES_MAX;
use crate::run::RUN_BYTES_MAX;

/// What waits in an inbox before sources have to.
const INBOX_BYTES_MAX: usize = LANES * SHARE_BYTES_MAX;
/// What came over links and waits in a shard, with what it costs to set it aside where messages are short.
const FROM_LINKS_BYTES_MAX: usize = 2 * LINKS_BYTES_MAX;
/// The program with its threads, before it serves anybody.
const PROGRAM_BYTES: usize = 24 << 20;
/// A connected client that is authorized and subscribed to little: 1 KiB was measured, the WebSocket library takes up to
/// one more where a message is coming, and the allocator does not fill every page.
const CLIENT_BYTES: usize = 3 << 10;
/// A subscription to a channel that nobody else listens to, beside the name, which is kept twice.
const SUBSCRIPTION_BYTES: usize = 400;
/// A channel in the network's table of its own clients' interest, beside the name, and what each link that is being told
/// of all channels takes more for one.
const INTEREST_BYTES: usize = 100;
const SNAPSHOT_BYTES: usize = 16;
/// A connection of the network that is shaking hands: frames are at most 1 KiB, in buffers on either side.
const HANDSHAKE_BYTES: usize = 16 << 10;
/// A channel whose write permission is remembered, beside the name.
const WRITABLE_CHANNEL_BYTES: usize = 64;

/// The program with its threads and plugins, in use: 5 MiB were measured for the former.
const USUAL_PROGRAM_BYTES: usize = 8 << 20;

/// One part of the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is for.
    pub name: &'static str,
    /// The most that it takes.
    pub bytes: usize,
    /// What to lower, if it is too much.
    pub keys: &'static str,
}

/// What a relay with these settings takes at the most, part by part, with so many `connections`.
pub fn ceiling(config: &Config, connections: usize) -> Vec<Part> {
    let limits = &config.limits;
    let shards = config.shards;
    let message = limits.max_message_bytes;
    let has_network = !config.relays.is_empty();
    // A message that is being handled, once as frames and once as text; the open run, which doubles as it grows; what
    // waits for each other shard and the network, and what each of them has sent at once beyond what the inbox takes.
    let others = (shards - 1 + usize::from(has_network)) * (BATCH_BYTES_MAX + message);
    let shard = READ_BYTES_MAX + 2 * message + 2 * (RUN_BYTES_MAX + message) + 2 * others + INBOX_BYTES_MAX;
    let channel = 2 * limits.max_channel_bytes + SUBSCRIPTION_BYTES;
    let writable = WRITABLE_CHANNELS_MAX * (limits.max_channel_bytes + WRITABLE_CHANNEL_BYTES);
    // Each is there as the message that it came in and as the copy that the authenticator is given.
    let asked = connections.min(CALLS_MAX) * 2 * AUTHORIZATION_BYTES_MAX;
    let kept = match config.authenticator.on_swap {
        OnSwap::Keep => 0,
        OnSwap::Reauthorize => connections * AUTHORIZATIONS_MAX * AUTHORIZATION_BYTES_MAX,
    };
    let part = |name, bytes, keys| Part { name, bytes, keys };
    let mut parts = vec![
        part("program", PROGRAM_BYTES, ""),
        part("shards", shards * shard, "shards, max_message_bytes"),
        part("clients", connections * (CLIENT_BYTES + limits.max_header_bytes), "max_connections, max_header_bytes"),
        part(
            "subscriptions",
            connections * limits.max_subscriptions * channel,
            "max_connections, max_subscriptions, max_channel_bytes",
        ),
        part("permissions", connections * writable, "max_connections, max_channel_bytes"),
        part("authorizations", asked + kept, "max_connections, on_swap"),
        part("waiting", limits.max_queued_bytes, "max_queued_bytes"),
    ];
    if has_network {
        let interest = limits.max_channel_bytes + INTEREST_BYTES + SNAPSHOT_BYTES * links_max(config.relays.len());
        parts.extend([
            part("network", network(config), "relays, max_message_bytes"),
            part(
                "interest of the network",
                connections * limits.max_subscriptions * interest,
                "max_connections, max_subscriptions, max_channel_bytes",
            ),
        ]);
    }
    parts
}

/// What the links to other relays take at the most, and what is between them and the shards. Relays that are in no list
/// may link too.
fn network(config: &Config) -> usize {
    let (message, listed) = (config.limits.max_message_bytes, config.relays.len());
    let frame = message + codec::FRAME_BYTES_OVER_CONTENT;
    // What waits for a peer; what is being written, in a buffer that has doubled; what comes, in another such buffer, and
    // as text.
    let link =
        QUEUE_BYTES_MAX + TABLES_BYTES_MAX + 2 * (frame + link::WRITE_BYTES) + conversation::READ_BYTES + 3 * frame;
    let handshakes = (strangers_max(listed) + listed) * HANDSHAKE_BYTES;
    let shards = config.shards * (2 * (BATCH_BYTES_MAX + message) + FROM_LINKS_BYTES_MAX);
    links_max(listed) * link + handshakes + INBOX_BYTES_MAX + shards + 2 * (RUN_BYTES_MAX + message)
}

/// About what a relay takes with so many `connections` of clients that listen to a few channels, most of which have other
/// listeners too, and that keep up.
pub fn usual(connections: usize) -> usize {
    USUAL_PROGRAM_BYTES + connections * CLIENT_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;
    use crate::network::settings::UNLISTED_LINKS_MAX;

    #[test]
    fn every_key_that_is_named_makes_it_less() {
        let directory = tempfile::tempdir().unwrap();
        let sum = |connections: usize, more: &str| {
            let file = directory.path().join("settings.yaml");
            std::fs::write(&file, format!("authenticator: A\nshards: 4\n{more}")).unwrap();
            let (config, _) = Config::load(Some(&file), &Overrides::default()).unwrap();
            ceiling(&config, connections).iter().map(|part| part.bytes).sum::<usize>()
        };
        let default = sum(1000, "");
        for (connections, less) in [
            (999, ""),
            (1000, "limits: {max_message_bytes: 512 KiB}"),
            (1000, "limits: {max_header_bytes: 4 KiB}"),
            (1000, "limits: {max_subscriptions: 255}"),
            (1000, "limits: {max_channel_bytes: 254}"),
            (1000, "limits: {max_queued_bytes: 255 MiB}"),
        ] {
            assert!(sum(connections, less) < default, "{connections} {less}");
        }
        assert!(sum(1000, "on_swap: reauthorize") > default);
        let networked = sum(1000, "relays: [a, b]");
        assert!(networked > default + (2 + UNLISTED_LINKS_MAX) * QUEUE_BYTES_MAX);
        assert!(sum(1000, "relays: [a]") < networked - QUEUE_BYTES_MAX);
        assert!(usual(1000) < default);
    }
}
