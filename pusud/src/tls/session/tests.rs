//! A session against rustls's own client, and against a client that sends what no client sends.

use super::*;
use crate::tls::provider;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConnectionTrafficSecrets, RootCertStore, SupportedProtocolVersion};
use std::io::{Read as _, Write as _};

const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 0];
const HANDSHAKE: u8 = 22;

/// A client and a session, with what is on its way to the session.
struct Pair {
    client: ClientConnection,
    session: Session,
    received: Vec<u8>,
}

fn configs(versions: &[&'static SupportedProtocolVersion]) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.enable_secret_extraction = true;
    (Arc::new(client), Arc::new(server))
}

impl Pair {
    fn new(versions: &[&'static SupportedProtocolVersion]) -> Self {
        let (client, server) = configs(versions);
        let name = ServerName::try_from("localhost").unwrap();
        Self {
            client: ClientConnection::new(client, name).unwrap(),
            session: Session::new(server).unwrap(),
            received: Vec::new(),
        }
    }

    fn connected(versions: &[&'static SupportedProtocolVersion]) -> Self {
        let mut pair = Self::new(versions);
        while pair.client.is_handshaking() || pair.session.is_handshaking() {
            pair.pass(usize::MAX).unwrap();
        }
        pair
    }

    /// Hands `bytes` over, `piece` at a time, and the answers to the client.
    fn give(&mut self, mut bytes: &[u8], piece: usize) -> Result<Received, SessionError> {
        let (mut buffer, mut out, mut last) = (vec![0; 64 * 1024], Vec::new(), Received::Data);
        while !bytes.is_empty() && last == Received::Data {
            let received = &mut self.received;
            let read = |room: &mut [u8]| bytes.read(&mut room[..piece.min(16 * 1024)]);
            let outcome = self.session.read(&mut buffer, read, &mut |plain| received.extend(plain), &mut out);
            self.answer(&out);
            out.clear();
            last = outcome.map_err(|error| error.downcast::<SessionError>().unwrap())?;
        }
        Ok(last)
    }

    fn answer(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.client.read_tls(&mut bytes).unwrap();
            // A client's errors show where its data is missing.
            self.client.process_new_packets().ok();
        }
    }

    /// Passes what the client has to send on, in pieces.
    fn pass(&mut self, piece: usize) -> Result<Received, SessionError> {
        let mut sent = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut sent).unwrap();
        }
        self.give(&sent, piece)
    }

    /// Sends from the session to the client; returns what the client has read.
    fn deliver(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let mut room = Vec::new();
        for part in plaintext.chunks(RECORD_BYTES_MAX) {
            let len = self.session.encrypt(part, &mut room).unwrap();
            let sent = room[..len].to_vec();
            self.answer(&sent);
        }
        let mut read = vec![0; plaintext.len()];
        self.client.reader().read_exact(&mut read).unwrap();
        read
    }

    /// Takes the client's keys away, to encrypt with them by hand.
    fn forge(self) -> Forger {
        let Self { client, session, received } = self;
        let secrets = client.dangerous_extract_secrets().unwrap();
        let (number, ConnectionTrafficSecrets::Aes128Gcm { key, iv }) = secrets.tx else { panic!("other keys") };
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key.as_ref()).unwrap());
        let iv: [u8; 12] = iv.as_ref().try_into().unwrap();
        Forger { session, received, key, iv, number }
    }
}

/// A client that encrypts what it likes, under TLS 1.3.
struct Forger {
    session: Session,
    received: Vec<u8>,
    key: LessSafeKey,
    iv: [u8; 12],
    number: u64,
}

impl Forger {
    fn record(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut inner = content.to_vec();
        inner.push(kind);
        let len = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
        let header = [23, 3, 3, len[0], len[1]];
        let mut nonce = self.iv;
        nonce[4..].iter_mut().zip(self.number.to_be_bytes()).for_each(|(byte, number)| *byte ^= number);
        self.number += 1;
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header), &mut inner).unwrap();
        [&header[..], &inner].concat()
    }

    fn give(&mut self, mut bytes: &[u8]) -> Result<Received, SessionError> {
        let (mut buffer, mut out) = (vec![0; 64 * 1024], Vec::new());
        let received = &mut self.received;
        let read = |room: &mut [u8]| bytes.read(room);
        let outcome = self.session.read(&mut buffer, read, &mut |plain| received.extend(plain), &mut out);
        outcome.map_err(|error| error.downcast::<SessionError>().unwrap())
    }
}

const ALL: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];

#[test]
fn bytes_arrive_equal_and_in_order_whatever_the_pieces() {
    for (version, name) in ALL.into_iter().zip(["1.3", "1.2"]) {
        for piece in [1, 7, 100, 3000, usize::MAX] {
            let mut pair = Pair::new(&[version]);
            while pair.client.is_handshaking() || pair.session.is_handshaking() {
                pair.pass(piece).unwrap();
            }
            assert_eq!(pair.session.version(), name);
            let message: Vec<u8> = (0..50_000_u32).map(|n| n as u8).collect();
            for part in message.chunks(10_000) {
                pair.client.writer().write_all(part).unwrap();
                pair.pass(piece).unwrap();
                assert_eq!(pair.deliver(part), part);
            }
            assert_eq!(pair.received, message);
            assert_eq!(pair.session.unread_bytes(), 0);
        }
    }
}

