//! History, through the door.

mod network;
mod visitors;
