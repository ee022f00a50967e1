//! Encryption: which two relays encrypt their link, and somebody in between who talks them out of it or listens on both
//! sides. Relays talk over streams in memory.

use super::links::Home;
use crate::config::{Encryption, PeerAddress};
use crate::mesh::handshake::{Code, End, Outcome, Refusal, Role};
use crate::mesh::links::{Conversation, LinkReader, LinkStream, Transport};
use crate::mesh::membership::{LinkEncryption, Settings};
use crate::mesh::node::Node;
use crate::mesh::wire::{self, kind};
use crate::peers::BootId;
use crate::peers::{self, Keys};
use crate::tls::LinkTls;
use Encryption::{Off, Preferred, Required};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadHalf, copy_bidirectional, duplex,
};

/// Connections that the tests make.
struct Pipes;

impl Transport for Pipes {
    type Stream = DuplexStream;

    async fn resolve(&self, _: &PeerAddress) -> io::Result<Vec<SocketAddr>> {
        std::future::pending().await
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<DuplexStream> {
        std::future::pending().await
    }

    async fn accept(&self) -> io::Result<(DuplexStream, SocketAddr)> {
        std::future::pending().await
    }
}

impl LinkStream for DuplexStream {
    fn split(&mut self) -> (impl LinkReader, impl AsyncWrite + Unpin) {
        tokio::io::split(self)
    }

