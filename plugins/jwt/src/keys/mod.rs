//! Verification keys, from exactly one of the options that give or name them.

mod jwk;
mod jwks_file;
mod key;
mod key_set;
mod key_text;
mod one_key;

pub(crate) use jwk::Readers;
pub(crate) use key_set::{KEY_UNKNOWN, KeySet};

use crate::algorithms::{self, Algorithm, secret_bytes_min};
use crate::remote::{Fetching, Remote, Source};
use crate::token::{Fault, Token};
use jwks_file::JwksFile;
use one_key::OneKey;
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{Condition, CreateError, Host};
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where the keys are, as the options say it.
pub(crate) enum KeySource {
    Text(Zeroizing<String>),
    KeyFile(PathBuf),
    JwksFile(PathBuf),
    Remote(Source),
}

/// The keys that signatures are checked with.
pub(crate) enum Keys {
    /// One key, for all tokens, whatever key they name.
    One(OneKey),
    /// The key that the token names, in a file.
    File(JwksFile),
    /// The key that the token names, fetched from the issuer.
    Remote(Arc<Remote>),
}

impl KeySource {
    /// Checks that the algorithms go with such a place.
    ///
    /// # Errors
    /// A secret would have to be fetched.
    pub(crate) fn check_algorithms(&self, algorithms: &[Algorithm]) -> Result<(), CreateError> {
        let Self::Remote(source) = self else { return Ok(()) };
        match algorithms.iter().find(|algorithm| secret_bytes_min(**algorithm).is_some()) {
            None => Ok(()),
            Some(secret) => Err(Place::option("jwt_signing_algorithms").error(format_args!(
                "{secret} needs a secret, and `{}` gives public keys, which everybody can fetch; remove {secret}",
                source.option()
            ))),
        }
    }

    /// Reads the keys, or begins to fetch them.
    ///
    /// # Errors
    /// A file that cannot be read, a key that does not go with the algorithms, no thread.
    pub(crate) fn open(self, algorithms: Vec<Algorithm>, host: &Host) -> Result<(Keys, Option<Fetching>), CreateError> {
        Ok(match self {
            Self::Text(text) => (Keys::One(OneKey::of_text(&text, &algorithms, host)?), None),
            Self::KeyFile(path) => (Keys::One(OneKey::of_file(path, algorithms, host)?), None),
            Self::JwksFile(path) => (Keys::File(JwksFile::open(path, algorithms, host)?), None),
            Self::Remote(source) => {
                let (remote, fetching) = Remote::start(source, algorithms, host)?;
                (Keys::Remote(remote), Some(fetching))
            }
        })
    }

    /// What [`Self::open`] would say, without starting anything or asking anybody.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn check(&self, algorithms: &[Algorithm], host: &Host) -> Result<(), CreateError> {
        match self {
            Self::Text(text) => OneKey::of_text(text, algorithms, host).map(drop),
            Self::KeyFile(path) => OneKey::check_file(path, algorithms, host),
            Self::JwksFile(path) => JwksFile::check(path, algorithms, host),
            Self::Remote(source) => {
                source.check(host)?;
                host.info(format_args!(
                    "`{}`: keys for {} would be fetched from {}",
                    source.option(),
                    algorithms::names(algorithms),
                    source.shown()
                ));
                Ok(())
            }
        }
    }
}

impl Keys {
    /// Checks the token's signature.
    ///
    /// # Errors
    /// It is not good, or there is no key to check it with.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Fault> {
        match self {
            Self::One(key) => Ok(key.check_signature(token)?),
            Self::File(file) => file.check_signature(token),
            Self::Remote(remote) => remote.check_signature(token),
        }
    }

    /// Reads files again at once, or has the keys fetched.
    ///
    /// # Errors
    /// A file is broken.
    pub(crate) fn reload(&self) -> Result<(), CreateError> {
        let fault = match self {
            Self::One(key) => key.reload(),
            Self::File(file) => file.reload(),
            Self::Remote(remote) => {
                remote.fetch_soon();
                None
            }
        };
        fault.map_or(Ok(()), |fault| Err(CreateError::failed(fault)))
    }

    /// How the keys are.
    pub(crate) fn condition(&self) -> Condition {
        let fault = match self {
            Self::One(key) => key.fault(),
            Self::File(file) => file.fault(),
            Self::Remote(remote) => return remote.condition(),
        };
        fault.map_or(Condition::Good, |fault| Condition::Degraded(format!("{fault}; what was read before holds")))
    }
}
