//! The connection to a NATS server, against real ones.
