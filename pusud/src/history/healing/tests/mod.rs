//! Healing by itself: messages, and peers that lie. The simulation of history has the rest.

mod displaced;
mod lies;
mod peer;
mod wire;
