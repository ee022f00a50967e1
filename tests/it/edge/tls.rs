//! The client protocol over TLS: the same words, whatever records they come in, and an end that says that it is one.

use crate::harness::{
    ALL, Client, DEADLINE, Daemon, Frame, Raw, Setup, Stream, is_disconnect, text_message, trusting, upgrade_request,
};
use rustls::ClientConfig;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;
use tokio_tungstenite::tungstenite::Message;

const MIB: usize = 1024 * 1024;

/// Makes two tests of each function, which takes a relay that encrypts: on 1 shard and on 3.
macro_rules! encrypted_on_1_and_3_shards {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn on_1_shard() {
                super::$name(super::Setup::on_shards(1).encrypted());
            }

            #[test]
            fn on_3_shards() {
                super::$name(super::Setup::on_shards(3).encrypted());
            }
        }
    )+};
}

encrypted_on_1_and_3_shards!(
    the_whole_story_in_each_version,
    messages_of_a_megabyte_go_both_ways,
    frames_come_in_odd_pieces,
    who_does_not_read_is_cut_and_told_why,
    who_is_silent_is_asked_and_who_does_not_answer_is_let_go,
    a_stop_ends_with_a_close_frame_and_a_close_notify,
);

/// A client's configuration that trusts this relay, with changes.
fn configured(daemon: &Daemon, change: impl FnOnce(&mut ClientConfig)) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(&trusting(&daemon.dir().join("relay.pem")));
    change(&mut config);
    Arc::new(config)
}

fn connect(daemon: &Daemon, config: &Arc<ClientConfig>) -> Stream {
    Stream::with(TcpStream::connect(daemon.address()).unwrap(), Some(config.clone()))
}

fn in_version(version: &'static rustls::SupportedProtocolVersion, daemon: &Daemon) -> Stream {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(daemon.dir().join("relay.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(pusud::tls::provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    connect(daemon, &Arc::new(config))
}

fn the_whole_story_in_each_version(setup: Setup) {
    let daemon = setup.start();
    for version in rustls::ALL_VERSIONS {
        let mut refused = Client::over(in_version(version, &daemon));
        refused.send(json!({"type": "authorize", "authorization": "refuse=no"}));
        assert_eq!(refused.expect_error("authorization_failed")["reason"], "no");
        refused.expect_closed(4501);

        let mut listener = Client::over(in_version(version, &daemon));
        listener.authorize("read=news.*");
        listener.subscribe("news.today");
        let mut source = Client::over(in_version(version, &daemon));
        source.authorize("write=news.*");
        for number in 0..100 {
            source.publish("news.today", json!(number));
        }
        (0..100).for_each(|number| listener.expect_publish("news.today", json!(number)));
        listener.unsubscribe("news.today");
        listener.expect_no_answer();
        source.publish("news.today", json!("nobody hears it"));
        source.expect_no_answer();
        listener.expect_no_answer();
        source.send_message(Message::Ping("there?".into()));
        source.expect_pong("there?");
        listener.close();
        source.close();
    }
}

fn messages_of_a_megabyte_go_both_ways(setup: Setup) {
    let daemon = setup.settings("limits: {outbox_bytes: 32 MiB}").start();
    let mut listeners: Vec<Client> = (0..4).map(|_| daemon.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("a"));
    let mut source = daemon.client();
    let envelope = json!({"type": "publish", "channel": "a", "content": ""}).to_string().len();
    // The bytes of a message are not all the same, so that a record in the wrong place is seen.
    let contents: Vec<Value> = (0..5)
        .map(|number| {
            let text: String =
                (0..MIB - envelope).map(|at| char::from(b'a' + ((at / 7 + number) % 26) as u8)).collect();
            json!(text)
        })
        .collect();
    contents.iter().for_each(|content| source.publish("a", content.clone()));
    for listener in &mut listeners {
        contents.iter().for_each(|content| listener.expect_publish("a", content.clone()));
    }
    // One byte more is too much, over TLS as well.
    source.send(json!({"type": "publish", "channel": "a", "content": "x".repeat(MIB - envelope + 1)}));
    source.expect_closed(1009);
}

/// Sends plaintext as records of at most so many bytes, which leave in TCP segments of `segment`.
fn drip(stream: &mut Stream, plaintext: &[u8], record: usize, segment: usize) {
    for part in plaintext.chunks(record) {
        let mut ciphertext = Vec::new();
        let session = stream.session().unwrap();
        session.writer().write_all(part).unwrap();
        while session.wants_write() {
            session.write_tls(&mut ciphertext).unwrap();
        }
        for bytes in ciphertext.chunks(segment) {
            // The socket below.
            TcpStream::write_all(stream, bytes).unwrap();
        }
    }
}

