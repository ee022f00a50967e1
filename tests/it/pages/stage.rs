//! Where the commands of a page are run: a network of their own, so that the ports are those that are printed, and a
//! folder that looks like the repository after `make` has built it.
//!
//! **Invariant:** nothing that a command starts outlives it: each has process ids of its own, and all of them end with it.

use crate::harness::{DEADLINE, Finished, Namespace, Running, my_plugin, not_run, password_plugin, root, run, script};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// What stands in for commands that would build everything, or wait for a guess: `sleep` waits for the condition in
/// `$UNTIL`, and `make` takes what is built for built.
const PRELUDE: &str = r#"
set -euo pipefail
umask 022
sleep() { until eval "$UNTIL" >/dev/null 2>&1; do :; done; }
make() { command make --no-print-directory -o plugins "$@"; }
"#;

/// The place.
pub(super) struct Stage {
    folder: TempDir,
    namespace: Namespace,
}

impl Stage {
    /// Makes one, or says that `row` cannot be run here, and why.
    pub(super) fn new(row: &str) -> Option<Self> {
        let made = Namespace::new().and_then(|namespace| {
            namespace.run(&["ip", "link", "set", "lo", "up"], "")?;
            Ok(namespace)
        });
        match made {
            Ok(namespace) => Some(Self { folder: furnished(), namespace }),
            Err(lacks) => {
                not_run(row, lacks);
                None
            }
        }
    }

    /// As [`Stage::new`], and with these programs, which a row needs.
    pub(super) fn with(row: &str, programs: &[&str]) -> Option<Self> {
        let stage = Self::new(row)?;
        for program in programs {
            if !stage.shell(&format!("command -v {program}")).status.success() {
                not_run(row, format_args!("there is no {program}"));
                return None;
            }
        }
        Some(stage)
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A shell that does this, in the folder and the network, as root of file systems of its own.
    pub(super) fn command(&self, commands: &str) -> Command {
        let [program, arguments @ ..] = self.namespace.runner();
        let mut command = Command::new(program);
        command.args(arguments).args(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c"]);
        command.arg(format!("{PRELUDE}\n{commands}")).current_dir(self.folder());
        command.env("PATH", self.path()).env("HOME", self.folder()).env("RUNTIME_DIRECTORY", self.folder().join("run"));
        for variable in ["PUSU_AUTHORIZATION", "RUST_LOG", "NOTIFY_SOCKET", "WATCHDOG_USEC"] {
            command.env_remove(variable);
        }
        command
    }

    /// The programs that a page may call: the relay, and Python with its packages, before those of the machine.
    fn path(&self) -> OsString {
        let python = script("").get_program().to_owned();
        let mut path: Vec<PathBuf> = vec![self.folder().join("bin")];
        path.extend(Path::new(&python).parent().map(Path::to_owned));
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        path.extend(["/usr/sbin".into(), "/sbin".into()]);
        std::env::join_paths(path).unwrap()
    }

    /// Runs commands to their end.
    pub(super) fn shell(&self, commands: &str) -> Finished {
        run(&mut self.command(commands))
    }

    /// Runs commands to their end; where they sleep, waits until `condition` is true.
    pub(super) fn shell_until(&self, condition: &str, commands: &str) -> Finished {
        run(self.command(commands).env("UNTIL", condition))
    }

    /// Starts commands that go on.
    pub(super) fn start(&self, commands: &str) -> Running {
        Running::start(&mut self.command(commands))
    }

    /// Starts relays by these commands, and waits until so many of them serve clients.
    pub(super) fn serve(&self, commands: &str, relays: usize) -> Running {
        let running = self.start(commands);
        running.stderr.wait("the relays to serve", |lines| {
            let serving = lines.iter().filter(|line| line.contains("serving clients")).count();
            let failed = lines.iter().find(|line| line.starts_with("pusud: error: "));
            assert!(failed.is_none(), "a relay does not start: {failed:?}");
            (serving == relays).then_some(())
        });
        running
    }

    /// The relay of `make run`.
    pub(super) fn quickstart(&self) -> Running {
        self.serve("make run", 1)
    }

    /// Publishes to `news.today` until a client has printed a line with it.
    pub(super) fn publish_until_heard(&self, text: &str, client: &Running) {
        let began = Instant::now();
        while !client.stdout.lines().iter().any(|line| line.contains(text)) {
            let said = format!("{}\n{}", client.stdout.text(), client.stderr.text());
            assert!(began.elapsed() < DEADLINE, "{text:?} was never heard; the client says:\n{said}");
            // The client may be between two connections, and so may the relay be between two starts.
            self.shell(&format!("pusud publish --authorization demo-password news.today '{text}'")).succeeds();
        }
    }
}

/// The folder: what of the repository the commands use, with the programs under test where `make` would put them.
fn furnished() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    run(Command::new("cp").arg("-r").args([root().join("Makefile"), root().join("config"), at("")])).succeeds();
    for name in ["bin", "target/release", "target/plugins", "plugins", "new", "run"] {
        fs::create_dir_all(at(name)).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    for link in ["bin/pusud", "target/release/pusud"] {
        symlink(env!("CARGO_BIN_EXE_pusud"), at(link)).unwrap();
    }
    let plugins = [("target/plugins", password_plugin()), ("plugins", password_plugin()), ("new", my_plugin())];
    for (to, plugin) in plugins {
        fs::copy(&plugin, at(to).join(plugin.file_name().unwrap())).unwrap();
    }
    let quickstart = fs::read_to_string(root().join("config/quickstart.yaml")).unwrap();
    fs::write(at("settings.yaml"), quickstart.replace("../target/plugins", "plugins")).unwrap();
    folder
}
