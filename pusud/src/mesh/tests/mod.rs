//! Tests of the network: its protocol with made-up frames, and whole networks of relays in a simulation.

mod encryption;
mod fuzz;
mod handshake;
mod links;
mod real_sockets;
mod resync;
mod simulation;
mod telling;
