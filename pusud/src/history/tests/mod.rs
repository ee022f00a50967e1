//! Logs and healing of several relays together.

mod simulation;
