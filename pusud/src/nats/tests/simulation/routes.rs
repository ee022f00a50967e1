//! Routes between servers: ordered queues, over which interest travels like everything else.

use super::cluster::Cluster;
use super::server::Key;
use rand::RngExt as _;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a server waits for another one that says nothing.
const NOTICED: Duration = Duration::from_secs(10);

/// What one server tells another.
#[derive(Clone)]
pub(super) enum Routed {
    Subscribed(Key),
    Unsubscribed(Key),
    Published(Rc<str>, Rc<[u8]>),
}

/// The route between two servers.
pub(super) struct Route {
    pub(super) ends: [usize; 2],
    is_up: bool,
    /// It may come up from then on.
    retry: Instant,
    /// Nothing gets through since then.
    cut: Option<Instant>,
    /// What is on its way to each of the ends.
    queues: [VecDeque<(Instant, Routed)>; 2],
}

impl Route {
    pub(super) fn new(ends: [usize; 2]) -> Self {
        Self { ends, is_up: false, retry: Instant::now(), cut: None, queues: Default::default() }
    }
}

impl Cluster {
    pub(super) fn cut_route(&mut self, at: usize) {
        self.routes[at].cut.get_or_insert_with(Instant::now);
    }

    pub(super) fn heal_routes(&mut self) {
        self.routes.iter_mut().for_each(|route| route.cut = None);
        self.changed.notify_one();
    }

    /// Puts something into the queue of the route to another server.
    pub(super) fn route(&mut self, from: usize, to: usize, routed: Routed) {
        let delay = Duration::from_micros(self.random.random_range(50..30_000));
        let route = self.routes.iter_mut().find(|route| route.ends.contains(&from) && route.ends.contains(&to));
        let route = route.expect("there is a route between each two");
        if route.is_up {
            let queue = &mut route.queues[usize::from(route.ends[1] == to)];
            let due = Instant::now() + delay;
            let due = queue.back().map_or(due, |(last, _)| due.max(*last));
            queue.push_back((due, routed));
        }
    }

    pub(super) fn tell_servers(&mut self, from: usize, routed: &Routed) {
        for to in (0..self.servers.len()).filter(|to| *to != from) {
            self.route(from, to, routed.clone());
        }
    }

    /// Routes of a server that has ended, or all that have been silent for too long, go down.
    pub(super) fn drop_routes(&mut self, of: Option<usize>, now: Instant) {
        for at in 0..self.routes.len() {
            let route = &self.routes[at];
            let since = |server: usize| self.servers[server].paused;
            let silent = [route.cut, since(route.ends[0]), since(route.ends[1])];
            let is_silent = silent.into_iter().flatten().any(|since| since + NOTICED <= now);
            if route.is_up && (is_silent || of.is_some_and(|server| route.ends.contains(&server))) {
                self.drop_route(at, now);
            }
        }
    }

    fn drop_route(&mut self, at: usize, now: Instant) {
        let retry = now + Duration::from_millis(self.random.random_range(10..500));
        let route = &mut self.routes[at];
        (route.is_up, route.retry, route.queues) = (false, retry, Default::default());
        let [a, b] = route.ends;
        self.servers[a].remote.remove(&b);
        self.servers[b].remote.remove(&a);
    }

    /// Routes between servers that run come up. Each side tells first what its clients want.
    pub(super) fn raise_routes(&mut self, now: Instant) {
        for at in 0..self.routes.len() {
            let Route { ends: [a, b], is_up, retry, cut, .. } = self.routes[at];
            let may_be = self.servers[a].runs() && self.servers[b].runs() && cut.is_none() && retry <= now;
            if is_up || !may_be {
                continue;
            }
            self.routes[at].is_up = true;
            for (from, to) in [(a, b), (b, a)] {
                let of = self.connections.values().filter(|connection| connection.server == from);
                let keys: Vec<Key> = of.flat_map(|connection| connection.subscriptions.values()).cloned().collect();
                keys.into_iter().for_each(|key| self.route(from, to, Routed::Subscribed(key)));
            }
        }
    }

    /// The next thing that has come over a route, and between whom.
    pub(super) fn take_routed(&mut self, now: Instant) -> Option<(usize, usize, Routed)> {
        let servers = &self.servers;
        self.routes.iter_mut().filter(|route| route.cut.is_none()).find_map(|route| {
            (0..2).find_map(|end| {
                let to = route.ends[end];
                let queue = &mut route.queues[end];
                let is_there = servers[to].runs() && queue.front().is_some_and(|(due, _)| *due <= now);
                let (_, routed) = is_there.then(|| queue.pop_front()).flatten()?;
                Some((route.ends[1 - end], to, routed))
            })
        })
    }

    /// When something is due about a route.
    pub(super) fn routes_due(&self, now: Instant) -> Option<Instant> {
        let dues = self.routes.iter().flat_map(|route| {
            let since = |server: usize| self.servers[server].paused;
            let silent = [route.cut, since(route.ends[0]), since(route.ends[1])];
            let dropped = silent.into_iter().flatten().map(|since| since + NOTICED).filter(|_| route.is_up);
            let next = route.queues.iter().filter_map(|queue| queue.front()).map(|(due, _)| *due);
            let retry = (!route.is_up).then_some(route.retry);
            dropped.chain(next).chain(retry).collect::<Vec<_>>()
        });
        // Whatever is late waits for something else, which is told.
        dues.filter(|due| *due > now).min()
    }
}
