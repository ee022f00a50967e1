//! A running `pusud` with settings of its own in a folder of its own, gone when the test is.

use super::{Client, DEADLINE, Log, PluginsDir, Raw, pusud, run, scripted_plugin};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// The settings of a daemon that is about to start.
pub(crate) struct Setup {
    shards: usize,
    authenticator: String,
    port: u16,
    plugins: Option<PluginsDir>,
    log_level: &'static str,
    environment: Vec<(&'static str, OsString)>,
    runner: Vec<OsString>,
    more: String,
}

impl Setup {
    /// `shards` shards, any free port, and the scripted fixture as authenticator.
    pub(crate) fn on_shards(shards: usize) -> Self {
        Self {
            shards,
            authenticator: "ScriptedAuthenticator".into(),
            port: 0,
            plugins: None,
            log_level: "info",
            environment: Vec::new(),
            runner: Vec::new(),
            more: String::new(),
        }
    }

    /// Another authenticator, found in `plugins`.
    pub(crate) fn authenticator(mut self, id: &str, plugins: PluginsDir) -> Self {
        self.authenticator = id.into();
        self.plugins = Some(plugins);
        self
    }

    /// A port that is known beforehand.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// A log that says more.
    pub(crate) fn log_level(mut self, level: &'static str) -> Self {
        self.log_level = level;
        self
    }

    /// A variable of the daemon's environment.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// A command that becomes the daemon: the daemon and its arguments are appended to it.
    pub(crate) fn run_by(mut self, runner: Vec<OsString>) -> Self {
        self.runner = runner;
        self
    }

    /// A process that may not have more files open than this, nor raise that limit.
    #[cfg(unix)]
    pub(crate) fn open_files(self, limit: u32) -> Self {
        let become_it = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
        self.run_by(["sh".into(), "-c".into(), become_it.into()].into())
    }

    /// Further settings, as YAML.
    pub(crate) fn settings(mut self, yaml: &str) -> Self {
        writeln!(self.more, "{yaml}").unwrap();
        self
    }

    /// Starts the daemon and waits until it serves clients.
    pub(crate) fn start(mut self) -> Daemon {
        let dir = tempfile::tempdir().unwrap();
        let plugins = self.plugins.take().unwrap_or_else(|| PluginsDir::with([scripted_plugin()]));
        let settings = format!(
            "authenticator: {}\nclient_address: 127.0.0.1\nclient_port: {}\nshards: {}\nname: test-relay\nplugins_dir: {:?}\n\
             {}{}",
            self.authenticator,
            self.port,
            self.shards,
            plugins.path(),
            if self.more.contains("control_socket") { "" } else { "control_socket: control.sock\n" },
            stopping_at_once(self.more),
        );
        std::fs::write(dir.path().join("settings.yaml"), settings).unwrap();
        let words: Vec<OsString> = self.runner.into_iter().chain([env!("CARGO_BIN_EXE_pusud").into()]).collect();
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(["run", "--log-format", "json", "--log-level", self.log_level, "--config"])
            .arg(dir.path().join("settings.yaml"))
            // Whoever runs the tests may be a service itself.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .envs(self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::of(child.stderr.take().unwrap());
        let mut daemon = Daemon { child, log, address: SocketAddr::from(([127, 0, 0, 1], 0)), dir, plugins };
        daemon.address = daemon.log.wait_for("`serving clients`", serving_address);
        daemon
    }
}

/// Settings with which a relay does not wait for its clients when it stops, unless they say how long it shall.
fn stopping_at_once(settings: String) -> String {
    const AT_ONCE: &str = "drain_grace: 0, drain_spread: 0";
    if settings.contains("drain_") {
        settings
    } else if settings.contains("limits: {") {
        settings.replacen("limits: {", &format!("limits: {{{AT_ONCE}, "), 1)
    } else if settings.contains("limits:\n") {
        settings.replacen("limits:\n", &format!("limits:\n  {}\n", AT_ONCE.replace(", ", "\n  ")), 1)
    } else {
        format!("{settings}limits: {{{AT_ONCE}}}\n")
    }
}

/// The address in the log line that says where clients are served.
fn serving_address(line: &str) -> Option<SocketAddr> {
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
}

impl Daemon {
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
        Client::connect(self.address)
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

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let done = run(Command::new("kill").args(["-TERM", &self.pid().to_string()]));
        assert!(done.status.success(), "{done:?}");
    }

    /// Sends SIGHUP and waits until the settings have been read again; returns the line that says what became of it.
    pub(crate) fn reload(&self) -> String {
        let done = |line: &&String| {
            ["has taken over", "is unchanged", "nothing was changed"].iter().any(|words| line.contains(words))
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
