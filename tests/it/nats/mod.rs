//! Relays over servers of NATS: real nats-servers in clusters, and everything that happens to them. The file `kit` is about
//! the clusters themselves, without relays.
//!
//! Tests that are about relays whatever is between them stand elsewhere, mostly in `network`, and run over servers of NATS
//! as well by `make test-nats`; `.config/nextest.toml` names those that cannot, with the reason.

mod access;
mod crowd;
mod deliveries;
mod faults;
mod followers;
mod history;
mod history_permissions;
mod kills;
mod kit;
mod movers;
mod operator;
mod race;
mod rolling;
mod routes;
mod seen;
mod slow;
mod strangers;
