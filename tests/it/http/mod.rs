//! HTTP on the clients' port: publishing with POST, listening to Server-Sent Events, and health checks, asked for by bytes
//! and by programs that people use.

#[cfg(unix)]
mod behind_proxies;
mod events;
mod events_authorized;
mod events_end;
#[cfg(target_os = "linux")]
mod events_gone;
mod events_network;
mod events_refused;
mod events_revoked;
#[cfg(target_os = "linux")]
mod events_slow;
#[cfg(unix)]
mod foreign_clients;
#[cfg(unix)]
mod guests;
mod source;
