//! TODO

pub mod boot_id;
pub mod end;
pub mod hello;
pub mod key;
pub mod reject;
