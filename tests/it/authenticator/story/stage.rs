//! The relay of the story, the plugins that it is given in turn, and who lets go on what hangs in them.

use super::remains::{MARK, Remains};
use crate::harness::{DEADLINE, Daemon, Finished, PluginsDir, Setup, bad_plugin, library_name, pusud, run};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// New clients are served within this time of each repair.
const REPAIR_MAX: Duration = Duration::from_secs(5);

/// The plugins, by what is wrong with them, and how they are compiled; `@` stands for the folder of the story's files.
/// They are few and the same in each round, since a relay does not unload what it has loaded.
const LIBRARIES: [(&str, &[&str]); 9] = [
    ("good", &[]),
    ("bad", &["-DRELEASE_FILE=\"@/release\""]),
    ("create-waits", &["-DCREATE_WAITS=\"@/create\""]),
    ("forks", &["-DCREATE_FORKS", "-DDESTROY_REAPS"]),
    ("cancel", &["-DRELEASE_FILE=\"@/release\"", "-DCANCEL_HANGS"]),
    ("destroy", &["-DRELEASE_FILE=\"@/release\"", "-DDESTROY_HANGS"]),
    ("ended", &["-DRELEASE_FILE=\"@/release\"", "-DFLAGS=PUSU_F_GRANTS", "-DENDED_HANGS"]),
    ("health", &["-DRELEASE_FILE=\"@/release\"", "-DHEALTH_FILE=\"@/health\""]),
    ("reloads", &["-DRELEASE_FILE=\"@/release\"", "-DWORD_FILE=\"@/word\"", "-DRELOADS"]),
];

/// Everything but the relay itself.
pub(super) struct Stage {
    pub(super) isolation: &'static str,
    files: PluginsDir,
    /// A service manager that listens.
    pub(super) manager: UnixDatagram,
    reloads: AtomicUsize,
}

impl Stage {
    /// Compiles everything.
    pub(super) fn new(isolation: &'static str) -> Self {
        let files = PluginsDir::empty();
        let manager = UnixDatagram::bind(files.path().join("notify")).unwrap();
        let stage = Self { isolation, files, manager, reloads: AtomicUsize::new(0) };
        for (name, switches) in LIBRARIES {
            let there = stage.path("").to_str().unwrap().trim_end_matches('/').to_owned();
            let mut switches: Vec<_> = switches.iter().map(|switch| switch.replace('@', &there)).collect();
            switches.push(format!("-DVERSION=\"{name}\""));
            let switches: Vec<_> = switches.iter().map(String::as_str).collect();
            fs::rename(bad_plugin(&stage.files, &switches), stage.library(name)).unwrap();
        }
        stage.write("health", "good");
        stage.write("word", "good");
        stage
    }

    /// Starts the relay. Its first plugin hears of grants: what the relay has for that it keeps from then on.
    pub(super) fn start(&self) -> Daemon {
        let plugins = PluginsDir::empty();
        plugins.replace(&library_name("bad_plugin"), &self.library("ended"));
        let settings = format!(
            "isolation: {}\nauthenticator_create_timeout: 1s\nlimits:\n  authorize_call_timeout: 500ms",
            self.isolation
        );
        let mark = plugins.path().to_owned();
        let setup = Setup::on_shards(2).authenticator("BadPlugin", plugins).settings(&settings);
        let daemon = setup.env(MARK, mark).env("NOTIFY_SOCKET", self.path("notify")).start();
        daemon.plugins().replace(&library_name("bad_plugin"), &self.library("good"));
        self.reloads.fetch_add(1, Ordering::Relaxed);
        assert!(daemon.reload().contains("has taken over"));
        daemon
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Writes a file that a plugin reads.
    pub(super) fn write(&self, name: &str, text: &str) {
        // In one step: the plugin may read it at any time.
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    /// Lets go on what waits for this file, until `done`.
    pub(super) fn release(&self, name: &str, done: impl FnOnce()) {
        self.write(name, "");
        done();
        fs::remove_file(self.path(name)).unwrap();
    }

    fn library(&self, name: &str) -> PathBuf {
        assert!(LIBRARIES.iter().any(|(known, _)| *known == name), "{name}");
        self.path(&format!("{name}.so"))
    }

    /// How often the settings were read again.
    pub(super) fn reloads(&self) -> usize {
        self.reloads.load(Ordering::Relaxed)
    }

    pub(super) fn is_in_process(&self) -> bool {
        self.isolation == "process"
    }
}

/// One round of the story: the relay and its stage.
pub(super) struct Scene<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) stage: &'a Stage,
    /// What the relay takes with the good plugin and the crowd.
    pub(super) rest: &'a Remains,
}

