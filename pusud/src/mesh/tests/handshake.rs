//! The handshake by itself: every message at the wrong time, keys, versions, names, and messages of another conversation.

use crate::config::Encryption;
use crate::mesh::handshake::{Code, Handshake, Refusal, Role, Step, VERSION};
use crate::mesh::wire::{self, Hello, Ready, kind};
use crate::peers::BootId;
use crate::peers::{self, Decoder, Keys};

const KEY_A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const KEY_B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn hello(name: &str, keys: &str) -> Hello {
    Hello {
        major: VERSION.0,
        minor: VERSION.1,
        key: !keys.is_empty(),
        content_bytes_max: 1000,
        boot: BootId([name.as_bytes()[0]; 16]),
        nonce: [name.as_bytes()[0]; 32],
        network: "pusu".into(),
        name: name.into(),
        encryption: Encryption::Off,
        certificates: false,
    }
}

fn side(role: Role, hello: Hello, keys: &str) -> Handshake {
    let keys = (!keys.is_empty()).then(|| Keys::parse(keys.as_bytes()).unwrap());
    Handshake::new(role, hello, keys)
}

fn pair(keys: &str, others_keys: &str) -> (Handshake, Handshake) {
    (side(Role::Dialler, hello("a", keys), keys), side(Role::Acceptor, hello("b", others_keys), others_keys))
}

fn frames(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut decoder = Decoder::default();
    decoder.feed(bytes);
    std::iter::from_fn(|| decoder.next(1024).unwrap().map(|(kind, payload)| (kind, payload.to_vec()))).collect()
}

/// Lets the two talk until both are authenticated or one refuses.
fn talk(dialler: &mut Handshake, acceptor: &mut Handshake) -> Result<(), Refusal> {
    let mut out = Vec::new();
    dialler.start(&mut out);
    let mut done = 0;
    while done < 2 {
        for side in [&mut *acceptor, &mut *dialler] {
            let mut answer = Vec::new();
            for (kind, payload) in frames(&out) {
                done += usize::from(side.on_frame(kind, &payload, |_| false, &mut answer)? != Step::Wait);
            }
            out = answer;
        }
    }
    Ok(())
}

fn outcome(dialler: Hello, keys: &str, acceptor: Hello, others_keys: &str) -> Option<Code> {
    let (mut a, mut b) = (side(Role::Dialler, dialler, keys), side(Role::Acceptor, acceptor, others_keys));
    talk(&mut a, &mut b).err().map(|refusal| refusal.code().expect("a reason"))
}

#[test]
fn keys() {
    let both = format!("{KEY_A}\n{KEY_B}");
    let other_way = format!("{KEY_B}\n{KEY_A}");
    for (keys, others, expected) in [
        ("", "", None),
        (KEY_A, KEY_A, None),
        (KEY_A, KEY_B, Some(Code::KeyWrong)),
        (KEY_A, "", Some(Code::KeyMissing)),
        ("", KEY_A, Some(Code::KeyMissing)),
        (&both, KEY_A, None),
        (KEY_A, &both, None),
        (&other_way, &both, None),
        // The first key signs, and the other side does not know it yet.
        (&other_way, KEY_A, Some(Code::KeyWrong)),
    ] {
        assert_eq!(outcome(hello("a", keys), keys, hello("b", others), others), expected, "{keys} {others}");
    }
}

#[test]
fn who_does_not_belong_here_is_told_why() {
    let changed = |change: fn(&mut Hello)| {
        let mut changed = hello("b", "");
        change(&mut changed);
        outcome(changed, "", hello("a", ""), "")
    };
    assert_eq!(changed(|hello| hello.major += 1), Some(Code::Version));
    assert_eq!(changed(|hello| hello.network = "other".into()), Some(Code::Network));
    assert_eq!(changed(|hello| hello.boot = BootId([b'a'; 16])), Some(Code::Itself));
    assert_eq!(changed(|hello| hello.name = "a".into()), Some(Code::SameName));
    assert_eq!(changed(|hello| hello.minor += 1), None);
}

#[test]
fn a_relay_one_minor_version_apart_links_and_speaks_the_smaller_one() {
    let mut newer = hello("b", KEY_A);
    newer.minor = VERSION.1 + 1;
    let (mut a, mut b) = (side(Role::Dialler, hello("a", KEY_A), KEY_A), side(Role::Acceptor, newer.clone(), KEY_A));
    talk(&mut a, &mut b).unwrap();
    assert_eq!((a.minor(), b.minor()), (VERSION.1, VERSION.1));
    // A later minor version may add fields behind those that are known.
    let mut out = Vec::new();
    wire::hello_fields(&mut out, &newer);
    out.extend_from_slice(b"more");
    assert_eq!(pair(KEY_A, KEY_A).0.on_frame(kind::HELLO, &out, |_| false, &mut Vec::new()), Ok(Step::Wait));
}

