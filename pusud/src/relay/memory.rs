//! The most memory that a relay takes, computed from its settings: every part that grows, with what bounds it. Each
//! wing says what it takes itself (`memory.rs` in it); here that is added up.
//!
//! Not in it: what plugins take (`pusud check` adds what they say of it), what an authenticator grants and which channels the
//! other relays listen to (all are the operator's own), and the kernel's buffers of the sockets, which are the kernel's to
//! bound (`net.ipv4.tcp_mem`).

use crate::config::{Backplane, Config, Encryption};
use crate::operations;
use crate::{authenticator, client, hub, mesh, nats, revocation, routing, shard, tls};

/// The program with its threads, before it serves anybody.
const PROGRAM_BYTES: usize = 24 << 20;
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

/// What a relay with these settings takes at the most, part by part, with so many `connections`, while its list of relays
/// has so many `addresses`: as many as entries, unless names have several.
pub fn ceiling(config: &Config, connections: usize, addresses: usize) -> Vec<Part> {
    let (limits, shards, listed) = (&config.limits, config.shards, addresses);
    let shard = shard::shard_bytes_max(limits, shards - 1 + usize::from(config.has_network()));
    let authorizations = authenticator::authorizations_bytes_max(connections, &config.authenticator);
    let part = |name, bytes, keys| Part { name, bytes, keys };
    let mut parts = vec![
        part("program", PROGRAM_BYTES, ""),
        part("shards", shards * shard, "shards, max_message_bytes"),
        part("clients", connections * client::client_bytes_max(limits), "max_connections, max_header_bytes"),
        part(
            "subscriptions",
            connections * hub::subscriptions_bytes_max(limits),
            "max_connections, max_subscriptions, max_channel_bytes",
        ),
        part("permissions", connections * client::permissions_bytes_max(limits), "max_connections, max_channel_bytes"),
        part("authorizations", authorizations, "max_connections, on_swap"),
        part(
            "request headers",
            connections * client::seen_bytes_max(limits, config.authenticator_sees.len()),
            "max_connections, max_header_bytes, authenticator_sees",
        ),
        part("waiting", limits.max_queued_bytes, "max_queued_bytes"),
        part("revocations", revocation::revocations_bytes_max(), ""),
        part(
            "remembered decisions",
            authenticator::decision_bytes_max(config.remembered_decisions),
            "remembered_decisions",
        ),
    ];
    if config.history.is_on() {
        parts.push(part("history", config.history.bytes_max, "history_bytes"));
    }
    if config.operations_port.number().is_some() {
        parts.push(part(
            "operations",
            operations::bytes_max(limits.max_message_bytes),
            "operations_port, max_message_bytes",
        ));
    }
    if config.http.publish {
        parts.push(part("idempotency keys", client::idempotency_bytes_max(), "http.publish"));
    }
    if config.http.publish || config.http.history {
        parts.push(part("remembered verdicts", client::verdicts_bytes_max(), "http.publish, http.history"));
    }
    let sessions = config.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    if let Some(session) = sessions.map(tls::session_bytes_max).max() {
        // Before its upgrade a client's half records are in no account.
        let requests = limits.max_unauthorized.min(connections) * tls::UNREAD_BYTES_MAX;
        let handshakes = limits.max_handshakes.min(connections) * tls::handshake_bytes_max() + requests;
        parts.push(part("TLS", connections * session + handshakes, "max_connections, max_handshakes"));
    }
    parts.extend(network_parts(config, connections, listed));
    parts
}

fn network_parts(config: &Config, connections: usize, listed: usize) -> Vec<Part> {
    if !config.has_network() {
        return Vec::new();
    }
    let (limits, shards) = (&config.limits, config.shards);
    // Between the network and each shard there is what is between two shards, and what came from other relays.
    let from_links = routing::from_links_bytes_max(shards, limits.max_queued_bytes);
    let of_shards = shards * (hub::exchange_bytes_max(limits) + from_links);
    let encrypts = config.network_encryption != Encryption::Off;
    let (network, interest, keys) = match config.backplane {
        Backplane::Mesh => (
            mesh::network_bytes_max(limits, listed, encrypts),
            mesh::interest_bytes_max(limits, listed),
            "relays, max_message_bytes, network_encryption",
        ),
        Backplane::Nats(_) => (
            nats::network_bytes_max(limits),
            nats::interest_bytes_max(limits),
            "backplane, max_message_bytes, max_channel_bytes",
        ),
    };
    let history = config.history.is_on().then(|| match config.backplane {
        Backplane::Mesh => (mesh::history_bytes_max(limits, listed), "history, relays, max_channel_bytes"),
        Backplane::Nats(_) => (nats::history_bytes_max(limits), "history, max_channel_bytes"),
    });
    let mut parts = vec![
        Part { name: "network", bytes: network + of_shards, keys },
        Part {
            name: "interest of the network",
            bytes: connections * interest,
            keys: "max_connections, max_subscriptions, max_channel_bytes",
        },
    ];
    parts.extend(history.map(|(bytes, keys)| Part { name: "history of the network", bytes, keys }));
    parts
}

