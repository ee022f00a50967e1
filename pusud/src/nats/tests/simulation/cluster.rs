//! The cluster: three servers, the routes between them, the connections of relays, and what befalls all of them.

use super::checker::Host;
use super::connection::Connection;
use super::routes::Route;
use super::server::Server;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub(super) const SERVERS: usize = 3;

pub(super) struct Cluster {
    pub(super) random: StdRng,
    pub(super) servers: Vec<Server>,
    pub(super) routes: Vec<Route>,
    pub(super) connections: BTreeMap<u64, Connection>,
    /// Relays and servers between which nothing gets through.
    cut: BTreeSet<(Host, usize)>,
    given: u64,
    /// Whoever moves things on learns that there are some.
    pub(super) changed: Rc<Notify>,
}

/// Shared by everybody.
pub(super) type World = Rc<RefCell<Cluster>>;

/// A cluster that runs, with a task of its own.
pub(super) fn world(seed: u64) -> World {
    let pairs = (0..SERVERS).flat_map(|a| (0..a).map(move |b| [a, b]));
    let mut cluster = Cluster {
        random: StdRng::seed_from_u64(seed),
        servers: (0..SERVERS).map(|_| Server::default()).collect(),
        routes: pairs.map(Route::new).collect(),
        connections: BTreeMap::new(),
        cut: BTreeSet::new(),
        given: 0,
        changed: Rc::default(),
    };
    (0..SERVERS).for_each(|server| cluster.start(server));
    let world = Rc::new(RefCell::new(cluster));
    tokio::task::spawn_local(run(world.clone()));
    world
}

async fn run(world: World) {
    let changed = world.borrow().changed.clone();
    loop {
        let due = world.borrow_mut().advance(Instant::now());
        tokio::select! {
            () = changed.notified() => {}
            () = sleep_until(due) => {}
        }
    }
}

impl Cluster {
    /// Does all that is due. Gives when the next thing is.
    fn advance(&mut self, now: Instant) -> Instant {
        for server in 0..SERVERS {
            if self.servers[server].runs() && self.servers[server].ends.is_some_and(|end| end <= now) {
                self.kill(server);
            }
        }
        self.drop_routes(None, now);
        self.raise_routes(now);
        loop {
            if let Some((from, to, routed)) = self.take_routed(now) {
                self.routed(from, to, routed);
            } else if !self.take_bytes(now) {
                break;
            }
        }
        let Self { connections, random, .. } = self;
        connections.values_mut().for_each(|connection| connection.flush(random));
        let ends = self.servers.iter().filter_map(|server| server.ends);
        let bytes = self.connections.values().filter_map(|connection| connection.up.due());
        let dues = ends.chain(bytes).filter(|due| *due > now).chain(self.routes_due(now));
        dues.min().unwrap_or(now + Duration::from_secs(3600))
    }

    /// Takes in what has come of one client, or its end.
    fn take_bytes(&mut self, now: Instant) -> bool {
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        let mut is_any = false;
        for id in ids {
            let is_cut = self.is_cut(id);
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            if is_cut || !connection.is_at_server || !self.servers[connection.server].runs() {
                continue;
            }
            if let Some(bytes) = connection.up.take(usize::MAX, now) {
                connection.up.wake();
                self.read(id, &bytes);
                is_any = true;
            } else if connection.up.is_reset || connection.up.is_finished && connection.up.is_empty() {
                self.end(id);
            }
        }
        is_any
    }

    /// Whether nothing gets through on a connection.
    pub(super) fn is_cut(&self, id: u64) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|connection| self.cut.contains(&(connection.host, connection.server)))
    }

    pub(super) fn is_way_cut(&self, host: Host, server: usize) -> bool {
        self.cut.contains(&(host, server))
    }

    pub(super) fn connect(&mut self, host: Host, server: usize) -> u64 {
        self.given += 1;
        self.connections.insert(self.given, Connection::new(host, server));
        self.given
    }

    /// Starts a server that is down. It knows of nobody's interest.
    pub(super) fn start(&mut self, server: usize) {
        let start = self.servers[server].start;
        if !self.servers[server].is_up {
            self.servers[server] = Server { start: start + 1, is_up: true, ..Server::default() };
        }
        self.changed.notify_one();
    }

    /// Kills a server.
    pub(super) fn kill(&mut self, server: usize) {
        let of = self.connections.iter().filter(|(_, connection)| connection.server == server);
        let ids: Vec<u64> = of.map(|(id, _)| *id).collect();
        self.drop_routes(Some(server), Instant::now());
        ids.into_iter().for_each(|id| self.end(id));
        let start = self.servers[server].start;
        self.servers[server] = Server { start, ..Server::default() };
    }

    /// Stops a server by a signal.
    pub(super) fn pause(&mut self, server: usize) {
        self.servers[server].paused.get_or_insert_with(Instant::now);
    }

    /// All servers go on that were stopped.
    pub(super) fn resume(&mut self) {
        self.servers.iter_mut().for_each(|server| server.paused = None);
        self.changed.notify_one();
    }

    /// A server says that it will end, and does so soon.
    pub(super) fn end_as_planned(&mut self, server: usize) {
        if !self.servers[server].runs() || self.servers[server].ends.is_some() {
            return;
        }
        let left = Duration::from_millis(self.random.random_range(500..5000));
        self.servers[server].ends = Some(Instant::now() + left);
        let info = format!("INFO {}\r\n", self.info(server));
        let of = self.connections.iter().filter(|(_, connection)| connection.server == server);
        let ids: Vec<u64> = of.map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.send(id, &[info.as_bytes()]));
        self.changed.notify_one();
    }

    pub(super) fn cut(&mut self, host: Host, server: usize) {
        self.cut.insert((host, server));
    }

    /// Everything gets through again between relays and servers.
    pub(super) fn heal_ways(&mut self) {
        self.cut.clear();
        self.connections.values_mut().for_each(|connection| {
            connection.up.wake();
            connection.down.wake();
        });
        self.changed.notify_one();
    }
}
