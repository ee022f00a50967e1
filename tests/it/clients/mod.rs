//! One client and the relay: who is let in, which bytes and messages are understood, what each is answered, and how the
//! connection ends.

mod close;
mod conformance;
mod door;
#[cfg(target_os = "linux")]
mod frame_floods;
mod frames;
mod handshake;
mod keepalive;
mod limits;
mod messages;
mod origins;
mod permissions;
mod protocol;
mod published;
mod subscriptions;