    fn limit_sending(&self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

impl LinkReader for ReadHalf<&mut DuplexStream> {
    fn limit_sending(&self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

/// What one relay has, and asks for.
type Wish = (&'static str, Encryption);

const KEY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn node(name: &str, (key, encryption): Wish) -> Rc<Node<Home, Pipes>> {
    let settings = Settings {
        name: name.into(),
        network_name: "pusu".into(),
        relays: Vec::new(),
        keys: (!key.is_empty()).then(|| Keys::parse(key.as_bytes()).unwrap()),
        encryption: LinkEncryption::of(encryption, None, true).unwrap(),
        max_message_bytes: 1000,
    };
    let boot = name.as_bytes()[0];
    Node::new(settings, BootId([boot; 16]), Home, Pipes, StdRng::seed_from_u64(boot.into()))
}

fn conversation(node: &Rc<Node<Home, Pipes>>, role: Role) -> Conversation<Home, Pipes> {
    Conversation::new(node.clone(), role, SocketAddr::from(([10, 0, 0, 1], 1)))
}

/// What came of it for one relay.
#[derive(Debug, PartialEq)]
enum Met {
    Linked { encrypted: bool },
    Refused(Option<Code>),
    Ended(String),
}

/// Lets two relays talk over what `between` makes of two connections: the dialler's and the acceptor's. Whoever is linked
/// stops as planned.
async fn meet(wishes: [Wish; 2], between: impl AsyncFnOnce(DuplexStream, DuplexStream)) -> [Met; 2] {
    let nodes = [node("a", wishes[0]), node("b", wishes[1])];
    let linked = [Cell::new(None), Cell::new(None)];
    let is_linked = |at: usize| {
        linked[at].set(nodes[at].mesh.borrow().links().next().map(|link| link.is_encrypted));
        if linked.iter().all(|linked| linked.get().is_some()) {
            nodes.iter().for_each(|node| node.mesh.borrow_mut().stop());
        }
    };
    let ((near, left), (right, far)) = (duplex(64 * 1024), duplex(64 * 1024));
    let [dialler, acceptor] = [conversation(&nodes[0], Role::Dialler), conversation(&nodes[1], Role::Acceptor)];
    let (dialler, acceptor, ()) =
        tokio::join!(dialler.run(near, |_| is_linked(0)), acceptor.run(far, |_| is_linked(1)), between(left, right));
    let met = |outcome: Outcome, linked: Option<bool>| match (linked, outcome.end) {
        (Some(encrypted), _) => Met::Linked { encrypted },
        (None, End::Refused(refusal)) => Met::Refused(refusal.code()),
        (None, end) => Met::Ended(end.to_string()),
    };
    [met(dialler, linked[0].get()), met(acceptor, linked[1].get())]
}

/// Nobody is in between.
async fn nobody(mut left: DuplexStream, mut right: DuplexStream) {
    // Either side may end the connection in any way.
    copy_bidirectional(&mut left, &mut right).await.ok();
}

/// Takes one frame out of a connection.
async fn frame(from: &mut (impl AsyncRead + Unpin)) -> (u8, Vec<u8>) {
    let length = from.read_u32().await.unwrap() as usize;
    let kind = from.read_u8().await.unwrap();
    let mut fields = vec![0; length - 1];
    from.read_exact(&mut fields).await.unwrap();
    (kind, fields)
}

/// Hands the HELLO of one side on to the other, changed.
async fn hand_on(from: &mut DuplexStream, to: &mut DuplexStream, change: impl Fn(&mut Vec<u8>)) {
    let (kind, mut fields) = frame(from).await;
    assert_eq!(kind, kind::HELLO);
    change(&mut fields);
    let mut out = Vec::new();
    peers::frame(&mut out, kind, |out| out.extend_from_slice(&fields));
    to.write_all(&out).await.unwrap();
}

/// Has both sides believe that the other one does not encrypt.
async fn strip(mut left: DuplexStream, mut right: DuplexStream) {
    let strip = |fields: &mut Vec<u8>| *fields.iter_mut().nth_back(1).unwrap() = 0;
    hand_on(&mut left, &mut right, strip).await;
    // Who requires it refuses right away.
    let mut first = [0; 5];
    if right.read_exact(&mut first).await.is_ok() {
        let mut fields = vec![0; u32::from_be_bytes(first[..4].try_into().unwrap()) as usize - 1];
        right.read_exact(&mut fields).await.unwrap();
        if first[4] == kind::HELLO {
            strip(&mut fields);
        }
        left.write_all(&first).await.unwrap();
        left.write_all(&fields).await.unwrap();
    }
    nobody(left, right).await;
}

/// Has both sides believe that the other one is of an older version.
async fn make_older(mut left: DuplexStream, mut right: DuplexStream) {
    let older = |fields: &mut Vec<u8>| fields[7] = 1;
    hand_on(&mut left, &mut right, older).await;
    hand_on(&mut right, &mut left, older).await;
    nobody(left, right).await;
}

/// Has an encrypted connection with each side, and hands on what they say.
async fn listen_on_both_sides(mut left: DuplexStream, mut right: DuplexStream) {
    hand_on(&mut left, &mut right, |_| {}).await;
    hand_on(&mut right, &mut left, |_| {}).await;
    let own = LinkTls::with_new_key().unwrap();
    let (mut left, mut right) = tokio::try_join!(own.accept(left, false), own.connect(right, false)).unwrap();
    copy_bidirectional(&mut left, &mut right).await.ok();
}

#[tokio::test]
async fn two_relays_encrypt_where_both_want_it() {
    for (dialler, acceptor, expected) in [
        ((KEY, Preferred), (KEY, Preferred), Met::Linked { encrypted: true }),
        ((KEY, Required), (KEY, Preferred), Met::Linked { encrypted: true }),
        ((KEY, Preferred), (KEY, Required), Met::Linked { encrypted: true }),
        ((KEY, Required), (KEY, Required), Met::Linked { encrypted: true }),
        (("", Preferred), ("", Preferred), Met::Linked { encrypted: true }),
        ((KEY, Preferred), (KEY, Off), Met::Linked { encrypted: false }),
        ((KEY, Off), (KEY, Preferred), Met::Linked { encrypted: false }),
        (("", Off), ("", Off), Met::Linked { encrypted: false }),
        ((KEY, Required), (KEY, Off), Met::Refused(Some(Code::Encryption))),
        ((KEY, Off), (KEY, Required), Met::Refused(Some(Code::Encryption))),
        ((KEY, Preferred), ("", Off), Met::Refused(Some(Code::KeyMissing))),
        ((KEY, Required), ("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", Required), Met::Refused(Some(Code::KeyWrong))),
    ] {
        let met = meet([dialler, acceptor], nobody).await;
        assert!(met.iter().all(|met| *met == expected), "{dialler:?} {acceptor:?}: {met:?}");
    }
}

#[tokio::test]
async fn nobody_in_between_talks_two_relays_with_a_key_out_of_it() {
    let wrong = || [Met::Refused(Some(Code::KeyWrong)), Met::Refused(Some(Code::KeyWrong))];
    assert_eq!(meet([(KEY, Preferred), (KEY, Preferred)], strip).await, wrong());
    assert_eq!(meet([(KEY, Preferred), (KEY, Preferred)], make_older).await, wrong());
    let refused = || [Met::Refused(Some(Code::Encryption)), Met::Refused(Some(Code::Encryption))];
    assert_eq!(meet([(KEY, Required), (KEY, Preferred)], strip).await, refused());
    assert_eq!(meet([(KEY, Preferred), (KEY, Required)], strip).await, refused());
}

#[tokio::test]
async fn who_has_an_encrypted_connection_with_each_side_is_found_out_by_the_key() {
    let wrong = [Met::Refused(Some(Code::KeyWrong)), Met::Refused(Some(Code::KeyWrong))];
    assert_eq!(meet([(KEY, Required), (KEY, Required)], listen_on_both_sides).await, wrong);
    assert_eq!(meet([(KEY, Preferred), (KEY, Preferred)], listen_on_both_sides).await, wrong);
}

/// Without a key whoever speaks the protocol may be in between. Who can only change the words in the clear is noticed.
#[tokio::test]
async fn without_a_key_changed_words_in_the_clear_are_noticed_on_an_encrypted_link() {
    let rename = async |mut left: DuplexStream, mut right: DuplexStream| {
        hand_on(&mut left, &mut right, |fields| *fields.iter_mut().nth_back(2).unwrap() = b'z').await;
        hand_on(&mut right, &mut left, |_| {}).await;
        nobody(left, right).await;
    };
    let wrong = [Met::Refused(Some(Code::KeyWrong)), Met::Refused(Some(Code::KeyWrong))];
    assert_eq!(meet([("", Preferred), ("", Preferred)], rename).await, wrong);
}

#[tokio::test]
async fn bytes_in_the_clear_behind_hello_end_the_connection() {
    let inject = async |mut left: DuplexStream, mut right: DuplexStream| {
        let (kind, fields) = frame(&mut left).await;
        let mut out = Vec::new();
        peers::frame(&mut out, kind, |out| out.extend_from_slice(&fields));
        wire::auth(&mut out, false, &[0; 32]);
        right.write_all(&out).await.unwrap();
        nobody(left, right).await;
    };
    let [_, acceptor] = meet([(KEY, Preferred), (KEY, Preferred)], inject).await;
    assert_eq!(acceptor, Met::Refused(Some(Code::Protocol)));
}

/// The clock is tokio's paused one.
#[tokio::test(start_paused = true)]
async fn half_a_clienthello_is_waited_for_as_long_as_the_rest_of_a_handshake() {
    let node = node("b", (KEY, Preferred));
    let (mut near, far) = duplex(4096);
    let stranger = async {
        let mut hello = self::node("a", (KEY, Preferred)).hello();
        hello.key = true;
        let mut out = Vec::new();
        peers::frame(&mut out, kind::HELLO, |out| wire::hello_fields(out, &hello));
        near.write_all(&out).await.unwrap();
        assert_eq!(frame(&mut near).await.0, kind::HELLO);
        near.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]).await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(near.read(&mut [0; 100]).await.unwrap(), 0);
        began.elapsed()
    };
    let conversation = conversation(&node, Role::Acceptor);
    let (outcome, waited) = tokio::join!(conversation.run(far, |_| panic!("linked")), stranger);
    assert!(matches!(outcome.end, End::Silent(_)), "{}", outcome.end);
    assert_eq!(waited.as_secs(), 5);
}

#[tokio::test]
async fn who_speaks_no_tls_where_it_is_to_begin_is_refused() {
    let garble = async |mut left: DuplexStream, mut right: DuplexStream| {
        hand_on(&mut left, &mut right, |_| {}).await;
        hand_on(&mut right, &mut left, |_| {}).await;
        right.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        drop(left);
        right.read_to_end(&mut Vec::new()).await.unwrap();
    };
    let [_, acceptor] = meet([(KEY, Preferred), (KEY, Preferred)], garble).await;
    assert!(matches!(&acceptor, Met::Ended(reason) if reason.contains("cannot be encrypted")), "{acceptor:?}");
}

#[test]
fn a_refusal_says_the_way_out() {
    use crate::mesh::handshake::{Handshake, Step};
    let own = node("a", (KEY, Required));
    let (mut fields, mut peer) = (Vec::new(), node("b", (KEY, Off)).hello());
    let refused = |fields: &[u8]| {
        let mut handshake = Handshake::new(Role::Acceptor, own.hello(), own.settings.keys.clone());
        match handshake.on_frame(kind::HELLO, fields, |_| false, &mut Vec::new()) {
            Err(Refusal::Ours(Code::Encryption, reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    wire::hello_fields(&mut fields, &peer);
    assert!(refused(&fields).contains("`network_encryption` is `off` there"), "{}", refused(&fields));
    peer.minor = 1;
    fields.clear();
    wire::hello_fields(&mut fields, &peer);
    assert!(refused(&fields).contains("older version: update it"), "{}", refused(&fields));
    // Such a relay links where encryption is only preferred.
    let own = node("a", (KEY, Preferred));
    let mut handshake = Handshake::new(Role::Acceptor, own.hello(), own.settings.keys.clone());
    assert_eq!(handshake.on_frame(kind::HELLO, &fields, |_| false, &mut Vec::new()), Ok(Step::Wait));
    assert!(!handshake.is_encrypted());
}
