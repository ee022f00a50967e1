//! Tests of the authenticator share this: a C compiler, a folder of plugins, and questions.
//!
//! The plugins are made of `tests/fixtures/bad_plugin.c`, which says what its switches and commands do, or of
//! `grants_plugin.c` beside it.

mod calls;
mod deafness;
#[cfg(unix)]
mod isolation;
mod lifetime;
mod metrics;
mod pool;
mod restarts;
mod start;
mod swap;

use super::*;
use crate::config::Isolation;
use crate::protocol::{Access, Permission};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Longer than anything here takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Makes two tests of each named function, which takes an [`Isolation`]: both modes have to keep the same promises.
macro_rules! in_both_modes {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::config::Isolation;

            #[tokio::test]
            async fn in_a_thread() {
                super::$name(Isolation::Thread).await;
            }

            #[tokio::test]
            #[cfg(unix)]
            async fn in_a_process() {
                super::$name(Isolation::Process).await;
            }
        }
    )+};
}
use in_both_modes;

/// Not a test: what `isolation: process` starts in place of the daemon's binary, with a socket as standard input.
#[test]
#[cfg(unix)]
fn the_process_of_a_plugin() {
    use rustix::net::{SocketType, sockopt::socket_type};
    if socket_type(std::io::stdin()).is_ok_and(|kind| kind == SocketType::STREAM) {
        super::isolation::serve().unwrap();
    }
}

/// A plugins directory that lives as long as the test.
pub(super) struct Plugins(tempfile::TempDir, Isolation);

impl Plugins {
    pub(super) fn new(isolation: Isolation) -> Self {
        Self(tempfile::tempdir().unwrap(), isolation)
    }

    /// A directory with one plugin, compiled with these switches.
    pub(super) fn with(isolation: Isolation, switches: &[&str]) -> Self {
        let plugins = Self::new(isolation);
        plugins.compile("bad.so", switches);
        plugins
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Compiles the fixture, and puts it in place in one step.
    pub(super) fn compile(&self, file: &str, switches: &[&str]) -> PathBuf {
        self.compile_from("bad_plugin.c", file, switches)
    }

    /// Compiles a fixture, and puts it in place in one step.
    pub(super) fn compile_from(&self, source: &str, file: &str, switches: &[&str]) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let (out, fresh) = (self.0.path().join(file), self.0.path().join(format!("{file}.new")));
        let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
            .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-pthread"])
            .args(["-Wno-unused-function", "-Wno-unused-const-variable"])
            .args(switches)
            .arg("-I")
            .arg(root.join("pusu-plugin-api/include"))
            .arg("-o")
            .arg(&fresh)
            .arg(root.join("tests/fixtures").join(source))
            .output()
            .expect("the tests need a C compiler (`cc`, or what CC names)");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        std::fs::rename(&fresh, &out).unwrap();
        out
    }

    pub(super) fn config(&self) -> AuthenticatorConfig {
        AuthenticatorConfig { isolation: self.1, ..AuthenticatorConfig::for_tests("BadPlugin", self.0.path()) }
    }

    pub(super) fn start(&self) -> Authenticator {
        Authenticator::start(&self.config(), PATIENCE).unwrap()
    }

    /// The one message of a start that fails.
    pub(super) fn refusal(&self, config: &AuthenticatorConfig) -> String {
        format!("{:#}", Authenticator::start(config, PATIENCE).err().expect("the start must fail"))
    }
}

pub(super) fn request(authorization: &str) -> Request {
    Request {
        authorization: Authorization::new(authorization),
        peer: "192.0.2.1:5000".into(),
        again: false,
        recheck: false,
        encrypted: false,
        attributes: vec![("http.origin".into(), "https://example.com".to_owned().into())],
    }
}

/// Waits until `condition` holds.
pub(super) async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
