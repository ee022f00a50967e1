//! Metrics of the relay as a whole.

use super::names;
use super::writer::Writer;
use crate::control::{State, Status};

pub(super) fn write(writer: &mut Writer, status: &Status, is_ready: bool) {
    let labels = [("name", status.name.as_str()), ("version", status.version.as_str())];
    writer.family(&names::RELAY).is(&labels, true);
    writer.one(&names::START_TIME, status.since as f64);
    writer.family(&names::READY).is(&[], is_ready);
    writer.family(&names::STOPPING).is(&[], status.state == State::Stopping);
    let mut up = writer.family(&names::SHARD_UP);
    for shard in 0..status.shards {
        up.is(&[("shard", &shard.to_string())], !status.hanging_shards.contains(&shard));
    }
    writer.family(&names::NETWORK_UP).is(&[], !status.network_hangs);
    writer.family(&names::LOG_LOST).count(&[], status.lost_log_lines);
    writer.family(&names::LOG_LEFT_OUT).count(&[], status.left_out_log_lines);
    let faults = status.option_files.iter().filter(|file| file.fault.is_some()).count();
    writer.family(&names::OPTION_FILE_FAULTS).count(&[], faults as u64);
    writer.family(&names::REVOCATIONS).count(&[], status.revocations as u64);
    certificates(writer, status);
}

/// The operations port among listeners.
const OPERATIONS: &str = "operations port";

fn certificates(writer: &mut Writer, status: &Status) {
    let mut expiry = writer.family(&names::CERTIFICATE_EXPIRY);
    let of_clients = status.listeners.iter().map(|listener| (listener.name.as_str(), &listener.tls));
    for (place, tls) in of_clients.chain([(OPERATIONS, &status.operations_tls)]) {
        let certificates = tls.iter().flat_map(|tls| &tls.certificates);
        for (number, certificate) in certificates.enumerate() {
            let name = certificate.names.first().map_or("", String::as_str);
            let labels = [("listener", place), ("number", &number.to_string()), ("name", name)];
            expiry.series(&labels, certificate.not_after as f64);
        }
    }
}