#[test]
fn another_major_version_is_refused_whatever_follows_in_its_hello() {
    let fields = [&b"PUSU"[..], &9u16.to_be_bytes()].concat();
    let refusal = pair("", "").1.on_frame(kind::HELLO, &fields, |_| false, &mut Vec::new()).unwrap_err();
    assert_eq!(refusal.code(), Some(Code::Version));
    assert!(refusal.to_string().contains("that of the other one 9"), "{refusal}");
}

#[test]
fn what_was_said_in_another_conversation_proves_nothing() {
    let record = |nonce: u8| {
        let mut hello = hello("b", KEY_A);
        hello.nonce = [nonce; 32];
        side(Role::Acceptor, hello, KEY_A)
    };
    let (mut dialler, mut acceptor) = (pair(KEY_A, KEY_A).0, record(1));
    let (mut said, mut answer, mut proof) = (Vec::new(), Vec::new(), Vec::new());
    dialler.start(&mut said);
    let (kind, payload) = frames(&said).remove(0);
    acceptor.on_frame(kind, &payload, |_| false, &mut answer).unwrap();
    let (answer_kind, answer_payload) = frames(&answer).remove(0);
    dialler.on_frame(answer_kind, &answer_payload, |_| false, &mut proof).unwrap();
    let (proof_kind, proof_payload) = frames(&proof).remove(0);

    let mut again = record(2);
    again.on_frame(kind, &payload, |_| false, &mut Vec::new()).unwrap();
    let replayed = again.on_frame(proof_kind, &proof_payload, |_| false, &mut Vec::new()).unwrap_err();
    assert_eq!(replayed.code(), Some(Code::KeyWrong));
    // Sent back to who said it, it proves nothing either.
    let mirrored = dialler.on_frame(proof_kind, &proof_payload, |_| false, &mut Vec::new()).unwrap_err();
    assert_eq!(mirrored.code(), Some(Code::KeyWrong));
    // The flag is signed too.
    let mut changed = proof_payload.clone();
    changed[0] ^= 1;
    assert!(acceptor.on_frame(proof_kind, &changed, |_| false, &mut Vec::new()).is_err());
    let mut acceptor = record(1);
    acceptor.on_frame(kind, &payload, |_| false, &mut Vec::new()).unwrap();
    let good = acceptor.on_frame(proof_kind, &proof_payload, |_| false, &mut Vec::new());
    assert_eq!(good, Ok(Step::Authenticated { linked: false }));
}

/// One good frame of every type.
fn samples() -> Vec<(u8, Vec<u8>)> {
    let mut out = Vec::new();
    peers::frame(&mut out, kind::HELLO, |out| wire::hello_fields(out, &hello("c", "")));
    wire::auth(&mut out, false, &[]);
    wire::ready(&mut out, Ready { link: 1, seen: 0, next: 1 });
    wire::heartbeat(&mut out, kind::PING, 1, 0);
    wire::heartbeat(&mut out, kind::PONG, 1, 0);
    wire::snapshot(&mut out, 1, &mut ["x"].into_iter());
    wire::snapshot_end(&mut out, 1, 1, Default::default());
    wire::changes(&mut out, 2, &mut [(true, "y")].into_iter());
    wire::acknowledge(&mut out, 1);
    wire::check(&mut out, Default::default());
    peers::bare(&mut out, kind::RESYNC);
    peers::bare(&mut out, kind::GOODBYE);
    let start = out.len();
    wire::begin_publications(&mut out, 1);
    wire::publication(&mut out, "x", b"1");
    peers::close(&mut out, start);
    frames(&out)
}

#[test]
fn every_message_at_the_wrong_time_ends_the_handshake() {
    for role in [Role::Dialler, Role::Acceptor] {
        for (state, expected) in [kind::HELLO, kind::AUTH, kind::READY].into_iter().enumerate() {
            for (kind, payload) in samples() {
                let mut handshake = side(role, hello("a", ""), "");
                for (kind, payload) in samples().iter().take(state) {
                    handshake.on_frame(*kind, payload, |_| false, &mut Vec::new()).unwrap();
                }
                let result = handshake.on_frame(kind, &payload, |_| false, &mut Vec::new());
                assert_eq!(result.is_ok(), kind == expected, "{role:?}, frame {kind} in state {state}");
            }
        }
        // And nothing at all when it is over.
        for (kind, payload) in samples() {
            let mut handshake = side(role, hello("a", ""), "");
            for (kind, payload) in samples().iter().take(3) {
                handshake.on_frame(*kind, payload, |_| false, &mut Vec::new()).unwrap();
            }
            assert!(handshake.on_frame(kind, &payload, |_| false, &mut Vec::new()).is_err());
        }
    }
}
