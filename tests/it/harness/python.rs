//! The scripts in `tests/clients`, and a Python that has what they import.

use super::{root, run};
use std::path::PathBuf;
use std::process::Command;

/// A script of `tests/clients`, ready to be given arguments.
pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(root().join("tests/clients").join(name));
    command
}

/// The Python with the packages: told by `make test`, else `make` is asked for it. Tests in other processes may do so at
/// the same time, so it is done behind a lock.
fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("PUSU_TEST_PYTHON") {
        return python.into();
    }
    let python = root().join("target/venv/bin/python");
    let lock = std::fs::File::create(super::build_dir().join("venv.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    run(Command::new("make").arg("--no-print-directory").arg("-C").arg(root()).arg("venv")).succeeds();
    python
}
