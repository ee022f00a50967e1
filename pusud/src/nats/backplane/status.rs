//! Status of the network over NATS. Only reads and describes.

use super::Backplane;
use crate::nats::roster::{Relay, RelayId};
use crate::routing::{Door, NatsStatus, PeerState, PeerStatus, Status};
use tokio::time::Instant;

impl<D: Door> Backplane<D> {
    /// How the network is now.
    pub(in crate::nats) fn status(&self, now: Instant) -> Status {
        let is_connected = self.server.is_some();
        let relays = self.roster.all().filter(|(_, relay)| relay.about.is_some());
        Status {
            name: self.identity.name.to_string(),
            network: self.identity.network.to_string(),
            boot_id: self.boot.to_string(),
            key: self.keys.is_some(),
            channels: self.interest.len() as u64,
            history_holes: self.history_holes() as u64,
            peers: relays.map(|(id, relay)| self.peer(id, relay, is_connected, now)).collect(),
            nats: Some(self.nats_status(now)),
        }
    }

    fn nats_status(&self, now: Instant) -> NatsStatus {
        let server = self.server.as_ref();
        let info = server.map(|server| &server.info);
        NatsStatus {
            server: server.map(|server| server.way.server.clone()),
            address: server.map(|server| server.way.address.clone()),
            encryption: server.and_then(|server| server.way.encryption.clone()),
            server_name: info.map(|info| info.server_name.clone()),
            server_id: info.map(|info| info.server_id.clone()),
            version: info.map(|info| info.version.clone()),
            cluster: info.map(|info| info.cluster().to_owned()).filter(|cluster| !cluster.is_empty()),
            max_payload: info.map(|info| info.payload_bytes_max() as u64),
            connected_for: server.map(|server| now.saturating_duration_since(server.since)),
            disconnected_for: server.is_none().then(|| now.saturating_duration_since(self.alone_since)),
            round_trip: self.round_trip(now),
            joined: self.has_joined(),
            queue_bytes: self.queue.bytes() as u64,
            published: self.figures.published,
            dropped: self.figures.dropped,
            too_large: self.figures.too_large,
            garbage: self.figures.garbage,
            unknown: self.figures.unknown,
            refusals: self.figures.refusals,
            connection_refusals: server.map_or(0, |server| server.refusals),
            namesakes: self.figures.namesakes,
            other_clusters: self.figures.other_clusters,
            disconnects: self.figures.disconnects,
            barriers_passed: self.barriers.figures.passed,
            barriers_expired: self.barriers.figures.expired,
            barrier_last: self.barriers.figures.last,
            barrier_longest: self.barriers.figures.longest,
            last_error: self.figures.last_error.as_ref().map(|(text, _)| text.clone()),
            last_error_ago: self.figures.last_error.as_ref().map(|(_, at)| now.saturating_duration_since(*at)),
        }
    }

    fn peer(&self, id: RelayId, relay: &Relay, is_connected: bool, now: Instant) -> PeerStatus {
        let about = relay.about.as_ref();
        let is_linked = is_connected && relay.linked.is_some();
        // Whatever it has said before holds no longer.
        let peer = self.peer_of(id).filter(|_| is_linked);
        PeerStatus {
            name: relay.name().map(str::to_owned),
            remote: about.map(|about| about.server.to_string()).filter(|_| is_linked),
            state: match about.is_some_and(|about| about.is_stopping) {
                _ if is_linked => PeerState::Linked,
                true => PeerState::Stopped,
                false => PeerState::Down,
            },
            traffic: relay.traffic,
            linked_for: relay.linked.filter(|_| is_linked).map(|since| now.saturating_duration_since(since)),
            lagging: is_linked && relay.is_lagging,
            authenticator_difference: peer.and_then(|peer| self.peers.difference(peer)).map(str::to_owned),
            history_difference: about
                .filter(|_| is_linked)
                .and_then(|_| self.history_difference(id))
                .map(str::to_owned),
            sees: peer.and_then(|peer| self.peers.seen_by(peer)),
            ..PeerStatus::default()
        }
    }
}
