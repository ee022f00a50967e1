//! The file with a key set, read again when it changes, so that keys are rotated without a restart.
//!
//! A token is not refused for a key that has been put into the file before the token came: the file is looked at first.

use super::jwk::Readers;
use super::key_set::{KEY_UNKNOWN, KeySet};
use crate::algorithms::Algorithm;
use crate::token::{Fault, Token};
use pusu_plugin_api::file::{self, WatchedFile};
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{CreateError, Host};
use std::path::{Path, PathBuf};

/// The option that names the file.
const OPTION: &str = "jwt_jwks_file";
/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The keys in a file.
pub(crate) struct JwksFile(WatchedFile<KeySet>);

impl JwksFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// It cannot be read, or has no key that can be used.
    pub(crate) fn open(path: PathBuf, algorithms: Vec<Algorithm>, host: &Host) -> Result<Self, CreateError> {
        let (place, log) = (Place::option(OPTION).file(&path), host.clone());
        let read = move |content: &[u8]| parse(&place, content, &algorithms, &log);
        let file = WatchedFile::open(host, OPTION, path, FILE_BYTES_MAX, read)?;
        file.guard(KeySet::has_secrets);
        Ok(Self(file))
    }

    /// What [`Self::open`] would say, without watching anything.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn check(path: &Path, algorithms: &[Algorithm], host: &Host) -> Result<(), CreateError> {
        let place = Place::option(OPTION).file(path);
        let keys = file::read(OPTION, path, FILE_BYTES_MAX, |content| parse(&place, content, algorithms, host))?;
        file::warn_of_others(host, OPTION, path, keys.has_secrets());
        Ok(())
    }

    /// Checks the token's signature with the key that the token names.
    ///
    /// # Errors
    /// It is not good with the keys that are in the file now, or these cannot be known.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Fault> {
        match self.0.current().check_signature(token) {
            Ok(()) => return Ok(()),
            // Whatever the keys are.
            Err(refusal) if token.key_id.is_none() => return Err(refusal.into()),
            Err(_) => {}
        }
        let is_current = self.0.look_now();
        match self.0.current().check_signature(token) {
            Err(KEY_UNKNOWN) if !is_current => {
                Err(Fault::Undecided("the key that the token names (`kid`) may not have been read yet"))
            }
            checked => Ok(checked?),
        }
    }

    /// Looks at the file at once; what is wrong with it.
    pub(crate) fn reload(&self) -> Option<String> {
        self.0.look_now();
        self.fault()
    }

    /// What is wrong with the file now.
    pub(crate) fn fault(&self) -> Option<String> {
        self.0.fault().map(|fault| format!("{}: {fault}", Place::option(OPTION).file(self.0.path())))
    }
}

fn parse(place: &Place, content: &[u8], algorithms: &[Algorithm], log: &Host) -> Result<KeySet, String> {
    let (keys, remarks) = KeySet::parse(content, algorithms, Readers::Operator)?;
    remarks.iter().for_each(|remark| log.warn(format_args!("{place}: {remark}")));
    log.info(format_args!("{place}: {} keys", keys.len()));
    Ok(keys)
}
