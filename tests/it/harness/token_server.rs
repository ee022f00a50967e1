//! An issuer's server of key sets over TLS, in Python and of its own process.

use super::{Authority, Issued, Running, script, self_signed};
use serde_json::Value;
use std::cell::Cell;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};

/// The server of `tests/clients/token_server.py`; dropping it ends the process.
pub(crate) struct TokenServer {
    process: Running,
    stdin: ChildStdin,
    /// The certificate of the authority that has issued its own.
    pub(crate) ca_file: PathBuf,
    port: u16,
    /// How many lines it has been given.
    said: Cell<u32>,
    _folder: tempfile::TempDir,
}

impl TokenServer {
    /// One that has nothing to serve yet.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("authority of issuers");
        let ca_file = authority.file(folder.path());
        Self::showing(&authority.issue(&["localhost", "127.0.0.1"]), folder, ca_file)
    }

    /// One whose certificate an authority has issued that has the server's name.
    pub(crate) fn of_namesake() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::for_hosts("localhost", &["localhost"]);
        let ca_file = authority.file(folder.path());
        Self::showing(&authority.issue(&["localhost"]), folder, ca_file)
    }

    /// One whose certificate signs itself, and is the one to trust.
    pub(crate) fn self_signed(is_ca: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("certificate.pem");
        Self::showing(&self_signed(&["localhost", "127.0.0.1"], is_ca), folder, ca_file)
    }

    fn showing(issued: &Issued, folder: tempfile::TempDir, ca_file: PathBuf) -> Self {
        issued.files_as(folder.path(), "certificate.pem", "key.pem");
        let mut process = Running::start(script("token_server.py").arg(folder.path()).stdin(Stdio::piped()));
        let port = process.stdout.wait_for("the server", |line| line.strip_prefix("listening on ")?.parse().ok());
        Self { stdin: process.take_stdin(), process, ca_file, port, said: Cell::new(0), _folder: folder }
    }

    /// Where it serves this path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Serves this from now on; `null`: answers nobody.
    pub(crate) fn serve(&self, documents: &Value) {
        self.said.set(self.said.get() + 1);
        writeln!(&self.stdin, "{documents}").unwrap();
        let mark = format!("serving {}", self.said.get());
        self.process.stdout.wait_for("the server to serve it", |line| (line == mark).then_some(()));
    }

    /// The paths that were asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        let lines = self.process.stdout.lines();
        lines.iter().filter_map(|line| line.strip_prefix("asked for ").map(str::to_owned)).collect()
    }
}
