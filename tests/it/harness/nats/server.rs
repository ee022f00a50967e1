//! One nats-server: its settings, its process, its log, and what its monitoring port says.

use super::program::NatsProgram;
use crate::harness::{DEADLINE, Log, Namespace, ReservedPort, run};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// A server that runs, or may be started again on the same ports.
pub(crate) struct NatsServer {
    name: String,
    host: String,
    /// For clients, for routes and for monitoring.
    ports: [ReservedPort; 3],
    dir: TempDir,
    program: NatsProgram,
    namespace: Option<Namespace>,
    process: Option<(Child, Log)>,
}

impl NatsServer {
    /// One that has not been started, at an address and in a namespace if that is not the test's own.
    pub(super) fn new(name: &str, host: &str, program: &NatsProgram, namespace: Option<Namespace>) -> Self {
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            ports: [(); 3].map(|()| ReservedPort::new()),
            dir: tempfile::tempdir().unwrap(),
            program: program.clone(),
            namespace,
            process: None,
        }
    }

    /// `host:port` for clients.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.ports[0].port())
    }

    /// Where other servers reach it.
    pub(super) fn route(&self) -> String {
        format!("nats://{}:{}", self.host, self.ports[1].port())
    }

    /// Writes its settings: these routes, and further blocks.
    pub(super) fn configure(&self, routes: &[String], more: &str) {
        let [clients, cluster, monitoring] = self.ports.each_ref().map(ReservedPort::port);
        let Self { name, host, .. } = self;
        let routes = routes.join(", ");
        // Nobody waits for a server that stops longer than that.
        let text = format!(
            "server_name: {name}\nhost: {host}\nport: {clients}\nhttp: \"{host}:{monitoring}\"\n\
             lame_duck_duration: 30s\nlame_duck_grace_period: 1s\n\
             cluster {{ name: pusu-tests, host: {host}, port: {cluster}, routes: [{routes}] }}\n{more}"
        );
        std::fs::write(self.settings_file(), text).unwrap();
    }

    fn settings_file(&self) -> PathBuf {
        self.dir.path().join("nats.conf")
    }

    /// Starts it and waits until it takes connections.
    pub(super) fn start(&mut self) {
        assert!(!self.is_running(), "{} runs already", self.name);
        let mut words: Vec<_> = self.namespace.iter().flat_map(Namespace::runner).collect();
        words.push(self.program.file().into());
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .arg("--config")
            .arg(self.settings_file())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::of(child.stderr.take().unwrap());
        log.wait_for("`Server is ready`", |line| line.contains("Server is ready").then_some(()));
        self.process = Some((child, log));
    }

    /// Runs another program from its next start on.
    pub(super) fn become_program(&mut self, program: &NatsProgram) {
        self.program = program.clone();
    }

    /// Whether it has been started and not ended.
    pub(super) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// What it has logged since its last start.
    pub(super) fn log(&self) -> &Log {
        &self.process.as_ref().expect("it runs").1
    }

    /// Its process.
    fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").0.id()
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, name: &str) {
        run(Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()])).succeeds();
    }

    /// Ends it at once, as a crash would.
    pub(super) fn kill(&mut self) {
        let (mut child, _) = self.process.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub(super) fn wait(&mut self) {
        let (mut child, log) = self.process.take().expect("it runs");
        assert!(log.ends(), "{} still runs after {DEADLINE:?}; its log:\n{}", self.name, log.text());
        child.wait().unwrap();
    }

    /// What its monitoring port says at a path such as `/routez`.
    pub(super) fn monitored(&self, path: &str) -> Value {
        let address: SocketAddr = format!("{}:{}", self.host, self.ports[2].port()).parse().unwrap();
        let mut stream = self.inside(|| TcpStream::connect_timeout(&address, DEADLINE)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Connections of clients to it.
    pub(super) fn connections(&self) -> u64 {
        self.monitored("/connz")["num_connections"].as_u64().expect("a number")
    }

    /// Its id, which is another one after each start.
    pub(crate) fn id(&self) -> String {
        self.monitored("/varz")["server_id"].as_str().expect("a text").to_owned()
    }

    /// How many other servers it has routes with.
    pub(super) fn peers(&self) -> usize {
        let said = self.monitored("/routez");
        let routes = said["routes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: std::collections::HashSet<_> = routes.iter().map(|route| route["remote_id"].to_string()).collect();
        ids.len()
    }

    /// Does something where it runs.
    pub(super) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.namespace {
            None => work(),
            Some(namespace) => namespace.inside(work),
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let Some((mut child, log)) = self.process.take() else { return };
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        if thread::panicking() {
            eprintln!("--- log of {}:\n{}\n---", self.name, log.text());
        }
    }
}