fn frames_come_in_odd_pieces(setup: Setup) {
    let daemon = setup.start();
    let mut listener = daemon.client();
    listener.subscribe("a");
    let config = configured(&daemon, |_| {});
    // From one byte a record and a segment to everything in one.
    for (record, segment) in [(1, 1), (1, 7), (3, 5), (17, 1000), (200, 1), (16_384, 3), (16_384, 16_384)] {
        let mut stream = connect(&daemon, &config);
        stream.shake_hands().unwrap();
        let authorize = text_message(&json!({"type": "authorize", "authorization": ALL}).to_string());
        let publish = |number: usize| {
            let content = json!([record, segment, number]);
            text_message(&json!({"type": "publish", "channel": "a", "content": content}).to_string())
        };
        let first = [upgrade_request("").into_bytes(), authorize].concat();
        drip(&mut stream, &first, record, segment);
        let mut raw = Raw::over(stream);
        assert!(raw.read_head().starts_with("HTTP/1.1 101 "));
        raw.expect_hello();
        assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
        let many: Vec<u8> = (0..20).flat_map(publish).collect();
        drip(raw.stream(), &many, record, segment);
        (0..20).for_each(|number| listener.expect_publish("a", json!([record, segment, number])));
    }
    daemon.expect_nobody_disconnected();
}

fn who_does_not_read_is_cut_and_told_why(setup: Setup) {
    let daemon = setup.settings("limits: {ping_interval: 0, outbox_bytes: 1 MiB, write_deadline: 1s}").start();
    let mut slow = Raw::listening_with_small_buffer(daemon.address(), "a");
    let mut witness = daemon.client();
    witness.subscribe("a");
    let mut source = daemon.client();
    let content = "x".repeat(32 * 1024);
    let began = Instant::now();
    for number in 0.. {
        source.publish("a", json!([number, content]));
        witness.expect_publish("a", json!([number, content]));
        if daemon.log().lines().iter().any(|line| is_disconnect(line)) {
            break;
        }
        assert!(began.elapsed() < DEADLINE, "it is never cut");
    }
    let (read, code) = slow.read_numbered_to_close();
    assert_eq!(code, Some(4001));
    println!("{read} messages had left for the slow one");
    assert!(slow.stream().ends_with_close_notify());
    witness.expect_no_answer();
}

fn who_is_silent_is_asked_and_who_does_not_answer_is_let_go(setup: Setup) {
    const PING: u8 = 0x89;
    const PONG: u8 = 0x8a;
    let limits =
        "ping_interval: 1s, pong_timeout: 7s, authorize_timeout: 1h, handshake_timeout: 1h, message_timeout: 1h";
    let daemon = setup.settings(&format!("limits: {{{limits}}}")).start();
    let (mut silent, mut answering) = (daemon.upgraded(), daemon.upgraded());
    assert_eq!(silent.read_frame(), Frame::new(PING, ""));
    // It answers until the silent one has gone, and is there afterwards.
    std::thread::scope(|scope| {
        let gone = scope.spawn(move || silent.expect_closed(4002));
        while !gone.is_finished() {
            assert_eq!(answering.read_frame(), Frame::new(PING, ""));
            answering.send(Frame::new(PONG, "").masked());
        }
        gone.join().unwrap();
    });
    answering.authorize();
    assert_eq!(daemon.refused(), "pong_timeout 1");
}

fn a_stop_ends_with_a_close_frame_and_a_close_notify(setup: Setup) {
    let mut daemon = setup.start();
    let mut clients: Vec<Raw> = (0..10).map(|_| daemon.upgraded()).collect();
    let mut shaken: Vec<Stream> = (0..4).map(|_| connect(&daemon, &configured(&daemon, |_| {}))).collect();
    shaken.iter_mut().for_each(|stream| stream.shake_hands().unwrap());
    // One that has begun its handshake holds nothing up.
    let half = TcpStream::connect(daemon.address()).unwrap();
    daemon.terminate();
    for client in &mut clients {
        let frame = client.read_frame();
        assert_eq!(crate::harness::close_code(&frame), Some(1001));
        client.send_perhaps(Frame::new(0x88, &frame.payload).masked());
        assert!(client.stream().ends_with_close_notify());
    }
    for mut stream in shaken {
        let mut answer = vec![0; 4096];
        let len = stream.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..len]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer:?}");
        assert!(stream.ends_with_close_notify());
    }
    assert_eq!(daemon.wait().code(), Some(0));
    drop(half);
}

/// Both sides change their keys in the middle of a conversation.
#[test]
fn keys_are_changed_while_messages_go_on() {
    let daemon = Setup::on_shards(1).encrypted().start();
    let mut raw = daemon.upgraded();
    raw.authorize();
    raw.send(text_message(r#"{"type":"subscribe","channel":"a"}"#));
    assert!(raw.read_text().starts_with(r#"{"type":"subscribe_ok""#));
    for number in 0..200 {
        raw.stream().session().unwrap().refresh_traffic_keys().unwrap();
        raw.send(text_message(&json!({"type": "publish", "channel": "a", "content": number}).to_string()));
        let message: Value = serde_json::from_str(&raw.read_text()).unwrap();
        assert_eq!(message["content"], number);
    }
}
