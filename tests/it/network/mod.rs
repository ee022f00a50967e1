//! The network of relays: several daemons that hand messages to each other, and what happens when one of them is slow,
//! dead, a stranger, or back again.

mod accounts;
mod alone;
mod baseline;
mod certificates;
#[cfg(target_os = "linux")]
mod crowds;
mod deciders;
mod dns;
mod encryption;
mod fairness;
mod faults;
#[cfg(target_os = "linux")]
mod files;
mod holding;
mod interest;
mod isolation;
mod itself;
mod kept;
mod keys;
mod kills;
mod messages;
mod names;
#[cfg(unix)]
mod orders;
mod pace;
mod partition;
pub(crate) mod place;
mod rejoin;
#[cfg(unix)]
mod revoke;
#[cfg(unix)]
mod sees;
mod snapshots;
mod status;
mod stopping;
mod strangers;
pub(crate) mod traffic;
