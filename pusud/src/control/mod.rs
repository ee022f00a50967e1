//! The control socket: how `pusud status` asks a relay of the same machine, and is answered.
//!
//! One line of JSON each way, and then the relay closes: `{"version":1,"command":"status"}` is answered with
//! `{"version":1,"status":{…}}` or `{"version":1,"error":"…"}`. The version changes when a reader of the old one would
//! be wrong about the new. It only tells: nothing can be changed through it.
//! **Invariant:** the socket serves the relay's own user and root alone.

#[cfg(not(unix))]
mod elsewhere;
mod gather;
mod health;
#[cfg(unix)]
mod line;
mod place;
#[cfg(unix)]
mod private_folder;
mod status;
#[cfg(unix)]
mod unix;

pub use gather::{Sources, StatusGatherer};
pub use place::{candidates, neighbours, not_used};
pub use status::{Authenticator, Connections, Disconnects, Messages, State, Status};

#[cfg(not(unix))]
pub use elsewhere::{ControlSocket, ask, is_live};
#[cfg(unix)]
pub use unix::{ControlSocket, ask, is_live};
