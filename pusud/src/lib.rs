//! The relay server of PuSu Engine, as a library: the binary `pusud` is arguments, logging and an exit code around it.

pub mod authenticator;
pub mod config;
pub mod limits;
pub mod permission;
pub mod relay;
pub mod shutdown;
