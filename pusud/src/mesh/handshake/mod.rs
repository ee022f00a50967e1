//! TODO

mod boot_id;
mod end;
mod hello;
mod key;
mod reject;

pub use boot_id::BootId;
pub use end::{End, Outcome};
pub use hello::{Handshake, Role, Step, VERSION};
pub use key::Keys;
pub use reject::{Code, Refusal};
