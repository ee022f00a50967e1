//! Certificates that are exchanged under clients who listen all the time: as Kubernetes and as certbot exchange them.

use super::certificates::{sha256, without_resumption};
use crate::harness::{Authority, Client, DEADLINE, Daemon, HOST, Issued, Setup, Stream, encrypt_at, many_open_files};
use rustls::ClientConfig;
use serde_json::{Value, json};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

const LISTENERS: usize = 1000;
const THREADS: usize = 8;

/// A certificate with its key in a folder as Kubernetes mounts a secret: `tls.crt` leads to `..data/tls.crt`, and `..data` to
/// the folder of one version, which is exchanged at once.
struct Mounted<'a>(&'a Path);

impl Mounted<'_> {
    fn put(&self, version: usize, issued: &Issued) {
        let folder = format!("..version_{version}");
        fs::create_dir(self.0.join(&folder)).unwrap();
        issued.files_as(&self.0.join(&folder), "tls.crt", "tls.key");
        let (new, data) = (self.0.join("..data_tmp"), self.0.join("..data"));
        symlink(&folder, &new).unwrap();
        fs::rename(new, data).unwrap();
        for name in ["tls.crt", "tls.key"] {
            if fs::symlink_metadata(self.0.join(name)).is_err() {
                symlink(format!("..data/{name}"), self.0.join(name)).unwrap();
            }
        }
    }
}

/// The same as certbot keeps it: `live/NAME/fullchain.pem` leads to `../../archive/NAME/fullchain1.pem`, and each link is
/// exchanged for itself.
struct Live<'a>(&'a Path);

impl Live<'_> {
    fn put(&self, version: usize, issued: &Issued) {
        let [archive, live] = ["archive/relay", "live/relay"].map(|folder| self.0.join(folder));
        fs::create_dir_all(&archive).unwrap();
        fs::create_dir_all(&live).unwrap();
        let [chain, key] = ["fullchain", "privkey"].map(|name| format!("{name}{version}.pem"));
        issued.files_as(&archive, &chain, &key);
        for (link, file) in [("privkey.pem", key), ("fullchain.pem", chain)] {
            // As certbot does it: for a moment there is no link.
            let link = live.join(link);
            if fs::symlink_metadata(&link).is_ok() {
                fs::remove_file(&link).unwrap();
            }
            symlink(format!("../../archive/relay/{file}"), link).unwrap();
        }
    }
}

/// Waits until new connections are shown this certificate; the status says so, too.
fn wait_until_shown(daemon: &Daemon, config: &Arc<ClientConfig>, place: &(Value, SocketAddr), issued: &Issued) {
    let (name, address) = place;
    let began = Instant::now();
    let wanted = sha256(&issued.certificate);
    loop {
        let mut stream = Stream::to(TcpStream::connect(*address).unwrap(), config.clone(), HOST);
        stream.shake_hands().unwrap();
        if sha256(&stream.shown().0) == wanted {
            break;
        }
        assert!(began.elapsed() < DEADLINE, "it is never shown");
        thread::park_timeout(Duration::from_millis(50));
    }
    let status = daemon.asked();
    let listeners = status["listeners"].as_array().unwrap();
    let now = listeners.iter().find(|now| now["name"] == *name).unwrap();
    assert_eq!(now["tls"]["certificates"][0]["sha256"], wanted);
}

/// A listener of the relay that encrypts, with its name and its address.
fn places(daemon: &Daemon) -> Vec<(Value, SocketAddr)> {
    let listeners = daemon.asked()["listeners"].as_array().unwrap().clone();
    listeners.into_iter().map(|one| (one["name"].clone(), one["address"].as_str().unwrap().parse().unwrap())).collect()
}

/// Listeners that get one number after the other, each of them every one, until `is_over`; returns how many there were.
fn numbers_arrive(places: &[(Value, SocketAddr)], is_over: &AtomicBool, listening: &AtomicBool) -> u64 {
    let barrier = Barrier::new(THREADS + 1);
    let listen = |thread: usize| {
        let mut listeners: Vec<Client> = (0..LISTENERS / THREADS)
            .map(|number| {
                let mut listener = Client::connect(places[(thread + number) % places.len()].1);
                listener.authorize("both=*");
                listener.subscribe("a");
                listener
            })
            .collect();
        barrier.wait();
        for number in 0.. {
            let arrived: Vec<Value> =
                listeners.iter_mut().map(|listener| listener.next_json()["content"].take()).collect();
            assert!(arrived.iter().all(|content| *content == arrived[0]));
            barrier.wait();
            if arrived[0] == "end" {
                return;
            }
            assert_eq!(arrived[0], number);
        }
    };
    thread::scope(|scope| {
        (0..THREADS).for_each(|thread| drop(scope.spawn(move || listen(thread))));
        let mut source = Client::connect(places[0].1);
        source.authorize("both=*");
        barrier.wait();
        listening.store(true, Ordering::Relaxed);
        for number in 0.. {
            let is_last = is_over.load(Ordering::Relaxed);
            source.publish("a", if is_last { json!("end") } else { json!(number) });
            barrier.wait();
            if is_last {
                return number;
            }
        }
        unreachable!("it is over some time")
    })
}

/// By SIGHUP, and by the files alone.
#[test]
fn ten_exchanges_under_a_thousand_listeners_lose_nothing() {
    many_open_files();
    let (authority, folder) = (Authority::new("of the test"), tempfile::tempdir().unwrap());
    let issue = || authority.issue(&[HOST]);
    let (mounted, live) = (Mounted(folder.path()), Live(folder.path()));
    mounted.put(0, &issue());
    live.put(0, &issue());
    let shown = folder.path().display();
    let settings = format!(
        "listeners:\n\
         - {{name: mounted, address: 127.0.0.1, port: 0, tls: {{certificate: {shown}/tls.crt, key: {shown}/tls.key}}}}\n\
         - {{name: live, address: 127.0.0.1, port: 0, tls: {{certificate: {shown}/live/relay/fullchain.pem, \
         key: {shown}/live/relay/privkey.pem}}}}\n\
         limits: {{max_connections_per_address: 0, max_unauthorized: 2000, ping_interval: 0, write_deadline: 1h}}"
    );
    let daemon = Setup::on_shards(2).settings(&settings).start();
    let places = places(&daemon);
    places.iter().for_each(|(_, address)| encrypt_at(*address, Some(authority.trusted_by(None))));
    let config = without_resumption(&authority);
    let (is_over, listening) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let load = scope.spawn(|| numbers_arrive(&places, &is_over, &listening));
        let began = Instant::now();
        while !listening.load(Ordering::Relaxed) {
            assert!(!load.is_finished() && began.elapsed() < 3 * DEADLINE, "they do not listen");
            thread::park_timeout(Duration::from_millis(20));
        }
        let began = Instant::now();
        for version in 1..=10 {
            let (first, second) = (issue(), issue());
            mounted.put(version, &first);
            live.put(version, &second);
            if version % 3 != 0 {
                daemon.reload();
            }
            wait_until_shown(&daemon, &config, &places[0], &first);
            wait_until_shown(&daemon, &config, &places[1], &second);
            assert!(!load.is_finished(), "a listener has lost something");
        }
        is_over.store(true, Ordering::Relaxed);
        let numbers = load.join().unwrap();
        println!(
            "ten exchanges took {:?}; {numbers} numbers arrived at each of {LISTENERS} listeners",
            began.elapsed()
        );
    });
    daemon.expect_nobody_disconnected();
}
