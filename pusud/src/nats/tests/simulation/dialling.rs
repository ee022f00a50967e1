//! A relay's way to the servers.

use super::checker::Host;
use super::cluster::{SERVERS, World};
use super::stream::Stream;
use crate::nats::server::{Info, Parser, ServerAddress};
use crate::nats::servers::{Connected, Servers, Way};
use rand::RngExt as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a server may take to answer.
const DIAL_MAX: Duration = Duration::from_secs(3);
/// How often it is looked whether it does.
const LOOK: Duration = Duration::from_millis(50);

pub(super) struct Dialler {
    pub(super) world: World,
    pub(super) host: Host,
}

/// The servers of a relay's settings: one is left out, and learned from the others.
pub(super) fn addresses(host: Host) -> Vec<ServerAddress> {
    let listed = (0..SERVERS).filter(|server| *server != host % SERVERS);
    listed.map(|server| ServerAddress::parse(&format!("nats://n{server}")).unwrap()).collect()
}

impl Servers for Dialler {
    type Stream = Stream;

    async fn dial(&self, address: &ServerAddress) -> Result<Connected<Stream>, String> {
        let server: usize = address.host()[1..].parse().expect("a number behind n");
        let end = Instant::now() + DIAL_MAX;
        let way = self.world.borrow_mut().random.random_range(1..20);
        sleep(Duration::from_millis(way)).await;
        loop {
            let is_silent = {
                let cluster = self.world.borrow();
                let is_refused = !cluster.servers[server].is_up || cluster.servers[server].ends.is_some();
                let is_cut = cluster.is_way_cut(self.host, server);
                if is_refused && !is_cut {
                    return Err("refused".to_owned());
                }
                is_cut || cluster.servers[server].paused.is_some()
            };
            if !is_silent {
                break;
            }
            if Instant::now() >= end {
                return Err("silent".to_owned());
            }
            sleep(LOOK).await;
        }
        let mut cluster = self.world.borrow_mut();
        let id = cluster.connect(self.host, server);
        let info = Info::parse(cluster.info(server).as_bytes()).expect("as servers say it");
        let mut parser = Parser::new(1 << 20);
        if cluster.random.random() {
            parser.feed(b"PING\r\n");
        }
        Ok(Connected {
            stream: Stream { world: self.world.clone(), id, alarm: None },
            way: Way::default(),
            info,
            parser,
        })
    }
}
