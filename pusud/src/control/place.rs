//! Default places of control sockets, where the settings name none, so that a relay and those who ask it find each
//! other.
//!
//! It reads the environment and the user's id, and touches no file but to list those that are there.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder for services of root, and of those that run as a user of their own under systemd.
const SYSTEM_FOLDER: &str = if cfg!(target_os = "linux") { "/run/pusud" } else { "/var/run/pusud" };

/// Where the socket of the relay with this client port is made; `None`: there is no folder for such things.
pub(crate) fn own(port: u16) -> Option<PathBuf> {
    let folder = first_of("RUNTIME_DIRECTORY")
        .or_else(|| is_root().then(|| SYSTEM_FOLDER.into()))
        .or_else(|| first_of("XDG_RUNTIME_DIR"))?;
    Some(folder.join(name(port)))
}

/// Where it may be, whoever runs the relay, the likeliest first.
pub fn candidates(port: u16) -> Vec<PathBuf> {
    let users = first_of("XDG_RUNTIME_DIR").filter(|_| !is_root());
    let folders = [first_of("RUNTIME_DIRECTORY"), users, Some(SYSTEM_FOLDER.into())];
    folders.into_iter().flatten().map(|folder| folder.join(name(port))).collect()
}

/// The other control sockets beside `candidates`.
pub fn neighbours(candidates: &[PathBuf]) -> Vec<PathBuf> {
    let folders = candidates.iter().filter_map(|path| path.parent());
    let entries = folders.filter_map(|folder| folder.read_dir().ok()).flatten();
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| is_named_so(path) && !candidates.contains(path));
    found.sort();
    found
}

fn name(port: u16) -> String {
    format!("pusud-{port}.sock")
}

fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let port = name.and_then(|name| name.strip_prefix("pusud-")?.strip_suffix(".sock"));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// The first folder in a variable of the environment, which may hold several.
fn first_of(variable: &str) -> Option<PathBuf> {
    let value: OsString = env::var_os(variable)?;
    env::split_paths(&value).next().filter(|folder| folder.is_absolute())
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_known_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pusud-1.sock", "pusud-55000.sock", "pusud-x.sock", "other.sock", "pusud-70000.sock"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let asked = [folder.path().join(name(55000)), "/nowhere/pusud-1.sock".into()];
        assert_eq!(neighbours(&asked), [folder.path().join("pusud-1.sock")]);
    }
}
