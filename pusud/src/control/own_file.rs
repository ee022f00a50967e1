//! A place for a file of this relay's own, where the settings name none: what the service manager keeps for it, else beside
//! the control socket.

use super::place::first_of;
use std::path::PathBuf;

/// The path for a file of this name, in the first folder that can be used. No file is made.
///
/// # Errors
/// There is no such folder: what is in the way of each.
pub fn own_file(name: &str) -> anyhow::Result<PathBuf> {
    if let Some(folder) = first_of("STATE_DIRECTORY") {
        return Ok(folder.join(name));
    }
    beside_the_socket(name)
}

#[cfg(unix)]
fn beside_the_socket(name: &str) -> anyhow::Result<PathBuf> {
    let mut in_the_way = Vec::new();
    for folder in super::place::own() {
        match super::unix::prepare(&folder) {
            Ok(()) => return Ok(folder.path().join(name)),
            Err(error) => in_the_way.push(format!("{error:#}")),
        }
    }
    anyhow::bail!("{}", in_the_way.join("; "))
}

#[cfg(not(unix))]
fn beside_the_socket(_name: &str) -> anyhow::Result<PathBuf> {
    anyhow::bail!("there is no folder for it on this system")
}
