//! Sockets that a service manager has opened and keeps, in systemd's protocol: taken by their names, and open while the relay
//! is restarted.

use crate::harness::{
    DEADLINE, Daemon, Raw, Setup, close_code, pusud, root, run, text_message, upgrade_request, write_certificate,
};
use serde_json::json;
use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A daemon that is started with these sockets.
fn with(setup: Setup, sockets: &[(&str, BorrowedFd<'_>)]) -> Setup {
    let mut runner: Vec<OsString> = vec!["python3".into(), root().join("tests/fixtures/hand_over.py").into()];
    for (name, socket) in sockets {
        rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::empty()).unwrap();
        runner.push(format!("{name}={}", socket.as_raw_fd()).into());
    }
    runner.push("--".into());
    setup.run_by(runner)
}

fn listening() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Starts one that cannot; what it says has each of `parts`.
fn fails(setup: Setup, parts: &[&str]) {
    let starting = setup.spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(1));
    let text = log.text();
    println!("{text}");
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The settings name other places, which do not count.
const TWO: &str = "listeners:\n\
                   - {name: web, address: 127.0.0.1, port: 1}\n\
                   - {name: local, unix: /nowhere/clients.sock}\n";

#[test]
fn they_are_taken_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("handed.sock");
    let (tcp, unix) = (listening(), UnixListener::bind(&path).unwrap());
    let sockets = [("local", unix.as_fd()), ("web", tcp.as_fd())];
    let daemon = with(Setup::on_shards(2).settings(TWO), &sockets).start();
    assert_eq!(daemon.address(), tcp.local_addr().unwrap());
    let mut listener = daemon.client();
    listener.subscribe("a");
    let url = format!("unix:{}", path.display());
    run(pusud(&["publish", "--url", &url, "a", "1"]).env("PUSU_AUTHORIZATION", "both=*")).succeeds();
    listener.expect_publish("a", json!("1"));
    let listeners = daemon.status()["listeners"].clone();
    assert_eq!((&listeners[0]["name"], &listeners[1]["address"]), (&json!("web"), &json!(url)), "{listeners}");
    daemon.log().wait_for("which was handed over", |line| {
        (line.contains("the service manager has handed the socket over") && line.contains("handed.sock")).then_some(())
    });
    // It is the service manager's: the relay leaves it where it is.
    drop(daemon);
    assert!(path.exists());
}

#[test]
fn the_operators_port_is_taken_by_its_name_and_no_other_place_is() {
    let (web, operations) = (listening(), listening());
    let sockets = [("operations", operations.as_fd()), ("pusud.socket", web.as_fd())];
    let setup = Setup::on_shards(1).with_operations();
    let daemon = with(setup, &sockets).start();
    assert_eq!((daemon.address(), daemon.operations()), (web.local_addr().unwrap(), operations.local_addr().unwrap()));
    daemon.get_operations("/livez").expect(200);
    drop(daemon);
    let unix = UnixListener::bind(tempfile::tempdir().unwrap().path().join("o.sock")).unwrap();
    let sockets = [("operations", unix.as_fd())];
    fails(with(Setup::on_shards(1).with_operations(), &sockets), &["expected a TCP socket"]);
}

#[test]
fn the_only_one_needs_no_name() {
    for name in ["pusud.socket", ""] {
        let socket = listening();
        let daemon = with(Setup::on_shards(1).port(1), &[(name, socket.as_fd())]).start();
        assert_eq!(daemon.address(), socket.local_addr().unwrap());
        daemon.client().close();
    }
}

