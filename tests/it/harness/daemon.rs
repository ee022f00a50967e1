//! A running `pusud` with settings of its own in a folder of its own, gone when the test is.

use super::process::Process;
use super::stream::move_encryption;
use super::{
    Client, DEADLINE, Listener, Log, Namespace, Network, PluginsDir, Raw, Setup, Starting, encrypt_at, pusud, run,
};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tempfile::TempDir;

/// The address in the log line that says where clients are served.
pub(super) fn serving_address(line: &str) -> Option<SocketAddr> {
    if let Some((_, fields)) = line.split_once("serving clients address=") {
        return fields.split(' ').next()?.parse().ok();
    }
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    (fields["message"] == "serving clients").then(|| fields["address"].as_str()?.parse().ok())?
}

/// A running daemon; dropping it ends the process.
pub(crate) struct Daemon {
    child: Child,
    log: Log,
    address: SocketAddr,
    dir: TempDir,
    plugins: PluginsDir,
    process: Process,
    /// Where its clients connect from.
    namespace: Option<Namespace>,
    network: Option<Others>,
}

/// The other relays of a network, where a daemon stands for all of them.
struct Others {
    network: Network,
    turns: AtomicUsize,
}

impl Daemon {
    /// One that serves clients.
    pub(super) fn of(starting: Starting, address: SocketAddr) -> Self {
        let Starting { child, log, process, dir, plugins, tls, namespace } = starting;
        encrypt_at(address, tls.clone());
        Self { child, log, address, dir, plugins, process, namespace, network: None }
    }

    /// One of so many linked relays that stands for all of them: clients are connected to them in turn.
    pub(crate) fn on_relays(relays: usize) -> Self {
        let mut network = Network::of(relays);
        let mut first = network.take_first();
        first.network = Some(Others { network, turns: AtomicUsize::new(0) });
        first
    }

    /// A daemon on `shards` shards whose authenticator is the scripted fixture.
    pub(crate) fn on_shards(shards: usize) -> Self {
        Setup::on_shards(shards).start()
    }

    /// Where it serves clients.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `--url` takes.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The plugins it found at its start.
    pub(crate) fn plugins(&self) -> &PluginsDir {
        &self.plugins
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client that has been greeted and has said nothing yet.
    pub(crate) fn connect(&self) -> Client {
        match &self.network {
            None => self.inside(|| Client::connect(self.address)),
            Some(others) => {
                let turn = others.turns.fetch_add(1, Ordering::Relaxed) % (1 + others.network.relays().len());
                let relay = if turn == 0 { self } else { others.network.relay(turn - 1) };
                Client::connect(relay.address)
            }
        }
    }

    /// A client that may read and write everything.
    pub(crate) fn client(&self) -> Client {
        self.client_with(super::ALL)
    }

    /// A client with an authorization.
    pub(crate) fn client_with(&self, authorization: &str) -> Client {
        let mut client = self.connect();
        client.authorize(authorization);
        client
    }

    /// A client that checks what it gets, and may read and write everything.
    pub(crate) fn listener(&self) -> Listener {
        self.inside(|| Listener::connect(self.address))
    }

    /// Where its clients connect from, if that is a network of its own.
    pub(super) fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// Does something where its clients are.
    pub(super) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.namespace {
            None => work(),
            Some(namespace) => namespace.inside(work),
        }
    }

    /// A TCP connection on which nothing has been said.
    pub(crate) fn raw(&self) -> Raw {
        Raw::connect(self.address)
    }

    /// A connection in bytes that is upgraded and has been greeted.
    pub(crate) fn upgraded(&self) -> Raw {
        Raw::upgraded(self.address)
    }

    /// What `pusud status --json` says of it.
    pub(crate) fn status(&self) -> serde_json::Value {
        let status = run(pusud(&["status", "--json", "--config"]).arg(self.dir().join("settings.yaml"))).succeeds();
        serde_json::from_str(&status).unwrap()
    }

    /// Waits until it has so many connections of clients.
    pub(crate) fn wait_for_connections(&self, count: usize) {
        self.wait_for_status(&format!("{count} connections"), |status| status["connections"]["total"] == count);
    }

    /// Waits until its status is like this, and gives it.
    pub(crate) fn wait_for_status(&self, what: &str, holds: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let began = Instant::now();
        loop {
            let status = self.status();
            if holds(&status) {
                return status;
            }
            assert!(began.elapsed() < DEADLINE, "{what} is waited for: {status:#}");
        }
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Stands still from here on (SIGSTOP): its sockets stay, and nothing answers.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Goes on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        run(Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()])).succeeds();
    }

    /// Starts again after its end, with the same settings; where it serves clients may change.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.try_wait().unwrap().is_some(), "it still runs");
        (self.child, self.log) = self.process.spawn(self.dir.path());
        let before = std::mem::replace(&mut self.address, self.log.wait_for("`serving clients`", serving_address));
        move_encryption(before, self.address);
    }

    /// Sends SIGHUP and waits until the settings have been read again; returns the line that says what became of it.
    pub(crate) fn reload(&self) -> String {
        let done = |line: &&String| {
            ["has taken over", "has reloaded", "is unchanged", "nothing was changed"]
                .iter()
                .any(|words| line.contains(words))
        };
        let before = self.log.lines().iter().filter(done).count();
        run(Command::new("kill").args(["-HUP", &self.pid().to_string()])).succeeds();
        self.log.wait("the settings to be read again", |lines| lines.iter().filter(done).nth(before).cloned())
    }

    /// Changes the settings file.
    pub(crate) fn edit_settings(&self, edit: impl FnOnce(String) -> String) {
        let file = self.dir().join("settings.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, edit(text)).unwrap();
    }

    /// Stops it, and returns what it says that it has refused, by limit: `max_connections 3, max_unauthorized 1`.
    pub(crate) fn refused(mut self) -> String {
        self.terminate();
        assert!(self.wait().success());
        self.log.wait_for("`stopped`", |line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let fields = line.get("fields").unwrap_or(&line);
            (fields["message"] == "stopped").then(|| fields["refused"].as_str().unwrap().to_owned())
        })
    }

    /// Waits until the process has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        assert!(self.log.ends(), "still running after {DEADLINE:?}; its log:\n{}", self.log.text());
        self.child.wait().unwrap()
    }

    /// Ends the process at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    /// Asserts that the process still runs.
    pub(crate) fn assert_alive(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("the daemon ended with {status}; its log:\n{}", self.log.text());
        }
    }

    /// Where its settings and everything else of this daemon's lies.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself, which is nothing to complain about here.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the daemon at {}:\n{}\n---", self.address, self.log.text());
        }
    }
}
