//! Verification keys, from exactly one of `jwt_verification_key`, `jwt_verification_key_file` and `jwt_jwks_file`.

mod jwks_file;
mod key;
mod key_set;
mod key_text;

use crate::algorithms::{self, secret_bytes_min};
use crate::options::Options;
use crate::token::{Fault, Token};
use jsonwebtoken::Algorithm;
use jwks_file::JwksFile;
use key::{Key, Kind};
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{CreateError, Host};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Largest file with one key, in bytes.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// The keys that signatures are checked with.
pub(crate) enum Keys {
    /// One key, for all tokens, whatever key they name.
    One(Key),
    /// The key that the token names.
    File(JwksFile),
}

impl Keys {
    /// Reads the keys that the options give or name.
    ///
    /// # Errors
    /// None or several of the three options, a file that cannot be read, a key that does not go with the algorithms.
    pub(crate) fn of_options(options: Options, algorithms: Vec<Algorithm>, host: &Host) -> Result<Self, CreateError> {
        match (options.jwt_verification_key, options.jwt_verification_key_file, options.jwt_jwks_file) {
            (Some(text), None, None) => one(&Place::option("jwt_verification_key"), &text, &algorithms, host),
            (None, Some(file), None) => {
                let file = host.resolve(file);
                let place = Place::option("jwt_verification_key_file").file(&file);
                let text = read_key_file(&file).map_err(|what| place.error(what))?;
                one(&place, &text, &algorithms, host)
            }
            (None, None, Some(file)) => JwksFile::open(host.resolve(file), algorithms, host).map(Self::File),
            _ => Err(CreateError::config(
                "expected exactly one of the options `jwt_verification_key` (a secret, or a public key in PEM format), \
                 `jwt_verification_key_file` (a file with one of these) and `jwt_jwks_file` (a file with a JSON Web Key \
                 Set)",
            )),
        }
    }

    /// Checks the token's signature.
    ///
    /// # Errors
    /// It is not good, or there is no key to check it with.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Fault> {
        match self {
            Self::One(key) => Ok(key.check_signature(token)?),
            Self::File(file) => file.check_signature(token),
        }
    }
}

/// The one key, which has to go with every algorithm: one that it does not go with is a mistake, and if that is HMAC
/// and the key a public one, a way in for everybody.
fn one(place: &Place, text: &str, algorithms: &[Algorithm], host: &Host) -> Result<Keys, CreateError> {
    let material = key_text::parse(text).map_err(|what| place.error(what))?;
    let kind = Kind::of(&material).map_err(|what| place.error(what))?;
    if let Some(other) = algorithms.iter().find(|algorithm| !kind.algorithms().contains(algorithm)) {
        let needed = match secret_bytes_min(*other) {
            Some(_) => "a secret of signer and relay, never a public key, with which everybody could sign",
            None => "a public key of its kind in PEM format (-----BEGIN PUBLIC KEY-----)",
        };
        return Err(place.error(format_args!(
            "it is {kind}, which goes with {}; `jwt_signing_algorithms` has {other:?}, which needs {needed}",
            algorithms::names(kind.algorithms())
        )));
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
    Ok(Keys::One(key))
}

/// The text of a file, without the end of its last line and without a byte order mark: editors write them, and nobody
/// means them.
fn read_key_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|open| open.take(KEY_FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    if read.map_err(|error| error.to_string())? as u64 > KEY_FILE_BYTES_MAX {
        return Err(format!("expected a file of at most {KEY_FILE_BYTES_MAX} bytes, found a longer one"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| "expected text, found bytes that are not UTF-8")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Zeroizing::new(text.to_owned()))
}