#[test]
fn half_a_handshake_message_after_the_handshake_ends_the_session() {
    for first in 1..KEY_UPDATE.len() {
        let mut forger = Pair::connected(&ALL).forge();
        let record = forger.record(HANDSHAKE, &KEY_UPDATE[..first]);
        assert!(matches!(forger.give(&record), Err(SessionError::SplitMessage)), "{first}");
        assert!(matches!(forger.session.encrypt(b"more", &mut Vec::new()), Err(SessionError::Ended)));
        let rest = forger.record(HANDSHAKE, &KEY_UPDATE[first..]);
        assert!(matches!(forger.give(&rest), Err(SessionError::Ended)));
    }
}

#[test]
fn keys_are_updated_when_the_client_asks_and_a_flood_of_that_ends_it() {
    let mut pair = Pair::connected(&ALL);
    for _ in 0..3 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.pass(usize::MAX).unwrap();
        assert_eq!(pair.deliver(b"behind the answer"), b"behind the answer");
    }
    let mut forger = Pair::connected(&ALL).forge();
    let flood = (0..40).find_map(|_| {
        // Each under the keys of the first: the second is a bad record already.
        let record = forger.record(HANDSHAKE, &KEY_UPDATE);
        forger.give(&record).err()
    });
    assert!(matches!(flood, Some(SessionError::Tls(_))), "{flood:?}");
}

#[test]
fn updates_without_data_are_bounded() {
    let mut pair = Pair::connected(&ALL);
    let ended = (0..100).find_map(|_| {
        pair.client.refresh_traffic_keys().unwrap();
        pair.pass(usize::MAX).err()
    });
    assert!(matches!(ended, Some(SessionError::Tls(rustls::Error::PeerMisbehaved(_)))), "{ended:?}");
}

#[test]
fn an_error_is_remembered_and_told_once() {
    let mut pair = Pair::connected(&ALL);
    pair.client.writer().write_all(b"good").unwrap();
    let mut sent = Vec::new();
    pair.client.write_tls(&mut sent).unwrap();
    *sent.last_mut().unwrap() ^= 1;
    let mut out = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = &sent[..];
    let error = pair.session.read(&mut buffer, |room| bytes.read(room), &mut |_| panic!("nothing is right"), &mut out);
    assert!(error.unwrap_err().to_string().contains("decrypt"));
    assert!(!out.is_empty(), "the client is told");
    assert!(matches!(pair.session.encrypt(b"more", &mut Vec::new()), Err(SessionError::Ended)));
    assert!(matches!(pair.give(b"anything", 100), Err(SessionError::Ended)));
    assert_eq!(pair.session.close_notify(&mut Vec::new()), 0);
}

#[test]
fn after_our_close_notify_nothing_is_encrypted() {
    let mut pair = Pair::connected(&ALL);
    let mut room = Vec::new();
    let len = pair.session.close_notify(&mut room);
    let sent = room[..len].to_vec();
    pair.answer(&sent);
    assert_eq!(pair.client.reader().read(&mut [0; 1]).unwrap(), 0, "a clean end");
    assert!(matches!(pair.session.encrypt(b"more", &mut room), Err(SessionError::Ended)));
}

#[test]
fn a_client_that_has_said_all_may_still_read() {
    let mut pair = Pair::connected(&ALL);
    pair.client.writer().write_all(b"last words").unwrap();
    pair.client.send_close_notify();
    assert_eq!(pair.pass(usize::MAX).unwrap(), Received::End);
    assert_eq!(pair.received, b"last words");
    assert_eq!(pair.deliver(b"the answer"), b"the answer");
}

#[test]
fn what_is_no_tls_is_an_error_and_not_a_panic() {
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff], &[0; 100], &[0x17, 3, 3, 0, 0, 1]] {
        let mut pair = Pair::new(&ALL);
        let outcome = pair.give(bytes, 1000);
        assert!(pair.session.is_handshaking() || outcome.is_err(), "{bytes:?}: {outcome:?}");
        let mut connected = Pair::connected(&ALL);
        let outcome = connected.give(bytes, 1000);
        assert!(outcome.is_err() || connected.session.unread_bytes() == bytes.len(), "{bytes:?}: {outcome:?}");
    }
}

#[test]
fn an_endless_handshake_message_is_bounded() {
    let mut pair = Pair::new(&ALL);
    // A ClientHello of 1 MiB, in records of 16 KiB.
    let mut hello = vec![1, 0x10, 0, 0];
    hello.resize(64 * 1024, 0);
    let records: Vec<u8> = hello.chunks(0x4000).flat_map(|part| [&[22, 3, 1, 0x40, 0][..], part].concat()).collect();
    let outcome = pair.give(&records, 16 * 1024);
    assert!(outcome.is_err(), "{outcome:?}");
}
