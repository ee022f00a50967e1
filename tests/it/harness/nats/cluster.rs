//! A cluster of nats-servers, each a process of its own, with routes among all of them.

use super::program::NatsProgram;
use super::raw::NatsClient;
use super::server::NatsServer;
use super::settings::NatsSettings;
use crate::harness::{DEADLINE, Namespace, Setup};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

/// How often servers are asked for their routes.
const LOOK: Duration = Duration::from_millis(10);

/// The servers; dropping them ends their processes.
pub(crate) struct NatsCluster {
    servers: Vec<NatsServer>,
    settings: NatsSettings,
}

/// Which servers a relay's settings name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named {
    /// All of them.
    All,
    /// This one alone: the relay starts there, and hears of the others from it.
    Only(usize),
}

impl NatsCluster {
    /// So many servers that anybody may use, of Debian's release where it is installed. `None`: there is no nats-server
    /// here, and that has been said.
    pub(crate) fn of(servers: usize) -> Option<Self> {
        Self::with(servers, NatsSettings::open())
    }

    /// The same with these settings.
    pub(crate) fn with(servers: usize, settings: NatsSettings) -> Option<Self> {
        Some(Self::running(&NatsProgram::any()?, servers, settings))
    }

    /// Servers of this release.
    pub(crate) fn running(program: &NatsProgram, servers: usize, settings: NatsSettings) -> Self {
        Self::started(
            (0..servers).map(|at| NatsServer::new(&format!("nats-{at}"), "127.0.0.1", program, None)).collect(),
            settings,
        )
    }

    /// A server in each of these namespaces, at its address there.
    pub(crate) fn in_namespaces(program: &NatsProgram, places: Vec<(Namespace, String)>) -> Self {
        let server = |(at, (namespace, host)): (usize, (Namespace, String))| {
            NatsServer::new(&format!("nats-{at}"), &host, program, Some(namespace))
        };
        Self::started(places.into_iter().enumerate().map(server).collect(), NatsSettings::open())
    }

    fn started(servers: Vec<NatsServer>, settings: NatsSettings) -> Self {
        let mut cluster = Self { servers, settings };
        cluster.configure();
        cluster.servers.iter_mut().for_each(NatsServer::start);
        cluster.wait_routed();
        cluster
    }

    fn configure(&self) {
        let routes: Vec<String> = self.servers.iter().map(NatsServer::route).collect();
        for (at, server) in self.servers.iter().enumerate() {
            let others = routes.iter().enumerate().filter(|(other, _)| *other != at);
            let others: Vec<String> = others.map(|(_, route)| route.clone()).collect();
            server.configure(&others, &self.settings.of_server());
        }
    }

    /// How many there are, those that do not run included.
    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    /// A server.
    pub(crate) fn server(&self, at: usize) -> &NatsServer {
        &self.servers[at]
    }

    /// Ends one at once, as a crash would.
    pub(crate) fn kill(&mut self, at: usize) {
        self.servers[at].kill();
    }

    /// Starts one again on the same ports, and waits until it has its routes.
    pub(crate) fn restart(&mut self, at: usize) {
        self.servers[at].start();
        self.wait_routed();
    }

    /// The same, as another release.
    pub(crate) fn restart_as(&mut self, at: usize, program: &NatsProgram) {
        self.servers[at].become_program(program);
        self.restart(at);
    }

    /// One stands still from here on (SIGSTOP): its sockets stay, and nothing answers.
    pub(crate) fn freeze(&self, at: usize) {
        self.servers[at].signal("STOP");
    }

    /// It goes on.
    pub(crate) fn thaw(&self, at: usize) {
        self.servers[at].signal("CONT");
    }

    /// Has one say to its clients that it goes, as `nats-server --signal ldm` does, and waits for its end.
    pub(crate) fn lame_duck(&mut self, at: usize) {
        self.servers[at].signal("USR2");
        self.servers[at].wait();
    }

    /// Has all servers take other settings into account (SIGHUP).
    pub(crate) fn reload(&mut self, settings: NatsSettings) {
        self.settings = settings;
        self.configure();
        for server in self.servers.iter().filter(|server| server.is_running()) {
            let said = |line: &&String| line.contains("Reloaded server configuration");
            let before = server.log().lines().iter().filter(said).count();
            server.signal("HUP");
            server
                .log()
                .wait("the settings to be read again", |lines| lines.iter().filter(said).nth(before).map(|_| ()));
        }
    }

    /// Waits until each server that runs has routes with all others that do, and with nobody else.
    pub(crate) fn wait_routed(&self) {
        let running: Vec<&NatsServer> = self.servers.iter().filter(|server| server.is_running()).collect();
        let began = Instant::now();
        while running.iter().any(|server| server.peers() != running.len() - 1) {
            assert!(began.elapsed() < DEADLINE, "the servers have not found each other");
            thread::park_timeout(LOOK);
        }
    }

    /// Waits until the servers that answer, all but these, have so many clients in all. A relay is one.
    pub(crate) fn wait_for_clients(&self, clients: u64, silent: &[usize]) {
        let began = Instant::now();
        let asked =
            || self.servers.iter().enumerate().filter(|(at, server)| server.is_running() && !silent.contains(at));
        while asked().map(|(_, server)| server.connections()).sum::<u64>() != clients {
            assert!(began.elapsed() < DEADLINE, "there are not {clients} clients at the servers");
            thread::park_timeout(LOOK);
        }
    }

    /// A client of one of the servers that has to say nothing to be let in.
    pub(crate) fn client(&self, at: usize) -> NatsClient {
        self.client_saying(at, |_| json!({})).expect("the server lets it in")
    }

    /// One that says besides in its CONNECT what `connect` makes of INFO.
    ///
    /// # Errors
    /// What the server refused it with.
    pub(crate) fn client_saying(
        &self,
        at: usize,
        connect: impl FnOnce(&Value) -> Value + Send,
    ) -> Result<NatsClient, String> {
        let server = &self.servers[at];
        let address = server.address().parse().unwrap();
        server.inside(|| NatsClient::connect(address, self.settings.client_tls(), connect))
    }

    /// The settings of a relay that uses these servers.
    pub(crate) fn relay_settings(&self, named: Named) -> String {
        let named: Vec<&NatsServer> = match named {
            Named::All => self.servers.iter().collect(),
            Named::Only(at) => vec![&self.servers[at]],
        };
        let scheme = self.settings.scheme();
        let urls: Vec<String> = named.iter().map(|server| format!("'{scheme}://{}'", server.address())).collect();
        format!("backplane: nats\nnats: {{servers: [{}]{}}}", urls.join(", "), self.settings.of_relay())
    }
}

impl Setup {
    /// A relay that uses these servers.
    pub(crate) fn over(self, cluster: &NatsCluster, named: Named) -> Self {
        self.settings(&cluster.relay_settings(named))
    }
}
