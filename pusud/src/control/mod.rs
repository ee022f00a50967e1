//! The control socket: how `pusud status`, `pusud reload` and the operator's other commands ask a relay of the same machine,
//! and are answered.
//!
//! One line of JSON each way, and then the relay closes: `{"version":1,"command":"status"}` is answered with
//! `{"version":1,"status":{…}}` or `{"version":1,"error":"…"}`, and so are the others (line.rs). The version changes when a
//! reader of the old one would be wrong about the new. Through it the settings cannot be changed beyond what SIGHUP changes.
//! **Invariant:** the socket serves the relay's own user and root alone.

#[cfg(unix)]
mod asking;
#[cfg(not(unix))]
mod elsewhere;
mod entry;
mod explained;
mod figures;
mod gather;
mod health;
mod history;
#[cfg(unix)]
mod line;
mod lists;
mod operator;
mod own_file;
mod pair;
mod place;
#[cfg(unix)]
mod private_folder;
mod problems;
mod recent;
mod reload;
mod session;
mod shard_sums;
mod status;
#[cfg(unix)]
mod tailed;
#[cfg(unix)]
mod unix;
mod unserved;

pub use entry::{AuthenticatorEntry, Failures};
pub use explained::{Explained, decides};
pub use figures::{Histogram, Memory, OpenFiles, Times};
pub use gather::{DescribedListener, DescribedOperations, Sources, StatusGatherer};
pub use history::{History, HistoryRule, Kept, KeptPublication, PUBLICATIONS_SHOWN_MAX};
pub use lists::{ChannelQuery, ClientQuery, EntryNames, Lists};
pub use operator::{AtRelay, Found, Kicked, Operator, Revocation, Revoked};
pub use own_file::own_file;
pub use place::{candidates, neighbours, not_used};
pub use problems::{Level, Problem, View, problems};
pub use recent::{Recent, RecentFailures, RecentHistory, RecentNats};
pub use reload::{ReloadRequest, Reloaded, ask_to_reload, reload_requests};
pub use session::{Tail, TailEnd, Tailed, TailedMessage};
pub use status::{
    Authenticator, Certificate, Connections, Disconnects, Listener, Messages, OptionFile, PluginMetric, State, Status,
    Tls,
};
pub use unserved::Unserved;

#[cfg(unix)]
pub use asking::{
    Tailing, ask, channel, channels, client, clients, decisions, kick, lift, reload, revocations, revoke, tail,
};
#[cfg(not(unix))]
pub use elsewhere::{
    ControlSocket, Tailing, ask, channel, channels, client, clients, decisions, is_live, kick, lift, reload,
    revocations, revoke, tail,
};
#[cfg(unix)]
pub use unix::{ControlSocket, is_live};
