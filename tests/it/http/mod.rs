//! HTTP on the clients' port: publishing, events, and health checks, asked for as other programs ask.

#[cfg(unix)]
mod behind_proxies;
#[cfg(unix)]
mod foreign_clients;
#[cfg(unix)]
mod guests;
