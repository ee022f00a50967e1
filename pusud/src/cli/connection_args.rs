//! Which relay the client commands connect to, and with which authorization.
//!
//! **Invariant:** the authorization is a secret: it is in no message and in no `Debug`.

use anyhow::{Context as _, bail};
use pusud::authenticator::Authorization;
use std::ffi::OsString;
use std::path::PathBuf;
use tokio_tungstenite::tungstenite::http::Uri;

/// The environment variable that holds the authorization.
const AUTHORIZATION_VARIABLE: &str = "PUSU_AUTHORIZATION";

#[derive(clap::Args)]
pub(super) struct ConnectionArgs {
    /// The relay, as ws://HOST:PORT
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:55000")]
    pub(super) url: String,
    /// What to authorize with, as the relay's authenticator expects it: a password, a token
    ///
    /// Other users of this machine can see the arguments of a command. Where that matters, use --authorization-file or
    /// the environment variable PUSU_AUTHORIZATION, which counts when neither flag is given. Without any of the three
    /// the authorization is empty.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "authorization_file")]
    authorization: Option<String>,
    /// A file with the authorization; one line end at its end does not count
    #[arg(long, value_name = "FILE")]
    authorization_file: Option<PathBuf>,
}

/// A relay, and what to authorize with.
pub(super) struct Target {
    pub(super) url: Uri,
    /// The URL as it was given, for messages.
    pub(super) name: String,
    pub(super) authorization: Authorization,
}

impl ConnectionArgs {
    /// Checks the URL and fetches the authorization.
    ///
    /// # Errors
    /// When the URL is none that can be connected to, or the authorization cannot be read.
    pub(super) fn target(self) -> anyhow::Result<Target> {
        let url = relay_url(&self.url)?;
        let name = self.url.clone();
        Ok(Target { url, name, authorization: self.authorization(std::env::var_os(AUTHORIZATION_VARIABLE))? })
    }

    fn authorization(self, variable: Option<OsString>) -> anyhow::Result<Authorization> {
        if let Some(text) = self.authorization {
            return Ok(Authorization::new(text));
        }
        if let Some(file) = &self.authorization_file {
            let shown = file.display();
            let mut bytes =
                std::fs::read(file).with_context(|| format!("cannot read the authorization from {shown}"))?;
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
                bytes.pop_if(|byte| *byte == b'\r');
            }
            if std::str::from_utf8(&bytes).is_err() {
                bail!("{shown}: expected an authorization in UTF-8, found other bytes");
            }
            return Ok(Authorization::new(bytes));
        }
        match variable.unwrap_or_default().into_string() {
            Ok(text) => Ok(Authorization::new(text)),
            Err(_) => bail!("{AUTHORIZATION_VARIABLE}: expected UTF-8, found other bytes"),
        }
    }
}

fn relay_url(text: &str) -> anyhow::Result<Uri> {
    let url: Option<Uri> = text.parse().ok();
    match url.as_ref().and_then(Uri::scheme_str) {
        Some("ws") => {}
        Some("wss") => bail!(
            "--url {text}: wss:// (TLS) is not supported yet: connect with ws:// to the relay itself, or through a local \
             TLS tunnel such as stunnel"
        ),
        _ => bail!("--url: expected ws://HOST:PORT such as ws://127.0.0.1:55000, found {text:?}"),
    }
    url.with_context(|| format!("--url: {text:?} is no URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(authorization: Option<&str>, file: Option<PathBuf>) -> ConnectionArgs {
        let authorization = authorization.map(str::to_owned);
        ConnectionArgs { url: String::new(), authorization, authorization_file: file }
    }

    #[test]
    fn the_flags_go_before_the_environment() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let variable = || Some(OsString::from("variable"));
        let from_file = |content: &[u8]| {
            std::fs::write(file.path(), content).unwrap();
            args(None, Some(file.path().to_owned())).authorization(variable())
        };
        assert_eq!(args(Some("flag"), None).authorization(variable()).unwrap().expose(), b"flag");
        assert_eq!(args(None, None).authorization(variable()).unwrap().expose(), b"variable");
        assert_eq!(args(None, None).authorization(None).unwrap().expose(), b"");
        for (content, expected) in
            [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("a\r", "a\r"), ("", "")]
        {
            assert_eq!(from_file(content.as_bytes()).unwrap().expose(), expected.as_bytes(), "{content:?}");
        }
        let error = from_file(b"\xff").unwrap_err().to_string();
        assert!(error.contains("expected an authorization in UTF-8"), "{error}");
        let error = args(None, Some("/nowhere".into())).authorization(None).unwrap_err().to_string();
        assert!(error.contains("cannot read the authorization from /nowhere"), "{error}");
    }

    #[test]
    fn only_plain_websocket_urls_are_taken() {
        for good in ["ws://127.0.0.1:55000", "ws://relay.example.com", "ws://[::1]:1/path"] {
            assert!(relay_url(good).is_ok(), "{good}");
        }
        for (bad, expected) in [
            ("wss://relay.example.com", "not supported yet"),
            ("http://a", "expected ws://HOST:PORT"),
            ("localhost:55000", "expected ws://HOST:PORT"),
            ("", "expected ws://HOST:PORT"),
        ] {
            let error = relay_url(bad).unwrap_err().to_string();
            assert!(error.contains(expected), "{bad:?} gave: {error}");
        }
    }
}
