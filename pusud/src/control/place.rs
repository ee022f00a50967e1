//! Default places of control sockets, where the settings name none, so that a relay and those who ask it find each
//! other.
//!
//! It reads the environment and the user's id, and touches no file but to list those that are there. A relay takes the
//! first folder that it can use; those who ask look into all of them.

#[cfg(unix)]
use super::private_folder;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder for services of root, and of those that run as a user of their own under systemd.
const SYSTEM_FOLDER: &str = if cfg!(target_os = "linux") { "/run/pusud" } else { "/var/run/pusud" };

/// Where a relay may make its socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Folder {
    /// A folder that somebody else has made, for this service or this user.
    Given(PathBuf),
    /// The system's, which root can make.
    System(PathBuf),
    /// This user's own below /tmp.
    Private(PathBuf),
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Given(path) | Self::System(path) | Self::Private(path) => path,
        }
    }
}

/// The folders for the socket of a relay of this user, the likeliest first. With `RUNTIME_DIRECTORY` there is no other.
pub(super) fn own() -> Vec<Folder> {
    match first_of("RUNTIME_DIRECTORY") {
        Some(given) => vec![Folder::Given(given)],
        None => without_a_service(is_root()),
    }
}

fn without_a_service(is_root: bool) -> Vec<Folder> {
    let users = users_folder().filter(|_| !is_root).map(Folder::Given);
    let mut folders: Vec<Folder> = users.into_iter().collect();
    folders.push(Folder::System(SYSTEM_FOLDER.into()));
    #[cfg(unix)]
    folders.push(Folder::Private(private_folder::path()));
    folders
}

/// The socket of the relay with this client port in that folder.
pub(super) fn in_folder(folder: &Path, port: u16) -> PathBuf {
    folder.join(name(port))
}

/// Where it may be, whoever runs the relay, the likeliest first: no folder is among them that another user could have
/// made.
pub fn candidates(port: u16) -> Vec<PathBuf> {
    let given = first_of("RUNTIME_DIRECTORY").map(Folder::Given);
    let folders = given.into_iter().chain(without_a_service(is_root()));
    let believed = folders.filter(|folder| why_not(folder).is_none());
    believed.map(|folder| folder.path().join(name(port))).collect()
}

/// Why a folder for control sockets is not looked into, where one is there: somebody else's, below /tmp.
pub fn not_used() -> Option<String> {
    without_a_service(is_root()).iter().find_map(why_not)
}

#[cfg(unix)]
fn why_not(folder: &Folder) -> Option<String> {
    match folder {
        Folder::Private(path) if path.symlink_metadata().is_ok() => {
            private_folder::check(path).err().map(|error| format!("{error:#}"))
        }
        _ => None,
    }
}

#[cfg(not(unix))]
fn why_not(_folder: &Folder) -> Option<String> {
    None
}

/// The other control sockets beside `candidates`, those of other users among them: to be named, and not to be believed.
pub fn neighbours(candidates: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = candidates.iter().filter_map(|path| Some(path.parent()?.to_owned())).collect();
    #[cfg(unix)]
    folders.extend(private_folder::of_others());
    let entries = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten();
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
pub(super) fn first_of(variable: &str) -> Option<PathBuf> {
    let value: OsString = env::var_os(variable)?;
    env::split_paths(&value).next().filter(|folder| folder.is_absolute())
}

/// The folder for what runs as this user: in the environment of a session, or where such sessions have it.
fn users_folder() -> Option<PathBuf> {
    first_of("XDG_RUNTIME_DIR").or_else(of_a_session)
}

#[cfg(target_os = "linux")]
fn of_a_session() -> Option<PathBuf> {
    let folder = PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
    folder.is_dir().then_some(folder)
}

#[cfg(not(target_os = "linux"))]
fn of_a_session() -> Option<PathBuf> {
    None
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
    fn a_relay_is_looked_for_wherever_it_may_have_made_its_socket() {
        for folder in without_a_service(is_root()) {
            let socket = folder.path().join(name(7));
            assert!(why_not(&folder).is_some() || candidates(7).contains(&socket), "{}", socket.display());
        }
        assert!(
            !without_a_service(true).iter().any(|folder| matches!(folder, Folder::Given(_))),
            "root has no session"
        );
    }

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
