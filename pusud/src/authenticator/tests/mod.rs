//! What the authenticator's tests share: a C compiler, a folder of plugins, and questions.
//!
//! The plugins are made of `tests/fixtures/bad_plugin.c`, which says what its switches and commands do.

mod calls;
mod pool;
mod start;
mod swap;

use super::*;
use crate::permission::{Access, Permission};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Longer than anything here takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A plugins directory that lives as long as the test.
pub(super) struct Plugins(tempfile::TempDir);

impl Plugins {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A directory with one plugin, compiled with these switches.
    pub(super) fn with(switches: &[&str]) -> Self {
        let plugins = Self::new();
        plugins.compile("bad.so", switches);
        plugins
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Compiles the fixture, and puts it in place in one step.
    pub(super) fn compile(&self, file: &str, switches: &[&str]) -> PathBuf {
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
            .arg(root.join("tests/fixtures/bad_plugin.c"))
            .output()
            .expect("the tests need a C compiler (`cc`, or what CC names)");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        std::fs::rename(&fresh, &out).unwrap();
        out
    }

    pub(super) fn config(&self) -> AuthenticatorConfig {
        AuthenticatorConfig {
            id: "BadPlugin".into(),
            plugins_dir: self.0.path().to_owned(),
            options: serde_json::Map::new(),
            original_options: serde_json::Map::new(),
            sha256: None,
            strict_permissions: false,
            on_swap: OnSwap::Keep,
        }
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
        attributes: vec![("http.origin".into(), "https://example.com".into())],
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