impl Scene<'_> {
    /// Puts another plugin in the place of the one that is there. Nobody has told the relay yet.
    pub(super) fn put(&self, library: &str) {
        self.daemon.plugins().replace(&library_name("bad_plugin"), &self.stage.library(library));
    }

    /// Puts another plugin in the place of the one that is there, which takes over.
    pub(super) fn play(&self, library: &str) {
        self.put(library);
        let before = self.daemon.asked()["authenticator"]["generation"].clone();
        self.signal();
        let began = Instant::now();
        // Not by the log, which has a line of each kind in a second in the long run.
        loop {
            let now = &self.daemon.asked()["authenticator"];
            if now["version"] == library && now["generation"] != before {
                break;
            }
            assert!(began.elapsed() < DEADLINE, "{library}: {now}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        self.served(&format!("the plugin `{library}` has taken over"));
    }

    /// Puts the good plugin in the place of the one that is there, by the command or by the signal.
    pub(super) fn repair(&self, by_command: bool) {
        if by_command {
            self.put("good");
            self.reload_new().succeeds();
            self.served("repaired by `pusud reload --new`");
        } else {
            self.play("good");
        }
    }

    /// Has the settings read again, by the signal.
    fn signal(&self) {
        self.stage.reloads.fetch_add(1, Ordering::Relaxed);
        run(Command::new("kill").args(["-HUP", &self.daemon.pid().to_string()])).succeeds();
    }

    /// Has the settings read again, by the signal, which changes nothing; gives what the log says about it.
    pub(super) fn reload_in_vain(&self) -> String {
        let says = |line: &&String| line.contains("nothing was changed");
        let before = self.daemon.log().lines().iter().filter(says).count();
        self.signal();
        self.daemon.log().wait("`nothing was changed`", |lines| lines.iter().filter(says).nth(before).cloned())
    }

    /// `pusud reload --new`.
    pub(super) fn reload_new(&self) -> Finished {
        self.stage.reloads.fetch_add(1, Ordering::Relaxed);
        run(pusud(&["reload", "--new", "--socket"]).arg(self.daemon.dir().join("control.sock")))
    }

    /// A new client is let in within the time, from now on.
    pub(super) fn served(&self, since: &str) {
        let began = Instant::now();
        while self.told("grant")["type"] != "authorization_ok" {
            assert!(began.elapsed() < REPAIR_MAX, "{since}, and nobody is let in");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// The answer that a new client gets.
    pub(super) fn told(&self, authorization: &str) -> serde_json::Value {
        let mut client = self.daemon.connect();
        client.send(json!({"type": "authorize", "authorization": authorization}));
        client.next_json()
    }

    /// Waits until the relay has one of these sets of threads, and no other, beyond those that it had, and no processes.
    pub(super) fn expect_beyond(&self, one_of: &[&[(&str, usize)]]) {
        let owned = |(name, count): &(&str, usize)| ((*name).to_owned(), *count);
        let expected: Vec<BTreeMap<_, _>> = one_of.iter().map(|threads| threads.iter().map(owned).collect()).collect();
        let began = Instant::now();
        loop {
            let now = Remains::of(self.daemon);
            let beyond = now.threads_beyond(self.rest);
            if expected.contains(&beyond) && now.processes == self.rest.processes {
                return;
            }
            assert!(began.elapsed() < DEADLINE, "{:?}, then {now:?}: {beyond:?}, not {expected:?}", self.rest);
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Waits until nothing is there beyond what was.
    pub(super) fn expect_rest(&self) {
        self.expect_beyond(&[&[]]);
    }

    /// Where the plugin hangs on threads of the relay there is one of these sets beyond those that it had; in a process of
    /// its own nothing hangs.
    pub(super) fn expect_hanging(&self, one_of: &[&[(&str, usize)]]) {
        self.expect_beyond(if self.stage.is_in_process() { &[&[]] } else { one_of });
    }

    /// Lets go on what hangs, after which nothing is left of it.
    pub(super) fn release(&self, name: &str) {
        self.stage.release(name, || self.expect_rest());
    }

    /// Whether what a plugin has forked runs still. A zombie that nobody has reaped does not.
    pub(super) fn runs(&self, process: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    }
}
