//! Relays with a network namespace each, and a router between them that forwards their packets, or drops them.
//!
//! Clients reach a relay over the loopback interface of its namespace, which no fault touches.

use super::{Named, Namespace, NatsCluster, NatsProgram, Network, Setup};

/// Where a fault's packets are dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hook {
    /// At the router.
    Forward,
    /// Where they arrive.
    Input,
    /// Where they come from, before they leave.
    Output,
}

/// The namespaces of so many relays and the one between them.
pub(crate) struct Router {
    own: Namespace,
    relays: Vec<Namespace>,
}

fn address(relay: usize) -> String {
    format!("10.77.{relay}.2")
}

impl Router {
    /// Makes the namespaces and what connects them.
    ///
    /// # Errors
    /// Which tool or permission is missing.
    pub(crate) fn between(relays: usize) -> Result<Self, String> {
        let own = Namespace::new()?;
        let relays = (0..relays).map(|_| Namespace::new()).collect::<Result<Vec<_>, _>>()?;
        own.run(&["ip", "-batch", "-"], &links(&relays))?;
        own.run(&["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"], "")?;
        own.run(&["nft", "-f", "-"], &chains(&["forward"]))?;
        for (at, relay) in relays.iter().enumerate() {
            let (address, gateway) = (address(at), format!("10.77.{at}.1"));
            let batch = format!(
                "link set lo up\naddr add {address}/24 dev uplink\nlink set uplink up\nroute add default via {gateway}\n"
            );
            relay.run(&["ip", "-batch", "-"], &batch)?;
            relay.run(&["nft", "-f", "-"], &chains(&["input", "output"]))?;
        }
        Ok(Self { own, relays })
    }

    /// A relay in each namespace, each with a set-up of its own, which may have to find each other yet.
    pub(crate) fn network(&self, setup: impl Fn(usize, Setup) -> Setup) -> Network {
        let list: Vec<String> = (0..self.relays.len()).map(address).collect();
        let list = list.join(", ");
        let start = |(at, namespace): (usize, &Namespace)| {
            setup(at, Setup::on_shards(1).name(&format!("relay-{at}")))
                .settings(&format!("network_address: {}\nrelays: [{list}]", address(at)))
                .in_namespace(namespace)
                .start()
        };
        Network::of_started(self.relays.iter().enumerate().map(start).collect())
    }

    /// A server of NATS in each namespace and a relay beside it, which no fault parts from it. The relays may have to find
    /// each other yet.
    pub(crate) fn network_over_nats(&self, program: &NatsProgram, setup: impl Fn(usize, Setup) -> Setup) -> Network {
        let places = self.relays.iter().enumerate().map(|(at, namespace)| (namespace.clone(), address(at))).collect();
        let cluster = NatsCluster::in_namespaces(program, places);
        let start = |(at, namespace): (usize, &Namespace)| {
            setup(at, Setup::on_shards(1).name(&format!("relay-{at}")))
                .over(&cluster, Named::Only(at))
                .in_namespace(namespace)
                .start()
        };
        Network::of_started(self.relays.iter().enumerate().map(start).collect()).with_nats(cluster)
    }

    /// From here on no packet from one relay reaches another one.
    pub(crate) fn cut(&self, from: usize, to: usize, hook: Hook) {
        let (chain, namespace) = match hook {
            Hook::Forward => ("forward", &self.own),
            Hook::Input => ("input", &self.relays[to]),
            Hook::Output => ("output", &self.relays[from]),
        };
        let rule = format!("ip saddr {} ip daddr {} counter drop", address(from), address(to));
        namespace.run(&["nft", "-f", "-"], &format!("add rule ip faults {chain} {rule}")).unwrap();
    }

    /// From here on one relay cannot dial another one, which may dial it.
    pub(crate) fn forbid_dialling(&self, from: usize, to: usize) {
        let rule = format!("ip saddr {} ip daddr {} tcp dport 55001 counter drop", address(from), address(to));
        self.relays[from].run(&["nft", "-f", "-"], &format!("add rule ip faults output {rule}")).unwrap();
    }

    /// From here on so many of a hundred packets between relays are dropped, at random.
    pub(crate) fn lose(&self, percent: u32) {
        let rule = format!("add rule ip faults forward numgen random mod 100 < {percent} counter drop");
        self.own.run(&["nft", "-f", "-"], &rule).unwrap();
    }

    /// Whatever a relay has sent over the connections that it has now, and the others have not got yet, is lost for good: also
    /// behind its end, and when everything is forwarded again.
    pub(crate) fn lose_what_is_on_its_way(&self, from: usize) {
        let connections = self.relays[from].run(&["ss", "-Htn"], "").unwrap();
        let port = |end: &str| end.rsplit_once(':').expect("an address has a port").1.to_owned();
        let rule = |line: &str| {
            let ends: Vec<&str> =
                line.split_whitespace().skip(3).take(2).filter(|end| end.starts_with("10.77.")).collect();
            let [own, other] = ends[..] else { return String::new() };
            format!("tcp sport {} tcp dport {} drop\n", port(own), port(other))
        };
        let rules: String = connections.lines().map(rule).collect();
        assert!(!rules.is_empty(), "there are no connections: {connections}");
        let table = format!("table ip ended {{ chain output {{ type filter hook output priority 0;\n{rules}}}\n}}\n");
        self.relays[from].run(&["nft", "-f", "-"], &table).unwrap();
    }

    /// Forwards everything again; returns how many packets have been dropped.
    pub(crate) fn heal(&self) -> u64 {
        let namespaces = || std::iter::once(&self.own).chain(&self.relays);
        let dropped = namespaces().map(|namespace| {
            let rules = namespace.run(&["nft", "list", "table", "ip", "faults"], "").unwrap();
            let counts = rules.split("packets ").skip(1).map(|rest| rest.split(' ').next()?.parse::<u64>().ok());
            counts.map(|count| count.expect("a counter has a number")).sum::<u64>()
        });
        let dropped = dropped.sum();
        namespaces().for_each(|namespace| drop(namespace.run(&["nft", "flush", "table", "ip", "faults"], "").unwrap()));
        dropped
    }
}

/// The router's half of the set-up, for `ip -batch`: a pair of interfaces for each relay.
fn links(relays: &[Namespace]) -> String {
    let pair = |(at, relay): (usize, &Namespace)| {
        let pid = relay.pid();
        format!(
            "link add name relay-{at} type veth peer name uplink netns {pid}\naddr add 10.77.{at}.1/24 dev relay-{at}\n\
             link set relay-{at} up\n"
        )
    };
    relays.iter().enumerate().map(pair).collect()
}

/// A table of nftables with an empty chain for each hook.
fn chains(hooks: &[&str]) -> String {
    let chain = |hook| format!("chain {hook} {{ type filter hook {hook} priority 0; }}\n");
    format!("table ip faults {{\n{}}}\n", hooks.iter().map(chain).collect::<String>())
}