/// About what a relay takes with so many `connections` of clients that listen to a few channels, most of which have other
/// listeners too, and that keep up.
pub fn usual(config: &Config, connections: usize) -> usize {
    let is_encrypted = config.listeners.iter().any(|listener| listener.tls.is_some());
    let session = if is_encrypted { tls::SESSION_BYTES } else { 0 };
    USUAL_PROGRAM_BYTES + connections * (client::CLIENT_BYTES + session)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;
    use crate::mesh::{QUEUE_BYTES_MAX, UNLISTED_LINKS_MAX};

    #[test]
    fn every_key_that_is_named_makes_it_less() {
        let directory = tempfile::tempdir().unwrap();
        let config = |more: &str| {
            let file = directory.path().join("settings.yaml");
            std::fs::write(&file, format!("authenticator: A\nshards: 4\n{more}")).unwrap();
            Config::load(Some(&file), &Overrides::default()).unwrap().0
        };
        let sum = |connections: usize, more: &str| {
            let config = config(more);
            ceiling(&config, connections, config.relays.len()).iter().map(|part| part.bytes).sum::<usize>()
        };
        let default = sum(1000, "");
        for (connections, less) in [
            (999, ""),
            (1000, "limits: {max_message_bytes: 512 KiB}"),
            (1000, "limits: {max_header_bytes: 4 KiB}"),
            (1000, "limits: {max_subscriptions: 255}"),
            (1000, "limits: {max_channel_bytes: 254}"),
            (1000, "limits: {max_queued_bytes: 255 MiB}"),
            (1000, "http: {publish: false}"),
        ] {
            assert!(sum(connections, less) < default, "{connections} {less}");
        }
        let history = |more: &str| sum(1000, &format!("history: [{{channels: [a], size: 1, ttl: 1s}}]{more}"));
        assert_eq!(history(""), default + (64 << 20));
        assert_eq!(history("\nhistory_bytes: 1 MiB"), default + (1 << 20));
        for network in ["\nrelays: [a, b]", "\nbackplane: nats\nnats: {servers: [nats://a]}"] {
            // What waits behind holes, and of links what waits for each.
            let links = if network.contains("nats") { 0 } else { (2 + UNLISTED_LINKS_MAX) * QUEUE_BYTES_MAX };
            let more = history(network) - sum(1000, network) - (64 << 20);
            assert!(more > links + (16 << 20), "{network} {more}");
            let shorter = format!("{network}\nlimits: {{max_channel_bytes: 254}}");
            assert!(history(&shorter) - sum(1000, &shorter) < more + (64 << 20), "{network}");
        }
        assert!(sum(1000, "on_swap: reauthorize") > default);
        let seen = sum(1000, "authenticator_sees: [cookie, x-a]");
        assert!(
            seen > sum(1000, "authenticator_sees: [cookie]") && sum(1000, "authenticator_sees: [cookie]") > default
        );
        let tls = |more: &str| sum(1000, &format!("client_tls: {{certificate: a, key: b{more}}}"));
        assert!(tls("") > default && tls(", client_ca: c") > tls(""));
        let few = "limits: {max_handshakes: 10}\nclient_tls: {certificate: a, key: b}";
        assert!(sum(1000, few) < tls(""));
        let networked = sum(1000, "relays: [a, b]");
        assert!(networked > default + (2 + UNLISTED_LINKS_MAX) * QUEUE_BYTES_MAX);
        assert!(sum(1000, "relays: [a]") < networked - QUEUE_BYTES_MAX);
        // There is another queue for each link.
        let with_history = sum(1000, "relays: [a, b]\nhistory: [{channels: [a], size: 1, ttl: 1s}]");
        assert!(with_history > networked + (64 << 20) + (2 + UNLISTED_LINKS_MAX) * QUEUE_BYTES_MAX);
        let encrypted = config("client_tls: {certificate: a, key: b}");
        assert!(usual(&config(""), 1000) < usual(&encrypted, 1000) && usual(&encrypted, 1000) < default);
    }
}
