//! Whoever does not keep to the rules of TLS: bounded, unnoticed by the others, and nothing is left of it.

use super::target::Target;
use crate::harness::{Client, DEADLINE, HOST, Raw, Stream, text_message, upgrade_request};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use serde_json::json;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The most that half handshakes may take of memory, each.
const HALF_HANDSHAKE_BYTES_MAX: usize = 32 * 1024;

/// Everything that the relay says on a connection up to its end.
fn rest(socket: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    match socket.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("waiting for the end: {error}"),
    }
    rest
}

#[test]
fn half_handshakes_by_the_thousand_are_bounded_and_nobody_else_notices() {
    const MANY: usize = 3000;
    const AT_A_TIME: u64 = 1000;
    let target = Target::new(2, "ping_interval: 0, max_handshakes: 1000, handshake_timeout: 2s");
    let mut quiet: Vec<Client> = (0..10).map(|_| target.daemon.client()).collect();
    quiet.iter_mut().for_each(|listener| listener.subscribe("a"));
    let mut source = target.daemon.client();
    target.settles(11, None);
    let (files, memory) = (target.open_files(), target.memory_bytes());
    let hello = target.client_hello();
    let half: Vec<TcpStream> = (0..MANY)
        .map(|number| {
            let mut socket = target.tcp();
            // Silent, a part of the first words, or all of them and then nothing.
            let part = [0, 1, 100, hello.len()][number % 4];
            socket.write_all(&hello[..part]).unwrap();
            socket
        })
        .collect();
    let began = Instant::now();
    let (mut most, mut memory_max) = (0, 0);
    for number in 0..100 {
        source.publish("a", json!(number));
        quiet.iter_mut().for_each(|listener| listener.expect_publish("a", json!(number)));
        let handshakes = target.daemon.asked()["connections"]["handshakes"].as_u64().unwrap();
        most = handshakes.max(most);
        memory_max = target.memory_bytes().max(memory_max);
        let mut other = Client::connect(target.plain);
        other.authorize("both=*");
        other.close();
    }
    let grown = memory_max.saturating_sub(memory);
    println!("{most} handshakes at a time, {} KiB of memory; 100 rounds took {:?}", grown / 1024, began.elapsed());
    assert!(most <= AT_A_TIME, "{most} at a time");
    assert!(most > AT_A_TIME / 2, "{most} at a time: the test does not do what it says");
    assert!(grown < most as usize * HALF_HANDSHAKE_BYTES_MAX, "{grown} bytes");
    // Whoever is honest has its turn, once the time of those before it is up.
    source = target.daemon.client();
    source.publish("a", json!("at last"));
    quiet.iter_mut().for_each(|listener| listener.expect_publish("a", json!("at last")));
    println!("an honest client was let in after {:?}", began.elapsed());
    assert!(target.refused("handshake_timeout") >= AT_A_TIME, "{}", target.daemon.asked());
    drop(half);
    // The first source has gone when the second took its place.
    target.settles(11, Some(files));
    quiet.iter_mut().for_each(Client::expect_no_answer);
}

