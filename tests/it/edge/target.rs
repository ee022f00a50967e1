//! A relay as hostile clients find it, with all that could be left of them: connections, open files, memory.

use crate::harness::{Client, DEADLINE, Daemon, HOST, Setup, encrypt_at, many_open_files, trusting, write_certificate};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

/// A relay with two ports: the first encrypts, the second does not.
pub(super) struct Target {
    pub(super) daemon: Daemon,
    pub(super) plain: SocketAddr,
    pub(super) config: Arc<ClientConfig>,
    #[expect(dead_code, reason = "the relay reads the certificate in it again")]
    files: tempfile::TempDir,
}

impl Target {
    pub(super) fn new(shards: usize, limits: &str) -> Self {
        many_open_files();
        let files = tempfile::tempdir().unwrap();
        write_certificate(files.path(), "relay");
        let shown = files.path().display();
        let settings = format!(
            "listeners:\n\
             - {{address: 127.0.0.1, port: 0, tls: {{certificate: {shown}/relay.pem, key: {shown}/relay.key}}}}\n\
             - {{name: plain, address: 127.0.0.1, port: 0}}\n\
             limits: {{max_connections_per_address: 0, max_unauthorized_per_address: 0, {limits}}}"
        );
        let daemon = Setup::on_shards(shards).settings(&settings).start();
        let config = trusting(&files.path().join("relay.pem"));
        encrypt_at(daemon.address(), Some(config.clone()));
        let plain = daemon.asked()["listeners"][1]["address"].as_str().unwrap().parse().unwrap();
        let target = Self { daemon, plain, config, files };
        // What is made for the first client of each kind is no leak.
        drop((target.daemon.client(), Client::connect(plain)));
        target.settles(0, None);
        target
    }

    pub(super) fn tcp(&self) -> TcpStream {
        let socket = TcpStream::connect_timeout(&self.daemon.address(), DEADLINE).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket
    }

    /// The first words of a client.
    pub(super) fn client_hello(&self) -> Vec<u8> {
        let mut client = ClientConnection::new(self.config.clone(), ServerName::try_from(HOST).unwrap()).unwrap();
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    pub(super) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.daemon.pid())).unwrap().count()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.daemon.pid())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    }

    /// Waits until so many connections are there, none of them in its handshake, with no more open files than before.
    pub(super) fn settles(&self, connections: u64, files: Option<usize>) {
        let began = Instant::now();
        loop {
            let there = &self.daemon.asked()["connections"];
            let is_settled = there["total"] == connections && there["handshakes"] == 0;
            if is_settled && files.is_none_or(|files| self.open_files() <= files) {
                return;
            }
            assert!(
                began.elapsed() < DEADLINE,
                "{there}, {} open files and not {files:?} at the most",
                self.open_files()
            );
        }
    }

    pub(super) fn refused(&self, reason: &str) -> u64 {
        self.daemon.asked()["refusals"][reason].as_u64().unwrap_or(0)
    }
}
