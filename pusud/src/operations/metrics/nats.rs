//! Metrics of the connection to NATS, of a relay that has that as its backplane.

use super::names;
use super::writer::Writer;
use crate::routing::NatsStatus;

pub(super) fn write(writer: &mut Writer, nats: &NatsStatus) {
    writer.family(&names::NATS_UP).is(&[], nats.server.is_some());
    writer.family(&names::NATS_ENCRYPTED).is(&[], nats.encryption.is_some());
    writer.family(&names::NATS_JOINED).is(&[], nats.joined);
    let mut round_trip = writer.family(&names::NATS_ROUND_TRIP);
    nats.round_trip.iter().for_each(|time| round_trip.series(&[], time.as_secs_f64()));
    writer.one(&names::NATS_QUEUED, nats.queue_bytes as f64);
    writer.family(&names::NATS_PUBLISHED).count(&[], nats.published);
    let mut lost = writer.family(&names::NATS_LOST);
    lost.count(&[("reason", "dropped")], nats.dropped);
    lost.count(&[("reason", "too_large")], nats.too_large);
    writer.family(&names::NATS_GARBAGE).count(&[], nats.garbage);
    writer.family(&names::NATS_UNKNOWN).count(&[], nats.unknown);
    writer.family(&names::NATS_REFUSALS).count(&[], nats.refusals);
    let mut unheard = writer.family(&names::NATS_UNHEARD);
    unheard.count(&[("reason", "same_name")], nats.namesakes);
    unheard.count(&[("reason", "other_cluster")], nats.other_clusters);
    writer.family(&names::NATS_DISCONNECTS).count(&[], nats.disconnects);
    let mut barriers = writer.family(&names::NATS_BARRIERS);
    barriers.count(&[("result", "passed")], nats.barriers_passed);
    barriers.count(&[("result", "expired")], nats.barriers_expired);
    let mut last = writer.family(&names::NATS_BARRIER_TIME);
    nats.barrier_last.iter().for_each(|time| last.series(&[], time.as_secs_f64()));
}
