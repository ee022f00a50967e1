//! Credentials: how a relay proves to a NATS server who it is.
//!
//! Files are read anew for each connection, so that new ones count without a restart. **Invariant:** no secret is in an error
//! or in what `Debug` shows, and all copies of this module are wiped.

use super::command::Proof;
use super::nkey::Nkey;
use super::secret_file;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The label of the part of a credentials file that has the JWT.
const JWT_LABEL: &[u8] = b"NATS USER JWT";
/// The label of the part that has the seed.
const SEED_LABEL: &[u8] = b"USER NKEY SEED";

/// A relay's credentials, as the settings have them.
#[derive(Clone, Default)]
pub(crate) enum Credentials {
    /// None: for servers that let everybody in, or that go by certificates.
    #[default]
    None,
    /// `nats.user` and `nats.password`.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// `nats.token`.
    Token(Zeroizing<String>),
    /// `nats.nkey_seed_file`: a file with the seed of an nkey.
    NkeySeedFile(PathBuf),
    /// `nats.credentials_file`: a file with a JWT and the seed of its nkey, as `nsc` makes it.
    JwtFile(PathBuf),
}

/// The reason why credentials cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// A file: the key of the settings, its name, and what is wrong with it.
    #[error("`{key}`: {} {reason}", path.display())]
    File {
        /// The key of the settings.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong; follows on the name of the file.
        reason: String,
    },
    /// There is nothing to sign.
    #[error(
        "`{0}`: the NATS server does not ask for a signature (INFO has no nonce): it has no users with nkeys or JWTs"
    )]
    NoNonce(&'static str),
}

/// What is told the server, beside its own copy of the secrets.
pub(super) enum Answer {
    None,
    Password { user: String, password: Zeroizing<String> },
    Token(Zeroizing<String>),
    Nkey { public: String, signature: String },
    Jwt { jwt: Zeroizing<String>, signature: String },
}

impl Credentials {
    /// The answer to a server that has sent this nonce. Reads files, which nobody else may read where `strict`.
    ///
    /// # Errors
    /// A file cannot be used, or there is no nonce to be signed.
    pub(super) fn answer(&self, nonce: Option<&str>, strict: bool) -> Result<Answer, CredentialsError> {
        Ok(match self {
            Self::None => Answer::None,
            Self::Password { user, password } => {
                Answer::Password { user: user.clone(), password: Zeroizing::new(password.to_string()) }
            }
            Self::Token(token) => Answer::Token(Zeroizing::new(token.to_string())),
            Self::NkeySeedFile(path) => {
                const KEY: &str = "nats.nkey_seed_file";
                let file = secret_file::read(path, strict).map_err(of_file(KEY, path))?;
                let key = seed_of(&file).map_err(str::to_owned).map_err(of_file(KEY, path))?;
                let signature = key.sign(nonce.ok_or(CredentialsError::NoNonce(KEY))?);
                Answer::Nkey { public: key.public().to_owned(), signature }
            }
            Self::JwtFile(path) => {
                const KEY: &str = "nats.credentials_file";
                let file = secret_file::read(path, strict).map_err(of_file(KEY, path))?;
                let (jwt, key) = jwt_and_seed(&file).map_err(of_file(KEY, path))?;
                Answer::Jwt { jwt, signature: key.sign(nonce.ok_or(CredentialsError::NoNonce(KEY))?) }
            }
        })
    }

    /// Reads the files and tells whether they can be used.
    ///
    /// # Errors
    /// As they are told when a server is dialled.
    pub(crate) fn check(&self, strict: bool) -> Result<(), CredentialsError> {
        self.answer(Some(""), strict).map(drop)
    }
}

impl Answer {
    pub(super) fn proof(&self) -> Proof<'_> {
        let none = Proof::default();
        match self {
            Self::None => none,
            Self::Password { user, password } => Proof { user: Some(user), pass: Some(password), ..none },
            Self::Token(token) => Proof { auth_token: Some(token), ..none },
            Self::Nkey { public, signature } => Proof { nkey: Some(public), sig: Some(signature), ..none },
            Self::Jwt { jwt, signature } => Proof { jwt: Some(jwt), sig: Some(signature), ..none },
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Password { user, .. } => write!(f, "Password {{ user: {user:?}, password: [redacted] }}"),
            Self::Token(_) => f.write_str("Token([redacted])"),
            Self::NkeySeedFile(path) => write!(f, "NkeySeedFile({path:?})"),
            Self::JwtFile(path) => write!(f, "CredentialsFile({path:?})"),
        }
    }
}

fn of_file(key: &'static str, path: &Path) -> impl FnOnce(String) -> CredentialsError {
    let path = path.to_owned();
    move |reason| CredentialsError::File { key, path, reason }
}

/// The seed in a file of its own, where comments and empty lines may be before it, or in one with labels.
fn seed_of(file: &[u8]) -> Result<Nkey, &'static str> {
    if let Some(seed) = part(file, SEED_LABEL) {
        return Nkey::from_seed(seed);
    }
    let lines = file.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut seeds = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    match (seeds.next(), seeds.next()) {
        (Some(seed), None) => Nkey::from_seed(seed),
        (None, _) => Err("is empty: expected an nkey seed of a user, which begins with SU"),
        _ => Err("has more than one line: expected an nkey seed of a user alone, which begins with SU"),
    }
}

fn jwt_and_seed(file: &[u8]) -> Result<(Zeroizing<String>, Nkey), String> {
    let missing = |label: &[u8]| {
        let label = String::from_utf8_lossy(label);
        format!("has no `-----BEGIN {label}-----` with a line behind it: `nsc generate creds` makes such a file")
    };
    let jwt = part(file, JWT_LABEL).ok_or_else(|| missing(JWT_LABEL))?;
    let is_jwt = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let text = std::str::from_utf8(jwt).ok().filter(|_| jwt.iter().all(is_jwt));
    let jwt = text.filter(|jwt| jwt.matches('.').count() == 2).ok_or("has no JWT where one is expected")?;
    let seed = part(file, SEED_LABEL).ok_or_else(|| missing(SEED_LABEL))?;
    Ok((Zeroizing::new(jwt.to_owned()), Nkey::from_seed(seed)?))
}

/// The line behind the one that begins a part, which has dashes around `BEGIN` and the label.
fn part<'a>(file: &'a [u8], label: &[u8]) -> Option<&'a [u8]> {
    let mut lines = file.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| {
        let name = line.strip_prefix(b"---").and_then(|line| line.strip_suffix(b"---"));
        let name = name.map(|name| name.trim_ascii()).unwrap_or_default();
        let begin = name.iter().position(|byte| *byte != b'-').unwrap_or(name.len());
        let end = name.iter().rposition(|byte| *byte != b'-').map_or(begin, |at| at + 1);
        name[begin..end].strip_prefix(b"BEGIN ") == Some(label)
    })?;
    lines.find(|line| !line.is_empty()).filter(|line| !line.starts_with(b"-"))
}
