//! Arguments that give a command its authorization.
//!
//! **Invariant:** the authorization is a secret: it is in no message and in no `Debug`.

use anyhow::{Context as _, bail};
use pusud::authenticator::Authorization;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The environment variable that holds the authorization.
const AUTHORIZATION_VARIABLE: &str = "PUSU_AUTHORIZATION";

#[derive(clap::Args)]
pub(super) struct AuthorizationArgs {
    /// What to authorize with, as the relay's authenticator expects it: a password, a token
    ///
    /// Other users of this machine can see the arguments of a command. Where that matters, use --authorization-file or
    /// the environment variable PUSU_AUTHORIZATION, which counts when neither flag is given.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "authorization_file")]
    authorization: Option<String>,
    /// A file with the authorization (`-`: standard input); one line end at its end does not count
    #[arg(long, value_name = "FILE")]
    authorization_file: Option<PathBuf>,
}

impl AuthorizationArgs {
    /// The authorization that was given by a flag or the environment, if any was.
    ///
    /// # Errors
    /// When it cannot be read or is not text.
    pub(super) fn given(self) -> anyhow::Result<Option<Authorization>> {
        self.given_or(std::env::var_os(AUTHORIZATION_VARIABLE))
    }

    /// The authorization that was given, or else the one that is typed at the terminal.
    ///
    /// # Errors
    /// As above; or none was given and nobody is there to ask.
    pub(super) fn given_or_asked(self) -> anyhow::Result<Authorization> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        if !io::stdin().is_terminal() {
            bail!(
                "there is no authorization: give --authorization-file FILE (`-` for standard input), set \
                 {AUTHORIZATION_VARIABLE}, or give --authorization TEXT, which other users of this machine can see"
            );
        }
        let typed = rpassword::prompt_password("Authorization (not shown): ");
        Ok(Authorization::new(typed.context("cannot read the authorization from the terminal")?))
    }

    fn given_or(self, variable: Option<OsString>) -> anyhow::Result<Option<Authorization>> {
        if let Some(text) = self.authorization {
            return Ok(Some(Authorization::new(text)));
        }
        if let Some(file) = &self.authorization_file {
            return read(file).map(Some);
        }
        match variable.map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(Authorization::new(text))),
            Some(Err(_)) => bail!("{AUTHORIZATION_VARIABLE}: expected UTF-8, found other bytes"),
        }
    }
}

/// Some editors write it at the beginning of a file, and nobody sees it there.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn read(file: &Path) -> anyhow::Result<Authorization> {
    secret_text(file, "authorization").map(|mut bytes| Authorization::new(std::mem::take(&mut *bytes)))
}

/// The secret text in a file (`-`: standard input), which messages call `what`.
///
/// # Errors
/// It cannot be read, or is not text.
pub(super) fn secret_text(file: &Path, what: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let shown = file.display();
    let mut bytes = Zeroizing::new(Vec::new());
    if file == Path::new("-") {
        io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read the {what} from standard input"))?;
    } else {
        *bytes = std::fs::read(file).with_context(|| format!("cannot read the {what} from {shown}"))?;
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        bytes.pop_if(|byte| *byte == b'\r');
    }
    if std::str::from_utf8(&bytes).is_err() {
        bail!("{shown}: expected an {what} in UTF-8, found other bytes");
    }
    Ok(bytes)
}

#[cfg(test)]
impl AuthorizationArgs {
    /// As `--authorization` on the command line gives it.
    pub(super) fn for_test(authorization: Option<&str>) -> Self {
        Self { authorization: authorization.map(str::to_owned), authorization_file: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(authorization: Option<&str>, file: Option<PathBuf>) -> AuthorizationArgs {
        AuthorizationArgs { authorization_file: file, ..AuthorizationArgs::for_test(authorization) }
    }

    #[test]
    fn the_flags_go_before_the_environment() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let variable = || Some(OsString::from("variable"));
        let from_file = |content: &[u8]| {
            std::fs::write(file.path(), content).unwrap();
            args(None, Some(file.path().to_owned())).given_or(variable())
        };
        let exposed = |authorization: Option<Authorization>| authorization.unwrap().expose().to_vec();
        assert_eq!(exposed(args(Some("flag"), None).given_or(variable()).unwrap()), b"flag");
        assert_eq!(exposed(args(None, None).given_or(variable()).unwrap()), b"variable");
        assert!(args(None, None).given_or(None).unwrap().is_none());
        for (content, expected) in
            [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("a\r", "a\r"), ("", ""), ("\u{feff}a\n", "a")]
        {
            assert_eq!(exposed(from_file(content.as_bytes()).unwrap()), expected.as_bytes(), "{content:?}");
        }
        let error = from_file(b"\xff").unwrap_err().to_string();
        assert!(error.contains("expected an authorization in UTF-8"), "{error}");
        let error = args(None, Some("/nowhere".into())).given_or(None).unwrap_err().to_string();
        assert!(error.contains("cannot read the authorization from /nowhere"), "{error}");
    }
}
