//! Asking a plugin: from the request through the queue, a worker's thread and the plugin's code, and back.

use divan::Bencher;
use pusud::authenticator::{Authenticator, Authorization, Request, Verdict};
use pusud::config::{Config, Overrides};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Builder;

const SETTINGS: &str = "authenticator: PasswordAuthenticator\npasswords:\n  correct horse: [\"auction.*\"]\n";

#[divan::bench]
fn password(bencher: Bencher<'_, '_>) {
    let library = library();
    if !library.exists() {
        eprintln!("skipped: {} is not built; `make bench` builds it", library.display());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::copy(&library, dir.path().join(library.file_name().unwrap())).unwrap();
    let authenticator = start(dir.path());
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let ask = |authorization: &str| {
        runtime.block_on(authenticator.authorize(Request {
            authorization: Authorization::new(authorization),
            peer: "192.0.2.1:5000".into(),
            again: false,
            recheck: false,
            encrypted: false,
            attributes: Vec::new(),
        }))
    };
    bencher.bench_local(|| assert!(matches!(ask("correct horse"), Verdict::Grant(_))));
}

fn start(plugins: &Path) -> Authenticator {
    let file = plugins.join("settings.yaml");
    fs::write(&file, SETTINGS).unwrap();
    let overrides = Overrides { plugins_dir: Some(plugins.to_owned()) };
    let (config, _warnings) = Config::load(Some(&file), &overrides).unwrap();
    Authenticator::start(&config.authenticator, Duration::from_secs(5)).unwrap()
}

/// The password plugin, where cargo puts it when it builds the daemon with the same profile.
fn library() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_pusud")).parent().unwrap();
    folder.join(format!("{DLL_PREFIX}password_authenticator{DLL_SUFFIX}"))
}
