//! Arguments of the client commands: the relay to connect to, and the authorization.

use super::authorization_args::AuthorizationArgs;
use super::relay_url::RelayUrl;
use super::tls_args::TlsArgs;
use pusud::authenticator::Authorization;
use pusud::tls;

#[derive(clap::Args)]
pub(super) struct ConnectionArgs {
    /// The relay: ws://HOST:PORT, wss://HOST:PORT (TLS), or unix:PATH (a socket of this machine)
    ///
    /// Without a port, ws:// means 80 and wss:// means 443. With wss:// the relay's certificate has to be for the host in
    /// the URL, whether that is a name or an IP address. http://HOST:PORT and https://HOST:PORT mean the same, and --http.
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:55000")]
    pub(super) url: String,
    #[command(flatten)]
    pub(super) tls: TlsArgs,
    #[command(flatten)]
    pub(super) authorization: AuthorizationArgs,
}

/// A relay, and what to authorize with.
pub(super) struct Target {
    pub(super) url: RelayUrl,
    /// What speaks TLS with it, where the URL says so.
    pub(super) tls: Option<tls::Client>,
    pub(super) authorization: Authorization,
}

impl ConnectionArgs {
    /// Checks the URL, reads certificates, and fetches the authorization.
    ///
    /// # Errors
    /// When the URL is none that can be connected to, or a file or the authorization cannot be used.
    pub(super) fn target(self) -> anyhow::Result<Target> {
        let target = Target::new(&self.url, &self.tls)?;
        // Without any, the authorization is empty: many relays let everybody read.
        let authorization = self.authorization.given()?.unwrap_or_else(|| Authorization::new(""));
        Ok(Target { authorization, ..target })
    }
}

impl Target {
    /// A relay, and an empty authorization.
    ///
    /// # Errors
    /// When the URL is none that can be connected to, or a file cannot be used.
    pub(super) fn new(url: &str, tls: &TlsArgs) -> anyhow::Result<Self> {
        let url = RelayUrl::parse(url)?;
        let tls = tls.client(&url)?;
        Ok(Self { url, tls, authorization: Authorization::new("") })
    }
}
