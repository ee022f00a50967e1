//! Links between relays are encrypted where there is a key: nothing of what they carry can be seen on their way, the
//! status says so, and relays that do not encrypt are warned about or refused.

use super::status::{text_of, wait_until};
use super::traffic::peer_of;
use crate::harness::{Client, DEADLINE, Daemon, FakeRelay, Network, ReservedPort, Setup, hello, kind, pusud, run};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// All bytes that have gone through a tap, in both directions.
type Heard = Arc<Mutex<Vec<u8>>>;

/// A way to the port of a relay on which somebody listens.
fn tap(target: u16) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, heard) = (listener.local_addr().unwrap().port(), Heard::default());
    let shared = heard.clone();
    // It ends with the test's process.
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { continue };
            for (from, to) in [(&near, &far), (&far, &near)] {
                let (from, to, heard) = (from.try_clone().unwrap(), to.try_clone().unwrap(), shared.clone());
                thread::spawn(move || pass_on(from, to, &heard));
            }
        }
    });
    (port, heard)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, heard: &Heard) {
    let mut bytes = [0; 4096];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        heard.lock().unwrap().extend_from_slice(&bytes[..len]);
        if to.write_all(&bytes[..len]).is_err() {
            break;
        }
    }
    // The other side may have gone before.
    let _ = to.shutdown(Shutdown::Both);
}

