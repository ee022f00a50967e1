//! A nats-server of a test's own, with settings of its own, on a port that the system chooses.

use super::super::dial_error::DialError;
use super::super::{Connection, Credentials, ServerAddress, ServerSettings, TlsFiles, dial};
use super::PATIENCE;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One that runs until it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) folder: TempDir,
    pub(super) port: u16,
}

impl Server {
    /// Starts one with these settings, or says that there is none and what installs it. `FOLDER` in the settings is its
    /// folder, where `files` are.
    pub(super) fn start(settings: &str, files: &[(&str, &str)]) -> Option<Self> {
        let Some(program) = program("nats-server") else {
            println!("not tested: there is no nats-server (Debian's package nats-server has one)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let shown = folder.path().to_str().unwrap();
        for (name, text) in files {
            write_secret(&folder.path().join(name), text);
        }
        let settings = settings.replace("FOLDER", shown);
        let settings =
            format!("listen: \"127.0.0.1:-1\"\nports_file_dir: {shown:?}\nlogfile: \"{shown}/log\"\n{settings}");
        let file = folder.path().join("settings");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let ports = folder.path().join(format!("nats-server_{}.ports", child.id()));
        let deadline = Instant::now() + PATIENCE;
        let port = loop {
            if let Some(port) = std::fs::read(&ports).ok().and_then(|json| port(&json)) {
                break port;
            }
            let ended = child.try_wait().unwrap();
            let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "nats-server does not start: {ended:?} {}", log());
            std::thread::park_timeout(Duration::from_millis(5));
        };
        Some(Self { child, folder, port })
    }

    /// Its address, with this beginning.
    pub(super) fn address(&self, scheme: &str) -> ServerAddress {
        ServerAddress::parse(&format!("{scheme}://127.0.0.1:{}", self.port)).unwrap()
    }

    pub(super) async fn connect(&self, credentials: Credentials) -> Result<Connection, DialError> {
        dial(&self.address("nats"), &settings(credentials, TlsFiles::default())).await
    }

    /// A file in its folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Tells it something, as `nats-server --signal` does.
    pub(super) fn signal(&self, signal: &str) {
        let pid = self.child.id();
        let told = Command::new("nats-server").args(["--signal", &format!("{signal}={pid}")]).status().unwrap();
        assert!(told.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(super) fn settings(credentials: Credentials, tls: TlsFiles) -> ServerSettings {
    ServerSettings { credentials, tls, strict: true, name: "relay 1".to_owned(), payload_bytes_max: 64 * 1024 }
}

/// A file that only this user may read.
pub(super) fn write_secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// The first address for clients in a file of ports, once it is whole.
fn port(json: &[u8]) -> Option<u16> {
    let ports: serde_json::Value = serde_json::from_slice(json).ok()?;
    let address = ports["nats"].as_array().or(ports["tls"].as_array())?.first()?.as_str()?;
    address.rsplit(':').next()?.parse().ok()
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
