//! Arguments of the client commands: the relay to connect to, and the authorization.

use super::authorization_args::AuthorizationArgs;
use anyhow::{Context as _, bail};
use pusud::authenticator::Authorization;
use tokio_tungstenite::tungstenite::http::Uri;

#[derive(clap::Args)]
pub(super) struct ConnectionArgs {
    /// The relay, as ws://HOST:PORT
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:55000")]
    pub(super) url: String,
    #[command(flatten)]
    pub(super) authorization: AuthorizationArgs,
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
        // Without any, the authorization is empty: many relays let everybody read.
        let authorization = self.authorization.given()?.unwrap_or_else(|| Authorization::new(""));
        Ok(Target { url, name, authorization })
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