#[test]
fn the_first_words_in_single_bytes_are_as_good_as_in_one() {
    let target = Target::new(1, "max_handshakes: 8");
    let mut client = ClientConnection::new(target.config.clone(), ServerName::try_from(HOST).unwrap()).unwrap();
    let mut socket = target.tcp();
    socket.set_nodelay(true).unwrap();
    client.writer().write_all(upgrade_request("").as_bytes()).unwrap();
    while client.is_handshaking() || client.wants_write() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        bytes.chunks(1).for_each(|byte| socket.write_all(byte).unwrap());
        if client.is_handshaking() {
            client.read_tls(&mut socket).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    let mut raw = Raw::over(Stream::Encrypted(Box::new(rustls::StreamOwned::new(client, socket))));
    assert!(raw.read_head().starts_with("HTTP/1.1 101 "));
    raw.expect_hello();
    raw.authorize();
}

#[test]
fn who_speaks_something_else_is_told_or_closed_and_leaves_nothing() {
    let target = Target::new(1, "");
    let files = target.open_files();
    // A browser or a health check that has the wrong scheme.
    let mut http = target.tcp();
    http.write_all(b"GET /health HTTP/1.1\r\nHost: relay\r\n\r\n").unwrap();
    let answer = String::from_utf8(rest(&mut http)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("TLS"), "{answer}");
    println!("{answer}");
    drop(http);
    assert_eq!(target.refused("tls"), 1);
    // The other way round: no answer of HTTP to what is no HTTP, or one that is refused, but no connection that hangs.
    let mut tls = TcpStream::connect(target.plain).unwrap();
    tls.set_read_timeout(Some(DEADLINE)).unwrap();
    tls.write_all(&target.client_hello()).unwrap();
    let answer = rest(&mut tls);
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    drop(tls);
    let mut random = fastrand::Rng::with_seed(7);
    for number in 0..300 {
        let mut garbage: Vec<u8> = (0..random.usize(1..3000)).map(|_| random.u8(..)).collect();
        // Two of three begin like TLS: a record of a handshake, which is garbage in itself for one of them.
        if number % 3 > 0 {
            garbage[0] = 22;
        }
        if number % 3 == 2 {
            garbage.splice(..1, [22, 3, 1, 0, 200, 1, 0, 0, 196]);
        }
        let mut socket = target.tcp();
        // The relay may close before the last byte.
        let _ = socket.write_all(&garbage);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        rest(&mut socket);
    }
    target.settles(0, Some(files));
    target.daemon.client().close();
}

#[test]
fn a_reset_in_any_phase_leaves_nothing() {
    let target = Target::new(2, "");
    let (files, hello) = (target.open_files(), target.client_hello());
    for phase in 0..7 {
        for _ in 0..50 {
            let socket = target.tcp();
            socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
            if phase < 4 {
                let mut socket = socket;
                socket.write_all(&hello[..[0, 1, hello.len() / 2, hello.len()][phase]]).unwrap();
                continue;
            }
            let mut stream = Stream::with(socket, Some(target.config.clone()));
            stream.shake_hands().unwrap();
            if phase > 4 {
                let mut raw = Raw::over(stream);
                raw.upgrade();
                if phase > 5 {
                    raw.authorize();
                    raw.send(text_message(r#"{"type":"subscribe","channel":"a"}"#));
                }
            }
        }
    }
    target.settles(0, Some(files));
    target.daemon.client().close();
}

/// A record of the length that its head can say, and one of the longest that is allowed, filled with anything.
#[test]
fn records_that_are_too_long_or_not_whole_end_the_connection() {
    let target = Target::new(1, "message_timeout: 1s, ping_interval: 1s, pong_timeout: 1s");
    let files = target.open_files();
    for (head, len) in
        [([23, 3, 3, 0xff, 0xff], 0xffff), ([23, 3, 3, 0x41, 0x00], 0x4100), ([23, 3, 3, 0x01, 0x00], 0x100)]
    {
        let record = [&head[..], &vec![7; len]].concat();
        // In the middle of a handshake.
        let mut socket = target.tcp();
        socket.write_all(&target.client_hello()).unwrap();
        // It may be refused at its head.
        let _ = socket.write_all(&record);
        rest(&mut socket);
        // And long after it.
        let mut raw = target.daemon.upgraded();
        let _ = TcpStream::write_all(raw.stream(), &record);
        let said = raw.stream().read(&mut [0; 10]).map_err(|error| error.to_string());
        println!("{len} bytes: {said:?}");
        assert!(said.is_err_and(|error| error.contains("received fatal alert") || error.contains("reset")));
    }
    // A record that never ends: the client is asked whether it is there, and its bytes are no answer for ever.
    let mut raw = target.daemon.upgraded();
    raw.authorize();
    TcpStream::write_all(raw.stream(), &[23, 3, 3, 0x40, 0, 1, 2, 3]).unwrap();
    raw.read_to_end();
    target.settles(0, Some(files));
    assert_eq!(target.refused("tls"), 3, "each in the middle of a handshake is counted");
    target.daemon.client().close();
}

/// Each asks for new keys of the relay's, too, which costs it much more than it costs the client: without a message between
/// them, a few are enough.
#[test]
fn a_flood_of_key_updates_is_ended_and_holds_nobody_up() {
    let target = Target::new(1, "ping_interval: 0");
    let files = target.open_files();
    let mut listener = target.daemon.client();
    listener.subscribe("a");
    let mut source = target.daemon.client();
    let memory = target.memory_bytes();
    let mut slowest = Duration::ZERO;
    for number in 0..50 {
        let mut flooding = target.daemon.upgraded();
        flooding.authorize();
        (0..400).for_each(|_| flooding.stream().session().unwrap().refresh_traffic_keys().unwrap());
        // The relay may have ended it before the last of them has left.
        let _ = flooding.stream().flush();
        let began = Instant::now();
        source.publish("a", json!(number));
        listener.expect_publish("a", json!(number));
        slowest = slowest.max(began.elapsed());
        let error = flooding.stream().read(&mut [0; 10]).map_err(|error| error.to_string());
        assert!(error == Ok(0) || error.as_ref().is_err_and(|error| error.contains("UnexpectedMessage")), "{error:?}");
    }
    let grown = target.memory_bytes().saturating_sub(memory);
    println!("50 floods; the slowest message took {slowest:?}; {} KiB more memory", grown / 1024);
    assert!(grown < 4 * 1024 * 1024, "{grown} bytes");
    target.settles(2, Some(files + 2));
}
