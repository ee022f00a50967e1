//! HTTP on the clients' port: publishing with POST, listening to Server-Sent Events, and health checks, asked for by bytes
//! and by programs that people use.

mod authorizations;
#[cfg(unix)]
mod behind_proxies;
mod bodies;
mod connections;
mod cross_origin;
mod events;
mod events_authorized;
mod events_end;
#[cfg(target_os = "linux")]
mod events_gone;
#[cfg(unix)]
mod events_history;
mod events_network;
mod events_refused;
mod events_revoked;
#[cfg(target_os = "linux")]
mod events_slow;
#[cfg(unix)]
mod foreign_clients;
mod forwarded;
#[cfg(unix)]
mod guests;
mod health;
mod history;
mod idempotency;
mod linked_relays;
mod lists;
mod pace;
mod paths;
mod publish;
mod smuggling;
mod source;
mod statuses;
mod stopping;
mod verdicts;
