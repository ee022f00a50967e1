//! Metrics of clients, and of messages on their way.

use super::names;
use super::writer::Writer;
use crate::control::Status;
use crate::protocol::Disconnect;
use crate::routing::{States, Transports};
use std::collections::BTreeMap;

pub(super) fn write(writer: &mut Writer, status: &Status) {
    connections(writer, status);
    disconnects(writer, status);
    let mut refusals = writer.family(&names::REFUSALS);
    for (limit, count) in &status.refusals {
        refusals.count(&[("limit", limit)], *count);
    }
    writer.family(&names::CHANNELS).count(&[], status.channels as u64);
    writer.family(&names::SUBSCRIPTIONS).count(&[], status.subscriptions as u64);
    messages(writer, status);
    memory(writer, status);
}

fn connections(writer: &mut Writer, status: &Status) {
    let connections = &status.connections;
    let Transports { ws, wss, sse, sses, http, https, other } = connections.by_transport;
    let by_transport =
        [("ws", ws), ("wss", wss), ("sse", sse), ("sses", sses), ("http", http), ("https", https), ("other", other)];
    let mut family = writer.family(&names::CONNECTIONS);
    for (transport, count) in by_transport {
        family.count(&[("transport", transport)], count as u64);
    }
    let States { open, blocked, closing } = connections.by_state;
    let mut family = writer.family(&names::CONNECTION_STATES);
    for (state, count) in [("open", open), ("blocked", blocked), ("closing", closing)] {
        family.count(&[("state", state)], count as u64);
    }
    writer.family(&names::ACCEPTED).count(&[], connections.accepted);
    writer.family(&names::UNAUTHORIZED).count(&[], connections.unauthorized as u64);
    writer.family(&names::HANDSHAKES).count(&[], connections.handshakes as u64);
    let mut family = writer.family(&names::LISTENER_CONNECTIONS);
    for listener in &status.listeners {
        family.count(&[("listener", &listener.name)], listener.connections as u64);
    }
}

/// Those too that have not happened: nobody sees a series rise that begins with its first one.
fn disconnects(writer: &mut Writer, status: &Status) {
    let none = Disconnect::ALL.map(|disconnect| ((disconnect.code(), disconnect.reason()), 0));
    let mut all = BTreeMap::from(none);
    all.extend(status.disconnects.iter().map(|one| ((one.code, one.reason.as_str()), one.count)));
    let mut family = writer.family(&names::DISCONNECTS);
    for ((code, reason), count) in all {
        family.count(&[("code", &code.to_string()), ("reason", reason)], count);
    }
}

fn messages(writer: &mut Writer, status: &Status) {
    let messages = &status.messages;
    writer.family(&names::PUBLISHED).count(&[], messages.published);
    writer.family(&names::PUBLISHED_BYTES).count(&[], messages.published_bytes);
    writer.family(&names::DELIVERED).count(&[], messages.delivered);
    writer.family(&names::DELIVERED_BYTES).count(&[], messages.delivered_bytes);
    writer.family(&names::DROPPED).count(&[], messages.dropped);
    writer.family(&names::DROPPED_BYTES).count(&[], messages.dropped_bytes);
    writer.one_histogram(&names::FAN_OUT, &status.times.fan_out);
    writer.one_histogram(&names::FLUSHED, &status.times.accepted_to_flushed);
    writer.one_histogram(&names::SETTLE, &status.times.settle);
}

fn memory(writer: &mut Writer, status: &Status) {
    let memory = &status.memory;
    writer.family(&names::QUEUED_BYTES).count(&[], memory.queued_bytes as u64);
    writer.family(&names::QUEUED_MAX).count(&[], memory.queued_bytes_max as u64);
    writer.family(&names::OUTBOX_BYTES).count(&[], memory.outbox_bytes as u64);
    writer.family(&names::CEILING).count(&[], memory.ceiling_bytes as u64);
}
