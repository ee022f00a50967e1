//! Relays over servers of NATS: real nats-servers in clusters, and everything that happens to them. The first file is
//! about the kit itself, without relays.

mod kit;
