//! An issuer's server of key sets over TLS, in Python and of its own process.

use super::{Authority, Running, script};
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
        authority.issue(&["localhost", "127.0.0.1"]).files_as(folder.path(), "certificate.pem", "key.pem");
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
