//! Three linked relays for the console to look at: the first one has an operations port, and the link between the first two can
//! be cut.

use crate::harness::{Authority, DAY, Daemon, Detour, HOST, Network, ReservedPort, Setup};
use std::time::Duration;
use tempfile::TempDir;

/// The relay that is looked at is called so, the others `second` and `third`.
pub(super) const NAMES: [&str; 3] = ["first", "second", "third"];

pub(super) struct Relays {
    network: Network,
    detours: [Detour; 2],
    /// Of the listener `secure`.
    _certificate: TempDir,
    _ports: [ReservedPort; 3],
}

impl Relays {
    /// Linked relays. The first one has these settings too, and beside its plain listener `secure`, whose certificate is good for
    /// so long.
    pub(super) fn start(certificate: Duration, settings: &str) -> Self {
        let ports = [ReservedPort::new(), ReservedPort::new(), ReservedPort::new()];
        let detours = [Detour::to(ports[1].port()), Detour::to(ports[0].port())];
        let folder = tempfile::tempdir().unwrap();
        let issued = Authority::new("of the test").issue_for(&[HOST], 7, certificate);
        let (pem, key) = issued.files(folder.path());
        let relays = NAMES.iter().enumerate().map(|(at, name)| {
            let [own, third] = [ports[at].port(), ports[2].port()];
            let others = match at {
                0 | 1 => format!("'127.0.0.1:{}', '127.0.0.1:{third}'", detours[at].port()),
                _ => format!("'127.0.0.1:{}', '127.0.0.1:{}'", ports[0].port(), ports[1].port()),
            };
            let setup = Setup::on_shards(if at == 0 { 2 } else { 1 }).name(name).settings(&format!(
                "network_address: 127.0.0.1\nnetwork_port: {own}\nrelays: ['127.0.0.1:{own}', {others}]"
            ));
            let setup = match at {
                0 => setup.with_operations().settings(&format!(
                    "listeners:\n  - {{name: plain, address: 127.0.0.1, port: 0}}\n  - {{name: secure, address: 127.0.0.1, port: 0, \
                     tls: {{certificate: {pem:?}, key: {key:?}}}}}\n{settings}"
                )),
                _ => setup,
            };
            setup.start()
        });
        let network = Network::of_started(relays.collect());
        network.wait_linked();
        Self { network, detours, _certificate: folder, _ports: ports }
    }

    /// A certificate that is good for long.
    pub(super) fn good_certificate() -> Duration {
        60 * DAY
    }

    /// The relay that is looked at.
    pub(super) fn first(&self) -> &Daemon {
        self.network.relay(0)
    }

    pub(super) fn second(&self) -> &Daemon {
        self.network.relay(1)
    }

    pub(super) fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Cuts the link between the first two, or heals it: nothing passes, and neither side is told.
    pub(super) fn cut(&self, is_cut: bool) {
        self.detours.iter().for_each(|detour| detour.open(!is_cut, !is_cut));
    }

    /// Where the console is.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.first().operations())
    }

    /// The token of a role.
    pub(super) fn token(&self, role: &str) -> String {
        let file = std::fs::read_to_string(self.first().dir().join("operations.token")).unwrap();
        let token = file.lines().find_map(|line| line.strip_prefix(role)?.strip_prefix(": ").map(str::to_owned));
        token.unwrap_or_else(|| panic!("there is no token of the role {role}: {file}"))
    }
}
