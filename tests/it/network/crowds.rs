//! Crowds of connections that say nothing, on the port of the relays: they have their places, and relays have theirs.

use super::status::wait_until;
use crate::harness::{DEADLINE, Daemon, ReservedPort, Setup};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// As many as may be there, beside those with kept places.
const STRANGERS_MAX: u8 = 64;
/// As many as may be there of one address.
const PER_ADDRESS_MAX: u8 = 4;
/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// Dials from 127.0.0.`host`.
pub(super) fn dial_from(host: u8, port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, host], 0)).into()).unwrap();
    socket.connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)).into(), DEADLINE).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Whether the relay has ended the connection.
fn has_ended(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let ended = !stream.peek(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    ended
}

/// Keeps as many connections as there are places from each of these hosts, and dials again for each that ends.
fn crowd(hosts: &[u8], each: u8, port: u16, is_over: &AtomicBool) {
    let mut inside: Vec<(u8, TcpStream)> = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        inside.retain(|(_, stream)| !has_ended(stream));
        for &host in hosts {
            let there = inside.iter().filter(|(other, _)| *other == host).count();
            inside.extend((there..each.into()).map(|_| (host, dial_from(host, port))));
        }
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Ends with the test, however that ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn wait_linked(relay: &Daemon, name: &str) {
    let is_linked = |relay: &Value| relay["name"] == name && relay["state"] == "linked";
    wait_until(relay, |status| status["relays"].as_array().unwrap().iter().any(is_linked));
}

/// Both at the address of a relay that is listed, and at as many others as it takes for all places.
#[test]
fn silent_connections_keep_no_relay_out() {
    for shards in [1, 3] {
        let ports = [ReservedPort::new(), ReservedPort::new()];
        let port = ports[0].port();
        let relay = Setup::on_shards(shards).name("relay-0").in_network(&ports[..1], 0).start();
        let is_over = AtomicBool::new(false);
        let others: Vec<u8> = (2..2 + STRANGERS_MAX / PER_ADDRESS_MAX).collect();
        thread::scope(|scope| {
            let over = Over(&is_over);
            scope.spawn(|| crowd(&others, PER_ADDRESS_MAX, port, &is_over));
            scope.spawn(|| crowd(&[1], STRANGERS_MAX, port, &is_over));
            relay.log().wait_for("the crowd", |line| line.contains("have not said who they are").then_some(()));
            // It is in no list of the first one, and there is no place for it that nobody else has: it comes in all the
            // same.
            let other = Setup::on_shards(shards).name("relay-1").in_network(&ports, 1).start();
            wait_linked(&relay, "relay-1");
            wait_linked(&other, "relay-0");
            drop(over);
        });
    }
}

/// Where all places are taken the oldest one goes that has said nothing, and where an address has its share, of its own.
#[test]
fn the_oldest_silent_one_goes() {
    let port = ReservedPort::new();
    let relay = Setup::on_shards(1).name("relay-0").in_network(std::slice::from_ref(&port), 0).start();
    let (began, mut silent) = (Instant::now(), Vec::<TcpStream>::new());
    for host in 2..2 + STRANGERS_MAX / PER_ADDRESS_MAX {
        silent.extend((0..PER_ADDRESS_MAX).map(|_| dial_from(host, port.port())));
    }
    let ended = |silent: &[TcpStream]| silent.iter().position(has_ended);
    let wait_for = |silent: &mut Vec<TcpStream>, first: usize| {
        let mut gone = &silent[first];
        std::io::Read::read_to_end(&mut gone, &mut Vec::new()).unwrap();
        silent.remove(first);
        // Where the machine has stood still for so long, their time is over.
        let is_over = began.elapsed() >= HANDSHAKE_MAX;
        assert!(is_over || ended(silent).is_none(), "nobody else has to go");
    };
    let _one_too_many_of_its_address = dial_from(9, port.port());
    wait_for(&mut silent, usize::from(PER_ADDRESS_MAX) * 7);
    let _one_too_many = dial_from(200, port.port());
    wait_for(&mut silent, 0);
    // It is said once for each address.
    let said = |line: &str| line.contains("have not said who they are");
    relay.log().wait_for("the second line", |line| (said(line) && line.contains("127.0.0.200")).then_some(()));
    assert_eq!(relay.log().lines().iter().filter(|line| said(line)).count(), 2, "{}", relay.log().text());
}
