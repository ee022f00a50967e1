//! Open files: links to other relays have theirs, whatever clients and strangers take.

use crate::harness::{Client, DEADLINE, Daemon, ReservedPort, Setup, many_open_files};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What the first relay may have open: 128, 4 for its shard and 93 for a network of 2 are kept, and the rest is clients.
const OPEN_FILES: u32 = 325;
const CLIENTS: usize = 100;
/// More than there are places for connections that are being turned away, and for relays that do not say who they are.
const CROWD: usize = 100;

#[test]
fn a_link_comes_up_while_all_places_are_taken() {
    many_open_files();
    let ports = [ReservedPort::new(), ReservedPort::new()];
    let full = Setup::on_shards(1).name("relay-0").in_network(&ports, 0).open_files(OPEN_FILES).start();
    full.log().wait_for("the warning", |line| line.contains(&format!("room for {CLIENTS} connections")).then_some(()));
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| full.client()).collect();
    let is_over = AtomicBool::new(false);
    let relays_port = SocketAddr::from(([127, 0, 0, 1], ports[0].port()));
    thread::scope(|scope| {
        // Ends with the test, however that ends.
        let over = Over(&is_over);
        scope.spawn(|| crowd(full.address(), &is_over));
        scope.spawn(|| crowd(relays_port, &is_over));
        full.log().wait_for("the crowd of relays", |line| line.contains("have not said who they are").then_some(()));
        wait_until(&full, |status| status["refusals"]["max_connections"].as_u64() > Some(CROWD as u64));
        let other = Setup::on_shards(1).name("relay-1").in_network(&ports, 1).start();
        let is_linked = |relay: &Value| relay["name"] == "relay-1" && relay["state"] == "linked";
        let status = wait_until(&full, |status| status["relays"].as_array().unwrap().iter().any(is_linked));
        assert_eq!(status["connections"]["total"], CLIENTS, "{status:#}");
        clients[0].subscribe("a");
        let mut source = other.client();
        source.publish("a", json!("from there"));
        clients[0].expect_publish("a", json!("from there"));
        drop(over);
    });
    let log = full.log().text();
    for words in ["cannot accept", "Too many open files", "os error 24"] {
        assert!(!log.contains(words), "it was out of files: {log}");
    }
}

fn wait_until(relay: &Daemon, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let status = relay.asked();
        if is_so(&status) {
            return status;
        }
        assert!(began.elapsed() < DEADLINE, "{status:#}");
        thread::park_timeout(Duration::from_millis(50));
    }
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Comes again and again, says nothing, and stays as long as it may.
fn crowd(address: SocketAddr, is_over: &AtomicBool) {
    let mut inside = VecDeque::new();
    while !is_over.load(Ordering::Relaxed) {
        // Who does not get in tries again.
        inside.extend(TcpStream::connect_timeout(&address, DEADLINE).ok());
        if inside.len() > CROWD {
            inside.pop_front();
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}
