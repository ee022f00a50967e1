//! The operators' tokens, as their file has them.
//!
//! **Invariant:** a token is compared in a time that says nothing about it, and no message shows one.

use super::role::Role;
use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Random bytes of a token or of a session's name.
const RANDOM_BYTES: usize = 32;
/// A shorter token could be guessed.
const TOKEN_BYTES_MIN: usize = 16;
/// A longer one is none.
pub(super) const TOKEN_BYTES_MAX: usize = 256;

/// The digest of a secret, which is compared in its place.
pub(super) type SecretDigest = [u8; 32];

/// The digest of a secret.
pub(super) fn digest(secret: &str) -> SecretDigest {
    Sha256::digest(secret.as_bytes()).into()
}

/// A new secret of 256 random bits.
///
/// # Errors
/// The system has no random numbers.
pub(super) fn new_secret() -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES]);
    SysRng.try_fill_bytes(&mut bytes[..]).context("the system has no random numbers")?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..])))
}

/// Both tokens, as digests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tokens {
    read: SecretDigest,
    operate: SecretDigest,
}

impl Tokens {
    /// The text of a file with new ones.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new_file() -> anyhow::Result<Zeroizing<String>> {
        let (read, operate) = (new_secret()?, new_secret()?);
        Ok(Zeroizing::new(format!(
            "# Tokens of operators, for the console and its interface. `read` may look, `operate` may also change.\nread: {}\n\
             operate: {}\n",
            *read, *operate
        )))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// Names the line and what was expected there, and nothing that stands in it.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let (mut read, mut operate) = (None, None);
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (role, token) = line.split_once(':').unwrap_or(("", ""));
            let place = match role.trim_end() {
                "read" => &mut read,
                "operate" => &mut operate,
                _ => bail!("line {number}: expected `read: TOKEN` or `operate: TOKEN` (the line is not shown)"),
            };
            ensure!(place.is_none(), "line {number}: the token of this role stands there twice");
            *place = Some(check(token.trim()).with_context(|| format!("line {number}"))?);
        }
        let missing = |role| move || anyhow::anyhow!("the line `{role}: TOKEN` is missing");
        let tokens = Self {
            read: read.with_context(|| missing("read")().to_string())?,
            operate: operate.with_context(|| missing("operate")().to_string())?,
        };
        ensure!(tokens.read != tokens.operate, "`read` and `operate` have the same token: give each one of its own");
        Ok(tokens)
    }

    /// Whose token this is.
    pub(super) fn role_of(&self, token: &str) -> Option<Role> {
        let given = digest(token);
        let (read, operate) = (given.ct_eq(&self.read), given.ct_eq(&self.operate));
        // Both are compared, whichever it is.
        match (bool::from(read), bool::from(operate)) {
            (_, true) => Some(Role::Operate),
            (true, false) => Some(Role::Read),
            (false, false) => None,
        }
    }

    /// The roles whose tokens are others in `new`.
    pub(super) fn changed(&self, new: &Self) -> Vec<Role> {
        let of = |role, is_changed: bool| is_changed.then_some(role);
        [of(Role::Read, self.read != new.read), of(Role::Operate, self.operate != new.operate)]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn check(token: &str) -> anyhow::Result<SecretDigest> {
    let is_quoted = |quote| token.starts_with(quote) || token.ends_with(quote);
    ensure!(
        !is_quoted('"') && !is_quoted('\''),
        "the token stands in quotes, which would be part of it: write it without"
    );
    ensure!(
        (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()),
        "expected a token of {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} characters without blanks (`openssl rand -hex 32`)"
    );
    Ok(digest(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_were_made_are_read() {
        let text = Tokens::new_file().unwrap();
        let tokens = Tokens::parse(&text).unwrap();
        let token = |role: &str| text.lines().find_map(|line| line.strip_prefix(role)).unwrap().to_owned();
        assert_eq!(tokens.role_of(&token("read: ")), Some(Role::Read));
        assert_eq!(tokens.role_of(&token("operate: ")), Some(Role::Operate));
        assert_eq!((tokens.role_of(""), tokens.role_of("x")), (None, None));
        assert_eq!(token("read: ").len(), 43);
        let others = Tokens::parse(&Tokens::new_file().unwrap()).unwrap();
        assert_eq!(tokens.changed(&others), [Role::Read, Role::Operate]);
        assert!(tokens.changed(&tokens).is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_and_not_shown() {
        let (one, two) = ("hunter2-hunter2-1", "hunter2-hunter2-2");
        for (text, expected) in [
            (String::new(), "`read: TOKEN` is missing"),
            (format!("read: {one}"), "`operate: TOKEN` is missing"),
            (format!("read: {one}\nread: {two}"), "line 2: the token of this role stands there twice"),
            (format!("read: {one}\noperate: {one}"), "the same token"),
            (format!("# a\n\n{one}"), "line 3: expected `read: TOKEN`"),
            ("read: hunter2".to_owned(), "line 1: expected a token of 16 to 256"),
            (format!("read: {one} {two}"), "without blanks"),
            (format!("read: \"{one}\""), "line 1: the token stands in quotes"),
            (format!("read: '{one}'"), "line 1: the token stands in quotes"),
        ] {
            let error = format!("{:#}", Tokens::parse(&text).err().unwrap());
            assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        }
    }
}