fn is_heard(heard: &Heard, text: &str) -> bool {
    heard.lock().unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

/// Two relays of which the second one dials the first, through a tap.
fn tapped(setup: impl Fn(Setup) -> Setup) -> ([Daemon; 2], Heard) {
    let ports = [ReservedPort::new(), ReservedPort::new()];
    let (tap, heard) = tap(ports[0].port());
    let start = |at: usize, other: u16| {
        let own = ports[at].port();
        let network = format!("network_address: 127.0.0.1\nnetwork_port: {own}\nrelays: ['127.0.0.1:{other}']");
        setup(Setup::on_shards(1).name(&format!("relay-{at}")).settings(&network)).start()
    };
    // The first one knows itself alone.
    ([start(0, ports[0].port()), start(1, tap)], heard)
}

/// A message crosses the tapped link: gives whether its channel, its content and the name of the relay could be seen.
fn seen_on_the_way(setup: impl Fn(Setup) -> Setup, encrypted: bool) -> [bool; 3] {
    let ([near, far], heard) = tapped(setup);
    let mut listener: Client = far.client();
    listener.subscribe("a channel of its own");
    wait_until(&near, |status| {
        let mut relays = status["relays"].as_array().unwrap().iter();
        relays.any(|relay| relay["interest"] == 1 && relay["encrypted"] == encrypted)
    });
    near.client().publish("a channel of its own", json!("what nobody else shall read"));
    listener.expect_publish("a channel of its own", json!("what nobody else shall read"));
    ["a channel of its own", "what nobody else shall read", "relay-1"].map(|text| is_heard(&heard, text))
}

#[test]
fn nothing_that_a_link_carries_can_be_seen_on_its_way() {
    // Names of relays are said before.
    assert_eq!(seen_on_the_way(|setup| setup, true), [false, false, true]);
    assert_eq!(seen_on_the_way(|setup| setup.settings("network_encryption: required"), true), [false, false, true]);
    assert_eq!(seen_on_the_way(|setup| setup.settings("network_encryption: off"), false), [true, true, true]);
    assert_eq!(seen_on_the_way(Setup::without_key, false), [true, true, true]);
}

#[test]
fn the_status_and_the_log_say_which_links_are_encrypted() {
    let network = Network::of(3);
    for at in 0..3 {
        let relay = network.relay(at);
        let status = wait_until(relay, |status| {
            (0..3).filter(|&other| other != at).all(|other| peer_of(status, other)["round_trip"].is_number())
        });
        (0..3).filter(|&other| other != at).for_each(|other| assert_eq!(peer_of(&status, other)["encrypted"], true));
        assert_eq!(text_of(relay).matches(" ms, encrypted, ").count(), 2, "{}", text_of(relay));
        let log = relay.log().text();
        assert!(log.contains(r#""encrypted":true"#) && !log.contains("the link is not encrypted"), "{log}");
    }
}

/// As while versions mix: they link, and the log says with whom the link is not encrypted.
#[test]
fn a_relay_that_does_not_encrypt_is_linked_and_warned_about() {
    let network = Network::with(2, |at, setup| if at == 0 { setup } else { setup.settings("network_encryption: off") });
    let is_warning = |line: &str| {
        let is_it = line.contains("the link is not encrypted") && line.contains(r#""relay":"relay-1""#);
        (is_it && line.contains("`network_encryption` is `off` there")).then_some(())
    };
    network.relay(0).log().wait_for("the warning", is_warning);
    wait_until(network.relay(0), |status| peer_of(status, 1)["round_trip"].is_number());
    assert_eq!(peer_of(&network.relay(0).status(), 1)["encrypted"], false);
    assert!(text_of(network.relay(0)).contains(" ms, not encrypted, "));
    let log = network.relay(1).log().text();
    assert!(!log.contains("the link is not encrypted") && log.contains("`network_encryption: off`: links to"), "{log}");
}

#[test]
fn a_relay_that_does_not_encrypt_is_refused_where_that_is_required() {
    let port = ReservedPort::new();
    let relay = Setup::on_shards(1).name("relay-0").in_network(std::slice::from_ref(&port), 0);
    let relay = relay.settings("network_encryption: required").start();
    let mut older = FakeRelay::dial(port.port());
    older.send(kind::HELLO, &hello("older", [7; 16], true));
    let refusal = older.expect(kind::REFUSE).fields;
    let reason = String::from_utf8_lossy(&refusal[2..]).into_owned();
    assert_eq!(refusal[..2], [0, 12], "{reason}");
    assert!(reason.contains("`older` does not encrypt: it is of an older version: update it"), "{reason}");
    let is_told = |line: &str| (line.contains("a relay was not linked") && line.contains("older")).then_some(());
    relay.log().wait_for("the refusal", is_told);
}

/// Who says that it encrypts and then says nothing is cut like others that say half a handshake.
#[test]
fn half_a_handshake_of_tls_is_not_waited_for() {
    let port = ReservedPort::new();
    let mut relay = Setup::on_shards(1).name("relay-0").in_network(std::slice::from_ref(&port), 0).start();
    let mut stranger = FakeRelay::dial(port.port());
    let mut fields = hello("stranger", [7; 16], true);
    fields[7] = 2;
    fields.extend([1, 0]);
    stranger.send(kind::HELLO, &fields);
    stranger.expect(kind::HELLO);
    assert!(stranger.try_send(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]));
    let began = std::time::Instant::now();
    assert!(stranger.next().is_none(), "the relay has answered in the clear");
    assert!(began.elapsed() < DEADLINE);
    relay.assert_alive();
}

#[test]
fn what_cannot_be_had_is_said_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("settings.yaml");
    let text =
        "authenticator: None\nclient_address: 127.0.0.1\nclient_port: 0\nnetwork_port: 0\nrelays: ['127.0.0.1:1']\n";
    std::fs::write(&settings, format!("{text}network_encryption: required\n")).unwrap();
    for command in ["check", "run"] {
        let parts = ["`network_encryption`", "needs `network_key_file`", "openssl rand -hex 32"];
        run(pusud(&[command, "--config"]).arg(&settings)).fails_saying(&parts);
    }
    std::fs::write(&settings, format!("{text}network_encryption: preferred\n")).unwrap();
    let said = run(pusud(&["check", "--config"]).arg(&settings)).succeeds();
    assert!(said.contains("preferred: with whoever answers"), "{said}");
}
