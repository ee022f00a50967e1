//! The names of all metrics of the relay, their labels and their meaning: what is written, what the page about them says
//! (docs/operating/metrics.md) and what dashboards and alerts may ask for.
//!
//! **Invariant:** each label is bounded by the settings, by the protocol or by a table of the program. None is a channel, a
//! user or an address of a client.

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only rises, until the process begins anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size.
    Histogram,
    /// Is always 1, and says something by its labels.
    Info,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Metric {
    /// Without `_total` and `_info`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The names of its labels; those of a histogram without `le`.
    pub(super) labels: &'static [&'static str],
    /// One sentence.
    pub(super) help: &'static str,
}

macro_rules! metrics {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(super) const $id: Metric =
            Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*
        /// All of them, in the order in which they are written.
        #[cfg(test)]
        pub(super) const ALL: &[Metric] = &[$($id),*];
    };
}

metrics! {
    RELAY = Info "pusud" ["name", "version"] "The relay's name in the settings, and the version of the program.";
    START_TIME = Gauge "pusud_start_timestamp_seconds" [] "When the relay began to serve, in seconds since 1970.";
    READY = Gauge "pusud_ready" [] "1 while new clients may be sent here, as /readyz says: it does not stop, no shard hangs, no certificate of clients has expired, the authenticator decides, and there are the links that ready_needs_relays wants.";
    STOPPING = Gauge "pusud_stopping" [] "1 during a graceful shutdown.";
    SHARD_UP = Gauge "pusud_shard_up" ["shard"] "1 for a thread that has answered within a second; the gauges of others are missing.";
    NETWORK_UP = Gauge "pusud_network_up" [] "1 if the thread of the cluster has answered within a second, or there is none.";
    LOG_LOST = Counter "pusud_log_lost_lines" [] "Lines of the log that were lost because standard error was not read or could not be written.";
    LOG_LEFT_OUT = Counter "pusud_log_left_out_lines" [] "Lines of the log that were left out because too many of their kind came.";
    OPTION_FILE_FAULTS = Gauge "pusud_option_file_faults" [] "Files named by !file whose text does not hold as it is there now.";
    REVOCATIONS = Gauge "pusud_revocations" [] "Revocations that hold.";
    CERTIFICATE_EXPIRY = Gauge "pusud_certificate_expiry_timestamp_seconds" ["listener", "number", "name"] "When a certificate expires, in seconds since 1970; name: the first in it; the operations port is among the listeners.";

    CONNECTIONS = Gauge "pusud_connections" ["transport"] "Connections by what they speak.";
    CONNECTION_STATES = Gauge "pusud_connection_states" ["state"] "Connections by whether their clients take what is sent to them; blocked: not at the moment.";
    ACCEPTED = Counter "pusud_accepted_connections" [] "Connections that were let in.";
    UNAUTHORIZED = Gauge "pusud_connections_unauthorized" [] "Connections that are not authorized yet.";
    HANDSHAKES = Gauge "pusud_connections_in_handshake" [] "Connections in a TLS handshake, which are not among the unauthorized.";
    LISTENER_CONNECTIONS = Gauge "pusud_listener_connections" ["listener"] "Connections by the listener of the settings that they came through.";
    DISCONNECTS = Counter "pusud_disconnects" ["code", "reason"] "Connections that the relay ended, by close code; 4001 are slow consumers.";
    REFUSALS = Counter "pusud_refusals" ["limit"] "What was refused for exceeding a limit, by its key in the settings.";
    CHANNELS = Gauge "pusud_channels" [] "Channels that have a listener on this relay.";
    SUBSCRIPTIONS = Gauge "pusud_subscriptions" [] "Pairs of a listener and a channel.";

    PUBLISHED = Counter "pusud_published_messages" [] "Messages accepted from sources.";
    PUBLISHED_BYTES = Counter "pusud_published_bytes" [] "Contents of messages accepted from sources.";
    DELIVERED = Counter "pusud_delivered_messages" [] "Messages handed to listeners, each counted for each listener.";
    DELIVERED_BYTES = Counter "pusud_delivered_bytes" [] "Messages handed to listeners, as frames of a WebSocket.";
    DROPPED = Counter "pusud_dropped_messages" [] "Messages that were lost with slow consumers.";
    DROPPED_BYTES = Counter "pusud_dropped_bytes" [] "What was lost with slow consumers.";
    FAN_OUT = Histogram "pusud_fan_out_seconds" [] "Offering a batch of messages to all of its listeners; every second batch is measured.";
    FLUSHED = Histogram "pusud_accepted_to_flushed_seconds" [] "From the first message of a batch that was accepted until all were offered to their listeners.";
    SETTLE = Histogram "pusud_settle_seconds" [] "Until the linked relays knew of the first listener of a channel in a shard.";

    QUEUED_BYTES = Gauge "pusud_queued_bytes" [] "What all shards hold for clients to take, or to finish; what waits for several counts once.";
    QUEUED_MAX = Gauge "pusud_queued_max_bytes" [] "Most of that: limits.max_queued_bytes.";
    OUTBOX_BYTES = Gauge "pusud_outbox_bytes" [] "What waits in all outboxes; what waits for several counts for each.";
    CEILING = Gauge "pusud_memory_ceiling_bytes" [] "The most memory that the relay takes in all, without its plugins, computed from its settings.";

    HISTORY_LOGS = Gauge "pusud_history_logs" ["rule"] "Channels with history of which something is remembered.";
    HISTORY_ENTRIES = Gauge "pusud_history_messages" ["rule"] "Messages of them that are kept.";
    HISTORY_BYTES = Gauge "pusud_history_bytes" ["rule"] "What all that takes.";
    HISTORY_MAX = Gauge "pusud_history_max_bytes" [] "The most that it may take: history_bytes.";
    HISTORY_OLDEST = Gauge "pusud_history_oldest_seconds" [] "For how long the oldest message has been kept; 0: there is none.";
    HISTORY_APPENDED = Counter "pusud_history_appended_messages" [] "Messages that were taken in, of whatever relay.";
    HISTORY_EVICTED = Counter "pusud_history_evicted_messages" ["reason"] "Messages that are kept no longer: size (newer ones of their channel have their place), ttl (they were too old), or bytes (before their time, because of history_bytes).";
    HISTORY_FORGOTTEN = Counter "pusud_history_forgotten_channels" [] "Channels that are not remembered any more, since nobody used them.";
    HISTORY_RECOVERIES = Counter "pusud_history_recoveries" ["result"] "Listeners that came back: recovered (sent all that they had missed), or lost (told that something is missing). Those who only read, over HTTP at /history, are not counted.";
    HISTORY_REPLAYED = Counter "pusud_history_replayed_messages" [] "Messages that listeners were sent afterwards.";
    HISTORY_GAPS = Counter "pusud_history_gaps" [] "Gaps that listeners were told of: messages that no relay had any more.";
    HISTORY_FETCHED = Counter "pusud_history_fetched_messages" [] "Messages that were missing, and came from another relay that had them.";
    HISTORY_HOLES = Gauge "pusud_history_holes" [] "Runs of messages that are missing now, and that other relays are asked for.";
    HISTORY_LATE = Counter "pusud_history_late_messages" [] "Messages that came too late or twice, and were dropped.";

    AUTHORIZE = Histogram "pusud_authorize_seconds" [] "How long clients waited for the decision about their authorization.";
    AUTHENTICATORS_READY = Gauge "pusud_authenticators_ready" [] "1 if a question would be taken now.";
    AUTHENTICATOR = Info "pusud_authenticator" ["entry", "id", "version", "shadow"] "The authenticators.";
    AUTHENTICATOR_READY = Gauge "pusud_authenticator_ready" ["entry"] "1 if this one would take a question now.";
    CONDITION = Gauge "pusud_authenticator_condition" ["entry", "state"] "1 for the state that the plugin says it is in: good, degraded or bad.";
    GENERATION = Gauge "pusud_authenticator_generation" ["entry"] "How many of it have decided since it stands in the settings; grows with a reload.";
    QUEUED = Gauge "pusud_authenticator_queued_questions" ["entry"] "Questions that wait for a thread.";
    STUCK = Gauge "pusud_authenticator_stuck_threads" ["entry"] "Threads that hang in the plugin.";
    DECISIONS = Counter "pusud_authenticator_decisions" ["entry", "decision"] "Decisions: granted, refused, abstained or unavailable.";
    DECISION_SECONDS = Histogram "pusud_authenticator_decision_seconds" ["entry"] "How long each decision took.";
    FAILURES = Counter "pusud_authenticator_failures" ["entry", "kind"] "What went wrong: timed_out, turned_away, failed, late or malformed, since it took over.";
    RESTARTS = Counter "pusud_authenticator_restarts" ["entry"] "Instances or processes that were lost and replaced, since it took over.";
    SHADOW = Counter "pusud_shadow_results" ["entry", "result"] "Comparing a shadow with what was decided.";

    LINK_UP = Gauge "pusud_link_up" ["relay"] "1 while the relay is linked.";
    LINK_ENCRYPTED = Gauge "pusud_link_encrypted" ["relay"] "1 while the link is encrypted.";
    LINK_LAGGING = Gauge "pusud_link_lagging" ["relay"] "1 while it acknowledges subscriptions too slowly, and nobody waits for it.";
    LINK_DIFFERS = Gauge "pusud_link_authenticator_differs" ["relay"] "1 while it decides otherwise who may read and write.";
    LINK_HISTORY_DIFFERS = Gauge "pusud_link_history_differs" ["relay"] "1 while it keeps other messages of channels with history.";
    LINK_ROUND_TRIP = Gauge "pusud_link_round_trip_seconds" ["relay"] "The last ping's.";
    LINK_QUEUED = Gauge "pusud_link_queued_bytes" ["relay"] "What waits to be sent to it.";
    LINK_CHANNELS = Gauge "pusud_link_channels" ["relay"] "Channels that it has listeners for.";
    LINK_SENT = Counter "pusud_link_sent_messages" ["relay"] "Messages sent to it.";
    LINK_RECEIVED = Counter "pusud_link_received_messages" ["relay"] "Messages received from it.";
    LINK_LOST = Counter "pusud_link_lost_messages" ["relay", "reason"] "Messages lost: dropped (no room), too_large, lost (the link broke), missed (lost on the way to this relay; over NATS the only one beside too_large).";
    LINK_FAULTS = Counter "pusud_link_faults" ["relay", "kind"] "gaps, duplicates and resyncs, which are mistakes in one of the two programs.";

    LINK_LATE = Counter "pusud_link_late_messages" ["relay"] "Over NATS: messages of it that came after they were counted as missed, and were thrown away.";
    NATS_UP = Gauge "pusud_nats_up" [] "1 while there is a connection to a NATS server.";
    NATS_ENCRYPTED = Gauge "pusud_nats_encrypted" [] "1 while the connection to the server is encrypted.";
    NATS_JOINED = Gauge "pusud_nats_joined" [] "1 while messages go to other relays: those that were known have answered over this connection.";
    NATS_ROUND_TRIP = Gauge "pusud_nats_round_trip_seconds" [] "The last ping's, to the server.";
    NATS_QUEUED = Gauge "pusud_nats_queued_bytes" [] "What waits to be written to the server.";
    NATS_PUBLISHED = Counter "pusud_nats_published_messages" [] "Messages given to the server, or waiting for it.";
    NATS_LOST = Counter "pusud_nats_lost_messages" ["reason"] "Messages that were not given to it: dropped (no room), too_large (max_payload of the server).";
    NATS_GARBAGE = Counter "pusud_nats_garbage_messages" [] "Messages at the subjects of the network that no relay of it has sent.";
    NATS_UNKNOWN = Counter "pusud_nats_unknown_messages" [] "Messages of relays of kinds that only later versions have: they are skipped.";
    NATS_REFUSALS = Counter "pusud_nats_refusals" [] "Commands that a server has refused, as for want of a permission.";
    NATS_UNHEARD = Counter "pusud_nats_unheard_relays" ["reason"] "Times that a relay was heard that is not linked: same_name (as this one), other_cluster (of NATS servers).";
    NATS_DISCONNECTS = Counter "pusud_nats_disconnects" [] "Connections to servers that have ended.";
    NATS_BARRIERS = Counter "pusud_nats_barriers" ["result"] "Questions that subscriptions wait for: passed, or expired (not answered by all within a second).";
    NATS_BARRIER_TIME = Gauge "pusud_nats_last_barrier_seconds" [] "How long the last one took until all had answered.";

    CPU = Counter "process_cpu_seconds" [] "Processor time of user and system.";
    RESIDENT = Gauge "process_resident_memory_bytes" [] "Memory that is in use.";
    VIRTUAL = Gauge "process_virtual_memory_bytes" [] "Memory that is mapped.";
    OPEN_FILES = Gauge "process_open_fds" [] "Open files, of which each connection is one.";
    MAX_FILES = Gauge "process_max_fds" [] "How many files may be open.";
    PROCESS_START = Gauge "process_start_time_seconds" [] "When the process began, in seconds since 1970.";
    THREADS = Gauge "process_threads" [] "Threads.";
}
