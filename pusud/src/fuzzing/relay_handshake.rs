//! The handshake of a link, said by a stranger.

use crate::config::Encryption;
use crate::mesh::{HANDSHAKE_FRAME_BYTES_MAX, Handshake, Hello, Role, Step, VERSION, kind};
use crate::peers::BootId;
use crate::peers::{Decoder, Keys};

/// A handshake is HELLO, AUTH and READY, in this order and once each; the relay answers each at most once, an acceptor
/// not before a good HELLO; and who does not know the key, or what an encrypted connection exports, is never authenticated.
/// The first byte says which side the relay is (1: the acceptor), whether it has a key (2) and whether it encrypts (4).
///
/// # Panics
/// Where that does not hold.
pub fn relay_handshake(bytes: &[u8]) {
    let Some((first, stream)) = bytes.split_first() else { return };
    let role = if first & 1 == 0 { Role::Dialler } else { Role::Acceptor };
    let has_key = first & 2 != 0;
    let encryption = if first & 4 == 0 { Encryption::Off } else { Encryption::Preferred };
    let own_hello = own_hello(has_key, encryption);
    let mut handshake = Handshake::new(role, own_hello.clone(), has_key.then(key));
    let mut is_encrypted = false;
    let mut decoder = Decoder::default();
    decoder.feed(stream);
    let expected = [kind::HELLO, kind::AUTH, kind::READY];
    let mut taken = 0;
    while let Ok(Some((kind, payload))) = decoder.next(HANDSHAKE_FRAME_BYTES_MAX) {
        let mut answer = Vec::new();
        let Ok(step) = handshake.on_frame(kind, payload, |_| false, &mut answer) else {
            assert!(answer.is_empty(), "who is refused has been answered");
            return;
        };
        assert_eq!(Some(&kind), expected.get(taken), "taken at the wrong time");
        taken += 1;
        match step {
            // Behind AUTH for who says to be this relay itself: the dialler concludes, and there is no more to say.
            Step::Wait if taken == 2 => {
                assert!(role == Role::Acceptor && !has_key && !is_encrypted, "authenticated without the key");
                assert_eq!(handshake.peer().map(|peer| peer.boot), Some(own_hello.boot));
            }
            Step::Wait => assert!(taken == 1 && handshake.peer().is_some()),
            Step::Encrypt => {
                assert!(taken == 1 && encryption != Encryption::Off);
                is_encrypted = true;
                handshake.encrypted([3; 32], |_| false, &mut answer);
            }
            Step::Authenticated { .. } => {
                assert!(taken == 2 && !has_key && !is_encrypted, "authenticated without the key");
                assert_eq!(payload.len(), 1, "there is nothing to sign with");
            }
            Step::Ready(_) => assert_eq!(taken, 3),
        }
        assert_eq!(!answer.is_empty(), taken == 1 || (taken == 2 && role == Role::Acceptor));
        assert!(answer.len() <= HANDSHAKE_FRAME_BYTES_MAX);
    }
}

fn own_hello(has_key: bool, encryption: Encryption) -> Hello {
    Hello {
        major: VERSION.0,
        minor: VERSION.1,
        key: has_key,
        content_bytes_max: 1000,
        boot: BootId([1; 16]),
        nonce: [2; 32],
        network: "pusu".into(),
        name: "own".into(),
        encryption,
        certificates: false,
    }
}

fn key() -> Keys {
    Keys::parse(&[b'k'; 32]).expect("32 bytes are enough")
}
