//! Facts that a plugin may ask its host for (`pusu.host/1`): where its library and its folders are, and how long it may
//! take. Here as safe values; library.rs lays them out as the ABI has them.
//!
//! **Invariant:** no folder is made here: a plugin is given one that is there, or none.

use crate::config::{AuthenticatorConfig, Isolation};
use anyhow::{Context, Result, ensure};
use pusu_plugin_abi as abi;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where systemd says which folder it has made for the service (`StateDirectory=`).
const STATE_DIRECTORY: &str = "STATE_DIRECTORY";

/// How long destroying an instance may take before it may be cut off, in either mode. At a reload nobody waits for it; a
/// stop of the relay does, and has to come to an end well before service managers lose patience (10 s in Docker).
pub(super) const DESTROY_TIME: Duration = Duration::from_secs(5);

/// The facts, the same for the whole life of an instance. Paths are bytes as the system has them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    /// `abi::ISOLATION_*`.
    pub(super) isolation: u32,
    /// The relay's name.
    pub(super) relay: String,
    /// Where relative paths in the options start; empty: there is no settings file.
    pub(super) settings_dir: Vec<u8>,
    /// The folder for the plugin's own files; empty: the operator has given none.
    pub(super) state_dir: Vec<u8>,
    /// Where the library lies.
    pub(super) library: Vec<u8>,
    /// How long `create` and `destroy` may take, in milliseconds; 0: as long as they do.
    pub(super) create_timeout_ms: u64,
    pub(super) destroy_timeout_ms: u64,
    /// Where the authenticator stands in the settings.
    pub(super) entry: EntryFacts,
}

/// The facts of an entry of the settings (`pusu.entry/1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryFacts {
    /// Among those that decide, from 0.
    pub(super) index: u32,
    /// How many decide.
    pub(super) count: u32,
    /// How long one call may take, in milliseconds; 0: not known.
    pub(super) authorize_timeout_ms: u64,
}

impl Default for EntryFacts {
    fn default() -> Self {
        Self { index: 0, count: 1, authorize_timeout_ms: 0 }
    }
}

impl Facts {
    /// What an instance is told that `config` asks for, of the library at `library`, and whose calls may take
    /// `call_timeout`.
    ///
    /// # Errors
    /// The library has no absolute path.
    pub(super) fn of(
        config: &AuthenticatorConfig,
        library: &Path,
        state_dir: Option<&Path>,
        call_timeout: Duration,
    ) -> Result<Self> {
        let isolation = match config.isolation {
            Isolation::Thread => abi::ISOLATION_THREAD,
            Isolation::Process => abi::ISOLATION_PROCESS,
        };
        Ok(Self {
            isolation,
            relay: config.relay_name.clone(),
            settings_dir: config.settings_dir.as_deref().map_or(Vec::new(), bytes),
            state_dir: state_dir.map_or(Vec::new(), bytes),
            library: bytes(&std::path::absolute(library).context("has no absolute path")?),
            create_timeout_ms: milliseconds(config.create_timeout),
            destroy_timeout_ms: milliseconds(DESTROY_TIME),
            entry: EntryFacts {
                index: config.entry.index,
                count: config.entry.count.max(1),
                authorize_timeout_ms: milliseconds(call_timeout),
            },
        })
    }

    /// What is told of a library that is tried out without settings, with calls that may take `call_timeout`.
    pub(super) fn on_trial(library: &Path, in_process: bool, call_timeout: Duration) -> Self {
        let library = std::path::absolute(library).map_or_else(|_| bytes(library), |library| bytes(&library));
        let isolation = if in_process { abi::ISOLATION_PROCESS } else { abi::ISOLATION_THREAD };
        let entry = EntryFacts { authorize_timeout_ms: milliseconds(call_timeout), ..EntryFacts::default() };
        Self { isolation, library, entry, ..Self::default() }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn bytes(path: &Path) -> Vec<u8> {
    let path: &OsStr = path.as_os_str();
    path.as_encoded_bytes().to_vec()
}

/// The folder for a plugin's files: the one that the settings name, or the one that systemd has made. Where the id stands
/// twice in a list, it is the folder below that, with the entry's name.
///
/// # Errors
/// The settings name one that is not there or that this user may not write.
pub(super) fn state_dir(config: &AuthenticatorConfig) -> Result<Option<PathBuf>> {
    let within = |folder: &Path| match config.entry.shares_id {
        true => folder.join(config.name()),
        false => folder.to_owned(),
    };
    if let Some(folder) = config.data_dir.as_deref().map(within) {
        usable(&folder).with_context(|| format!("`plugin_data_dir` in the settings: {}", folder.display()))?;
        return Ok(Some(folder));
    }
    let given = env::var_os(STATE_DIRECTORY).unwrap_or_default();
    let first = env::split_paths(&given).next().filter(|folder| folder.is_absolute());
    let Some(folder) = first.as_deref().map(within) else { return Ok(None) };
    match usable(&folder) {
        Ok(()) => Ok(Some(folder)),
        Err(error) => {
            tracing::warn!("no folder for files of the plugin: {STATE_DIRECTORY} says {}: {error:#}", folder.display());
            Ok(None)
        }
    }
}

fn usable(folder: &Path) -> Result<()> {
    let metadata = std::fs::metadata(folder)
        .context("cannot be looked at; make the folder for the daemon's user (`install -d -m 700 -o USER FOLDER`)")?;
    ensure!(metadata.is_dir(), "is no folder");
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access};
        access(folder, Access::WRITE_OK | Access::EXEC_OK)
            .context("the daemon's user may not write there; give it the folder (`chown`)")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_named_has_to_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = crate::config::AuthenticatorConfig::for_tests("A", dir.path());
        let mut at = |path: &Path, shares_id: bool| {
            config.data_dir = Some(path.to_owned());
            config.entry.shares_id = shares_id;
            config.entry.name = "second".into();
            state_dir(&config).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(at(dir.path(), false).unwrap().as_deref(), Some(dir.path()));
        let missing = at(&dir.path().join("missing"), false).unwrap_err();
        assert!(missing.contains("`plugin_data_dir`") && missing.contains("make the folder"), "{missing}");
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert!(at(&dir.path().join("file"), false).unwrap_err().contains("is no folder"));
        assert!(!dir.path().join("missing").exists(), "no folder is made");
        // Two of one id have a folder each.
        assert!(at(dir.path(), true).unwrap_err().contains("second"));
        std::fs::create_dir(dir.path().join("second")).unwrap();
        assert_eq!(at(dir.path(), true).unwrap(), Some(dir.path().join("second")));
    }
}
