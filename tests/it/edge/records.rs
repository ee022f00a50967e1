//! Records of TLS that do not come whole, or come together with others.

use crate::harness::{
    Client, DEADLINE, Raw, Setup, Stream, text_message, trusting, upgrade_request, write_certificate,
};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// The records that the session has to send.
fn records(session: &mut ClientConnection) -> Vec<u8> {
    let mut records = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut records).unwrap();
    }
    records
}

/// A record with this text message in it, which has not been sent.
fn record(stream: &mut Stream, json: &str) -> Vec<u8> {
    let session = stream.session().expect("it is encrypted");
    session.writer().write_all(text_message(json).as_ref()).unwrap();
    records(session)
}

#[test]
fn half_a_record_has_the_time_of_a_message() {
    let daemon = Setup::on_shards(1).encrypted().settings("limits: {message_timeout: 500ms}").start();
    let mut raw = daemon.upgraded();
    raw.authorize();
    let record = record(raw.stream(), r#"{"type":"subscribe","channel":"a"}"#);
    let socket: &mut TcpStream = raw.stream();
    // A byte at a time is no way past it.
    for byte in &record[..record.len() / 2] {
        socket.write_all(&[*byte]).unwrap();
    }
    raw.expect_closed(1008);
    assert_eq!(daemon.status()["refusals"]["message_timeout"], 1);
}

/// Of those who hold half records the ones with most go, and nobody else.
#[test]
fn half_records_are_held_by_those_who_have_sent_them() {
    let limits = "limits: {max_queued_bytes: 2 MiB, max_unauthorized: 500, message_timeout: 1h}";
    let daemon = Setup::on_shards(1).encrypted().settings(limits).start();
    let mut listener = daemon.client();
    listener.subscribe("a");
    let hold = || {
        let mut raw = daemon.upgraded();
        let mut half = vec![23, 3, 3, 0x40, 0x11];
        half.resize(16_300, 0);
        let socket: &mut TcpStream = raw.stream();
        socket.write_all(&half).unwrap();
        raw
    };
    let _holders: Vec<Raw> = (0..300).map(|_| hold()).collect();
    let mut source = daemon.client();
    for number in 0..20 {
        source.publish("a", json!([number, "x".repeat(20_000)]));
        listener.expect_publish("a", json!([number, "x".repeat(20_000)]));
    }
    let refused = daemon.status()["refusals"]["max_queued_bytes"].as_u64().unwrap();
    assert!(refused > 0, "nobody has let go");
}

/// Finished, request, publications and close_notify in one piece: everything is heard.
#[test]
fn last_words_behind_the_handshake_are_heard() {
    let daemon = Setup::on_shards(1).encrypted().start();
    let mut listener = daemon.client();
    listener.subscribe("a");
    let config = trusting(&daemon.dir().join("relay.pem"));
    let mut session = ClientConnection::new(config, ServerName::try_from("relay.test").unwrap()).unwrap();
    let mut socket = TcpStream::connect(daemon.address()).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(&records(&mut session)).unwrap();
    while session.is_handshaking() {
        assert!(session.read_tls(&mut socket).unwrap() > 0, "the relay has gone");
        session.process_new_packets().unwrap();
    }
    let mut words = upgrade_request("").into_bytes();
    words.extend_from_slice(text_message(r#"{"type":"authorize","authorization":"both=*"}"#).as_ref());
    for number in 0..5 {
        let message = format!(r#"{{"type":"publish","channel":"a","content":{number}}}"#);
        words.extend_from_slice(text_message(&message).as_ref());
    }
    session.writer().write_all(&words).unwrap();
    session.send_close_notify();
    socket.write_all(&records(&mut session)).unwrap();
    (0..5).for_each(|number| listener.expect_publish("a", json!(number)));
    // The relay ends the connection too, once the client has.
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    socket.read_to_end(&mut Vec::new()).unwrap();
}

/// A listener where nobody comes keeps no seat from the others.
#[test]
fn one_seat_is_enough_for_two_listeners() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path(), "relay");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let tls = format!("tls: {{certificate: {}, key: {}}}", file("relay.pem"), file("relay.key"));
    let listener = format!("{{address: 127.0.0.1, port: 0, {tls}}}");
    let settings = format!("listeners: [{listener}, {listener}]\nlimits: {{max_handshakes: 1}}");
    let daemon = Setup::on_shards(1).settings(&settings).start();
    let config = trusting(&folder.path().join("relay.pem"));
    let addresses: Vec<SocketAddr> = daemon.status()["listeners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listener| listener["address"].as_str().unwrap().parse().unwrap())
        .collect();
    for address in [addresses[1], addresses[1], addresses[0], addresses[1], addresses[0], addresses[0]] {
        let socket = TcpStream::connect_timeout(&address, DEADLINE).unwrap();
        let mut client = Client::over(Stream::with(socket, Some(config.clone())));
        client.authorize("both=*");
        client.close();
    }
}
