//! The control socket: how `pusud status` and `pusud reload` ask a relay of the same machine, and are answered.
//!
//! One line of JSON each way, and then the relay closes: `{"version":1,"command":"status"}` is answered with
//! `{"version":1,"status":{…}}` or `{"version":1,"error":"…"}`, and the commands `reload` and `reload --new` with
//! `{"version":1,"reloaded":{…}}` or an error. The version changes when a reader of the old one would be wrong about the
//! new. Through it nothing can be changed that SIGHUP does not change.
//! **Invariant:** the socket serves the relay's own user and root alone.

#[cfg(not(unix))]
mod elsewhere;
mod entry;
mod gather;
mod health;
#[cfg(unix)]
mod line;
mod place;
#[cfg(unix)]
mod private_folder;
mod reload;
mod status;
#[cfg(unix)]
mod unix;

pub use entry::{AuthenticatorEntry, Failures};
pub use gather::{DescribedListener, Sources, StatusGatherer};
pub use place::{candidates, neighbours, not_used};
pub use reload::{ReloadRequest, Reloaded, reload_requests};
pub use status::{
    Authenticator, Certificate, Connections, Disconnects, Listener, Messages, PluginMetric, State, Status, Tls,
};

#[cfg(not(unix))]
pub use elsewhere::{ControlSocket, ask, is_live, reload};
#[cfg(unix)]
pub use unix::{ControlSocket, ask, is_live, reload};
