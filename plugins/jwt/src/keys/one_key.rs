//! The one key of `jwt_verification_key` or `jwt_verification_key_file`, for all tokens, whatever key they name.

use super::key::{Key, Kind, Material};
use super::key_text;
use crate::algorithms::{self, Algorithm, secret_bytes_min};
use crate::token::{Refusal, Token};
use pusu_plugin_api::file::{self, WatchedFile};
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{CreateError, Host};
use std::path::PathBuf;

/// The option that names the file.
const OPTION: &str = "jwt_verification_key_file";
/// Largest file with one key, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// One key.
pub(crate) enum OneKey {
    /// It stands in the settings.
    Fixed(Key),
    /// It stands in a file, which may change.
    File(WatchedFile<Key>),
}

impl OneKey {
    /// The key in the settings.
    ///
    /// # Errors
    /// It is none, or does not go with the algorithms.
    pub(crate) fn of_text(text: &str, algorithms: &[Algorithm], host: &Host) -> Result<Self, CreateError> {
        let place = Place::option("jwt_verification_key");
        parse(&place, text, algorithms, host).map(Self::Fixed).map_err(|what| place.error(what))
    }

    /// The key in a file.
    ///
    /// # Errors
    /// It cannot be read, and as [`Self::of_text`].
    pub(crate) fn of_file(path: PathBuf, algorithms: Vec<Algorithm>, host: &Host) -> Result<Self, CreateError> {
        let (place, log) = (Place::option(OPTION).file(&path), host.clone());
        let read = move |content: &[u8]| parse(&place, file::line(content)?, &algorithms, &log);
        let file = WatchedFile::open(host, OPTION, path, FILE_BYTES_MAX, read)?;
        file.guard(Key::is_secret);
        Ok(Self::File(file))
    }

    /// What [`Self::of_file`] would say, without watching anything.
    ///
    /// # Errors
    /// As [`Self::of_file`].
    pub(crate) fn check_file(path: &PathBuf, algorithms: &[Algorithm], host: &Host) -> Result<(), CreateError> {
        let place = Place::option(OPTION).file(path);
        let key =
            file::read(OPTION, path, FILE_BYTES_MAX, |content| parse(&place, file::line(content)?, algorithms, host))?;
        file::warn_of_others(host, OPTION, path, key.is_secret());
        Ok(())
    }

    /// Checks the token's signature.
    ///
    /// # Errors
    /// It is not good, also with what is in the file now.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Refusal> {
        match self {
            Self::Fixed(key) => key.check_signature(token),
            Self::File(file) => file.current().check_signature(token).or_else(|refusal| {
                // The key may have been changed a moment ago.
                if file.look_now() { file.current().check_signature(token) } else { Err(refusal) }
            }),
        }
    }

    /// Looks at the file at once; what is wrong with it.
    pub(crate) fn reload(&self) -> Option<String> {
        if let Self::File(file) = self {
            file.look_now();
        }
        self.fault()
    }

    /// What is wrong with the file now.
    pub(crate) fn fault(&self) -> Option<String> {
        let Self::File(file) = self else { return None };
        file.fault().map(|fault| format!("{}: {fault}", Place::option(OPTION).file(file.path())))
    }
}

/// Reads a key, which has to go with every algorithm: one that it does not go with is a mistake, and if that is HMAC and the
/// key a public one, a way in for everybody.
fn parse(place: &Place, text: &str, algorithms: &[Algorithm], host: &Host) -> Result<Key, String> {
    let (material, kind) = Material::of(key_text::parse(text)?)?;
    if let Some(other) = algorithms.iter().find(|algorithm| !kind.algorithms().contains(algorithm)) {
        let needed = match secret_bytes_min(*other) {
            Some(_) => "a secret of signer and relay, never a public key, with which everybody could sign",
            None => "a public key of its kind in PEM format (-----BEGIN PUBLIC KEY-----)",
        };
        return Err(format!(
            "it is {kind}, which goes with {}; `jwt_signing_algorithms` has {other}, which needs {needed}",
            algorithms::names(kind.algorithms())
        ));
    }
    let key = Key::new(material, kind, algorithms);
    if let (Kind::Secret(length), Some(min)) = (kind, algorithms.iter().copied().filter_map(secret_bytes_min).max())
        && length < min
    {
        host.warn(format_args!(
            "{place}: the secret is {length} bytes long; with {} it should have at least {min} (RFC 7518, section 3.2): \
             whoever has one token can try out short ones. `openssl rand -base64 {min}` makes a good one",
            algorithms::names(algorithms)
        ));
    }
    Ok(key)
}
