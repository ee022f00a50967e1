//! The handshake: relays say who they are and make sure of each other. It decides nothing about which connection
//! becomes the link.

mod compatible;
mod end;
mod hello;
mod reject;

pub(crate) use compatible::why_not_encrypted;
pub(crate) use end::{End, Outcome};
pub(crate) use hello::{Handshake, Role, Step, VERSION};
pub(crate) use reject::{Code, Refusal};
