//! A relay that speaks TLS, with a certificate that clients of any kind can verify.

use crate::harness::{Authority, Client, DEADLINE, Daemon, PluginsDir, Setup, Stream, trusting};
use rustls::ClientConfig;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The names that its certificate is for: those that clients ask for, and the one of the harness.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "relay.test"];

/// The relay.
pub(super) struct Encrypted {
    daemon: Daemon,
    folder: TempDir,
    authority: PathBuf,
    tls: Arc<ClientConfig>,
}

impl Encrypted {
    /// One on a port that the system chooses, with the scripted authenticator.
    pub(super) fn start() -> Self {
        Self::of(Setup::on_shards(1))
    }

    /// One that lets everybody in.
    pub(super) fn without_authenticator() -> Self {
        Self::of(Setup::on_shards(1).authenticator("None", PluginsDir::empty()))
    }

    fn of(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Edge CA");
        let (certificate, key) = authority.issue(&NAMES).files(folder.path());
        let authority = authority.file(folder.path());
        let listener = format!("{{address: 127.0.0.1, port: 0, tls: {{certificate: {certificate:?}, key: {key:?}}}}}");
        let daemon = setup.settings(&format!("listeners:\n  - {listener}")).start();
        let tls = trusting(&authority);
        Self { daemon, folder, authority, tls }
    }

    /// Its port.
    pub(super) fn port(&self) -> String {
        self.daemon.address().port().to_string()
    }

    /// The certificate of its authority.
    pub(super) fn authority(&self) -> &Path {
        &self.authority
    }

    /// A folder for files of the test.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client of the harness that may read and write everything.
    pub(super) fn client(&self) -> Client {
        let socket = TcpStream::connect_timeout(&self.daemon.address(), DEADLINE).unwrap();
        let mut client = Client::over(Stream::with(socket, Some(self.tls.clone())));
        client.authorize(crate::harness::ALL);
        client
    }

    /// Stops it; nothing may have been refused.
    pub(super) fn has_refused_nothing(self) {
        assert_eq!(self.daemon.refused(), "nothing");
    }
}
