//! Bytes as they may come: every frame in pieces of every size, and frames that nobody would send, on a link that is up.

#[cfg(unix)]
use crate::config::Encryption;
#[cfg(unix)]
use crate::mesh::wire;
#[cfg(unix)]
use crate::mesh::wire::Hello;
#[cfg(unix)]
use crate::peers;
use crate::peers::BootId;
use crate::peers::Decoder;
use proptest::prelude::*;

const BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of a frame of any type: fields of about the right form, so that many of them can be read.
fn frame_bytes() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let name = "[a-c\"\\\\]{1,9}".prop_map(|name| [&[name.len() as u8][..], name.as_bytes()].concat());
    let number = prop_oneof![
        4 => (0u64..5).prop_map(|number| number.to_be_bytes().to_vec()),
        1 => Just(u64::MAX.to_be_bytes().to_vec()),
    ];
    let small = prop_oneof![(0u32..3).prop_map(|number| number.to_be_bytes().to_vec()), Just(vec![0xff; 4])];
    let content =
        "[0-9\\[\\]\" ]{0,9}".prop_map(|text| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat());
    let flag = (0u8..3).prop_map(|flag| vec![flag]);
    let field = prop_oneof![4 => name, 4 => number, 1 => small, 3 => content, 2 => flag, 1 => any::<Vec<u8>>()];
    let hello = any::<[u8; 57]>().prop_map(|bytes| [&b"PUSU"[..], &[0, 1, 0, 0], &bytes[..], b"\x01n\x01r"].concat());
    let fields = proptest::collection::vec(field, 0..6).prop_map(|fields| fields.concat());
    (0u8..25, prop_oneof![9 => fields, 1 => hello])
}

/// Bytes of a frame as they come in a handshake, good or nearly so, or of any frame.
#[cfg(unix)]
fn handshake_frame() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let encryption = prop_oneof![Just(Encryption::Off), Just(Encryption::Preferred), Just(Encryption::Required)];
    let versions = (0u16..3, 0u16..4);
    let hello = (versions, any::<bool>(), any::<[u8; 16]>(), "[a-c]{1,2}", encryption);
    let hello = hello.prop_map(|((major, minor), key, boot, name, encryption)| {
        let hello = Hello {
            major,
            minor,
            key,
            content_bytes_max: 1000,
            boot: BootId(boot),
            nonce: [7; 32],
            network: "pusu".into(),
            name: name.into(),
            encryption,
            certificates: false,
        };
        let mut fields = Vec::new();
        wire::hello_fields(&mut fields, &hello);
        (wire::kind::HELLO, fields)
    });
    let auth = (0u8..3, prop_oneof![Just(0usize), Just(32), 0usize..40])
        .prop_map(|(flag, length)| (wire::kind::AUTH, [vec![flag], vec![9; length]].concat()));
    let ready = any::<[u64; 3]>().prop_map(|numbers| (wire::kind::READY, numbers.map(u64::to_be_bytes).concat()));
    prop_oneof![4 => hello, 4 => auth, 4 => ready, 1 => frame_bytes()]
}

fn encoded(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, payload) in frames {
        peers::frame(&mut bytes, *kind, |out| out.extend_from_slice(payload));
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[cfg(unix)]
    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_split(frames in proptest::collection::vec(frame_bytes(), 1..5)) {
        let bytes = encoded(&frames);
        crate::fuzzing::relay_frames(&bytes);
        let mut decoder = Decoder::default();
        decoder.feed(&bytes);
        let mut read = Vec::new();
        while let Some((kind, payload)) = decoder.next(BYTES_MAX).unwrap() {
            read.push((kind, payload.to_vec()));
        }
        prop_assert_eq!(read, frames);
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_frames_do_no_harm(bytes in any::<Vec<u8>>()) {
        crate::fuzzing::relay_frames(&bytes);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_is_authenticated_who_has_not_proven_it(
        first in any::<u8>(),
        frames in proptest::collection::vec(handshake_frame(), 0..5),
    ) {
        crate::fuzzing::relay_handshake(&[&[first][..], &encoded(&frames)].concat());
    }
}

#[test]
fn lengths_are_judged_before_their_bytes_come() {
    for (length, expected) in [(0u32, false), (1, true), (1024, true), (1025, false), (u32::MAX, false)] {
        let mut decoder = Decoder::default();
        decoder.feed(&length.to_be_bytes());
        assert_eq!(decoder.next(1024).is_ok(), expected, "{length}");
    }
}