/// The plugin's process gets none of them, and no word about them that it could take for its own.
#[test]
fn a_plugin_in_a_process_of_its_own_gets_none_of_them() {
    let socket = listening();
    let setup = Setup::on_shards(1).port(1).settings("isolation: process");
    let daemon = with(setup, &[("pusud.socket", socket.as_fd())]).start();
    daemon.client().close();
    let inode = |pid: u32, fd: &str| std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok();
    let handed_over = inode(std::process::id(), &socket.as_raw_fd().to_string()).unwrap();
    let files = |pid: u32| -> Vec<String> {
        let folder = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let has_it = |pid: u32| files(pid).iter().any(|fd| inode(pid, fd).as_ref() == Some(&handed_over));
    assert!(has_it(daemon.pid()));
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", daemon.pid())).unwrap();
    let threads = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let mut all: Vec<u32> = children.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    for thread in threads {
        let children = std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap();
        all.extend(children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
    }
    assert!(!all.is_empty(), "the plugin has a process");
    for pid in all {
        assert!(!has_it(pid), "{pid} has the socket");
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        assert!(!environment.contains("LISTEN_PID="), "{environment}");
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let (tcp, other, udp) = (listening(), listening(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let dir = tempfile::tempdir().unwrap();
    let unix = UnixListener::bind(dir.path().join("a.sock")).unwrap();
    let web = ("web", tcp.as_fd());
    let two = || Setup::on_shards(1).settings(TWO);
    fails(
        with(two(), &[web, ("strange", other.as_fd()), ("local", unix.as_fd())]),
        &["no listener has the name of: strange", "the listeners are web, local", "FileDescriptorName="],
    );
    // Two sockets with systemd's own name: which is whose is not to be guessed.
    fails(
        with(two(), &[("pusud.socket", tcp.as_fd()), ("pusud.socket", unix.as_fd())]),
        &["no listener has the name of: pusud.socket, pusud.socket"],
    );
    fails(
        with(two(), &[("web", udp.as_fd())]),
        &["hands over \\\"web\\\"", "a stream socket that listens", "ListenStream="],
    );
    let connected = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
    fails(with(two(), &[("web", connected.as_fd())]), &["hands over \\\"web\\\"", "it does not listen"]);
    fails(
        with(two(), &[("web", unix.as_fd()), ("local", tcp.as_fd())]),
        &["the listener \\\"web\\\"", "has a port", "a Unix socket", "FileDescriptorName="],
    );
}

/// What became of one attempt.
#[derive(Debug, PartialEq)]
enum Met {
    Greeted,
    /// Told to come back: HTTP 503, or close 1001.
    SeenOff,
}

/// Connects as clients do; any other end than those is an error.
fn attempt(address: SocketAddr) -> io::Result<Met> {
    let mut socket = TcpStream::connect_timeout(&address, DEADLINE)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    socket.write_all(upgrade_request("").as_bytes())?;
    let (mut all, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let len = socket.read(&mut buffer)?;
        all.extend_from_slice(&buffer[..len]);
        let text = String::from_utf8_lossy(&all);
        if text.contains("\"hello\"") {
            return Ok(Met::Greeted);
        }
        if text.starts_with("HTTP/1.1 503 ") || all.windows(4).any(|bytes| bytes == [0x88, 2, 0x03, 0xe9]) {
            return Ok(Met::SeenOff);
        }
        if len == 0 {
            return Err(io::Error::other(format!("the end after {text:?}")));
        }
    }
}

#[test]
fn a_restart_refuses_nobody() {
    const RESTARTS: usize = 4;
    let socket = listening();
    let address = socket.local_addr().unwrap();
    let limits = "limits: {max_unauthorized_per_address: 0, max_connections_per_address: 0}";
    let setup = Setup::on_shards(2).port(1).settings(limits);
    let mut daemon = with(setup, &[("pusud.socket", socket.as_fd())]).start();
    let (greeted, seen_off) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    let come = || {
        while !is_over.load(Ordering::Relaxed) {
            match attempt(address).unwrap_or_else(|error| panic!("refused: {error}")) {
                Met::Greeted => greeted.fetch_add(1, Ordering::Relaxed),
                Met::SeenOff => seen_off.fetch_add(1, Ordering::Relaxed),
            };
        }
    };
    thread::scope(|scope| {
        let crowd: Vec<_> = (0..8).map(|_| scope.spawn(come)).collect();
        for _ in 0..RESTARTS {
            let before = greeted.load(Ordering::Relaxed);
            let began = Instant::now();
            while greeted.load(Ordering::Relaxed) < before + 200 {
                assert!(began.elapsed() < DEADLINE, "nobody is greeted");
                assert!(!crowd.iter().any(thread::ScopedJoinHandle::is_finished), "somebody was refused");
                thread::park_timeout(Duration::from_millis(5));
            }
            daemon.terminate();
            assert_eq!(daemon.wait().code(), Some(0));
            daemon.restart();
            assert_eq!(daemon.address(), address);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    println!("{greeted:?} were greeted and {seen_off:?} seen off over {RESTARTS} restarts");
    daemon.client().close();
}

/// The same where the socket speaks TLS, and for those who are connected: they are told, come back at once, and wait for the
/// new relay in the socket's queue.
#[test]
fn who_is_told_to_come_back_waits_for_the_next_relay() {
    let socket = listening();
    let dir = tempfile::tempdir().unwrap();
    write_certificate(dir.path(), "relay");
    let shown = dir.path().display();
    let tls = format!("client_tls: {{certificate: {shown}/relay.pem, key: {shown}/relay.key}}");
    let mut daemon: Daemon = with(Setup::on_shards(1).port(1).settings(&tls), &[("clients", socket.as_fd())]).start();
    crate::harness::encrypt_at(daemon.address(), Some(crate::harness::trusting(&dir.path().join("relay.pem"))));
    let address = daemon.address();
    let mut clients: Vec<Raw> = (0..20).map(|_| daemon.upgraded()).collect();
    daemon.terminate();
    for client in &mut clients {
        let frame = client.read_frame();
        assert_eq!(close_code(&frame), Some(1001));
    }
    drop(clients);
    // Nobody accepts them by now.
    let coming: Vec<_> = (0..20).map(|_| thread::spawn(move || Raw::upgraded(address))).collect();
    assert_eq!(daemon.wait().code(), Some(0));
    daemon.restart();
    for client in coming {
        let mut client = client.join().unwrap();
        client.send(text_message(r#"{"type":"authorize","authorization":"both=*"}"#));
        assert_eq!(client.read_text(), r#"{"type":"authorization_ok"}"#);
    }
}

/// What the socket unit opens is what the relay would without it, under the name that the relay looks for.
#[test]
fn the_socket_unit_fits_the_relay() {
    let unit = std::fs::read_to_string(root().join("config/pusud.socket")).unwrap();
    let value = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("{key} is missing: {unit}")).to_owned()
    };
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("settings.yaml");
    std::fs::write(&settings, "authenticator: None\n").unwrap();
    let checked = run(pusud(&["check", "--config"]).arg(&settings)).succeeds();
    assert!(checked.contains(&value("ListenStream=")), "{checked}");
    let socket = listening();
    let daemon = with(Setup::on_shards(1).port(1), &[(&value("FileDescriptorName="), socket.as_fd())]).start();
    assert_eq!(daemon.status()["listeners"][0]["name"], value("FileDescriptorName="));
}
