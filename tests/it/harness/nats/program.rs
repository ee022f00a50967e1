//! The nats-servers that this machine has: the one that Debian ships, and the current release, which comes with the Python
//! packages of the tests.

use crate::harness::{not_run, root, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A nats-server that can be run here.
#[derive(Debug, Clone)]
pub(crate) struct NatsProgram(PathBuf);

/// Debian's has a fault that the current one has not, so that it is the harder one to serve with.
const DEBIAN: &str = "Debian's nats-server";
/// The current release.
const CURRENT: &str = "the current nats-server";

/// Set to a nats-server that is run in the place of Debian's.
const PROGRAM_VARIABLE: &str = "PUSU_TEST_NATS_SERVER";

impl NatsProgram {
    /// Debian's, or whichever else is in the search path.
    pub(crate) fn debian() -> Option<Self> {
        if let Some(program) = std::env::var_os(PROGRAM_VARIABLE) {
            return Some(Self(program.into()));
        }
        // It lies where programs for administrators do, which are not in everybody's search path.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/bin".into()]);
        folders.map(|folder| folder.join("nats-server")).find(|file| file.is_file()).map(Self)
    }

    /// The one in the folder of the Python that `make test` tells, or where `make venv` puts it.
    pub(crate) fn current() -> Option<Self> {
        let python = std::env::var_os("PUSU_TEST_PYTHON").map(PathBuf::from);
        let folder = python.as_deref().and_then(Path::parent).map(Path::to_owned);
        let file = folder.unwrap_or_else(|| root().join("target/venv/bin")).join("nats-server");
        file.is_file().then_some(Self(file))
    }

    /// Debian's, else the current one. Says that the test is not run where there is neither.
    pub(crate) fn any() -> Option<Self> {
        let found = Self::debian().or_else(Self::current);
        if found.is_none() {
            not_run(this_test().as_str(), "there is no nats-server (`make test-tools venv`)");
        }
        found
    }

    /// Where it lies.
    pub(super) fn file(&self) -> &Path {
        &self.0
    }

    /// Asserts that it takes these settings.
    pub(crate) fn check(&self, settings: &Path) {
        let said = run(Command::new(&self.0).arg("-t").arg("--config").arg(settings));
        assert!(said.status.success(), "{}\n{}{}", settings.display(), said.stdout, said.stderr);
    }

    /// What it says that it is: `v2.9.10`.
    pub(crate) fn version(&self) -> String {
        let said = run(Command::new(&self.0).arg("--version")).succeeds();
        said.trim().rsplit(' ').next().expect("it says something").to_owned()
    }
}

/// Does the same with each of the two programs, and says which of them is missing.
pub(crate) fn on_each_program(test: impl Fn(&NatsProgram)) {
    for (name, program) in [(DEBIAN, NatsProgram::debian()), (CURRENT, NatsProgram::current())] {
        match program {
            Some(program) => test(&program),
            None => not_run(&format!("{} with {name}", this_test()), "it is not installed (`make test-tools venv`)"),
        }
    }
}

/// Its thread has its name.
fn this_test() -> String {
    std::thread::current().name().unwrap_or("a test over NATS").to_owned()
}
