//! The file with a key set, read again when it changes, so that keys are rotated without a restart.
//!
//! A token is not refused for a key that has been put into the file before the token came: the file is looked at first.

use super::key_set::{KEY_UNKNOWN, KeySet};
use crate::token::{Fault, Token};
use jsonwebtoken::Algorithm;
use pusu_plugin_api::file::WatchedFile;
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{CreateError, Host};
use std::path::PathBuf;

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
        let parse = move |content: &[u8]| {
            let (keys, left_out) = KeySet::parse(content, &algorithms)?;
            left_out.iter().for_each(|why| log.warn(format_args!("{place}: left out: {why}")));
            log.info(format_args!("{place}: {} keys", keys.len()));
            Ok(keys)
        };
        WatchedFile::open(host, OPTION, path, FILE_BYTES_MAX, parse).map(Self)
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
            Err(KEY_UNKNOWN) if !is_current => Err(Fault::Undecided),
            checked => Ok(checked?),
        }
    }

    /// Looks at the file at once.
    #[cfg(test)]
    pub(crate) fn look_now(&self) -> bool {
        self.0.look_now()
    }
}
