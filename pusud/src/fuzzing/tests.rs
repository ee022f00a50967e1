//! The functions of this module with inputs made of the words that matter, and with those that are kept in `fuzz/corpus`:
//! what fuzzing has found stays found.

mod words;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::fs;
use std::path::Path;
use words::{BODY, FORWARDED, FRAMES, HISTORY, HTTP, JSON, POSITION, PROXY, VERDICT, YAML};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 15] = [
    ("certificate", super::certificate),
    ("client_message", super::client_message),
    ("forwarded", super::forwarded),
    ("history_messages", super::history_messages),
    ("http_body", super::http_body),
    ("http_upgrade", super::http_upgrade),
    ("nats_ops", super::nats_ops),
    ("pattern", super::pattern),
    ("position", super::position),
    ("proxy_header", super::proxy_header),
    ("relay_frames", super::relay_frames),
    ("relay_handshake", super::relay_handshake),
    ("settings", super::settings),
    ("verdict", super::verdict),
    ("websocket_frames", super::websocket_frames),
];

#[test]
fn the_corpus_holds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (name, target) in TARGETS {
        assert!(fuzz.join(format!("fuzz_targets/{name}.rs")).exists(), "{name} is fuzzed too");
        let inputs: Vec<_> = fs::read_dir(fuzz.join("corpus").join(name)).unwrap().collect();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            let path = input.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
        }
    }
    assert_eq!(fs::read_dir(fuzz.join("fuzz_targets")).unwrap().count(), TARGETS.len());
}

/// Up to `most` of `words` one after the other, with some bytes between.
fn words(words: &'static [&'static [u8]], most: usize) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        9 => select(words).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(word, 0..most).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn certificate(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/certificate/names");
        let mut bytes = fs::read(kept).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        super::certificate(&bytes);
    }

    #[test]
    fn client_message(bytes in words(JSON, 20)) {
        super::client_message(&bytes);
    }

    #[test]
    fn forwarded(bytes in words(FORWARDED, 14)) {
        super::forwarded(&bytes);
    }

    #[test]
    fn history_messages(bytes in words(HISTORY, 14)) {
        super::history_messages(&bytes);
    }

    #[test]
    fn http_body(bytes in words(BODY, 14)) {
        super::http_body(&bytes);
    }

    #[test]
    fn http_upgrade(bytes in words(HTTP, 14)) {
        super::http_upgrade(&bytes);
    }

    #[test]
    fn pattern(bytes in "[ab*]{0,8}\n[ab*]{0,6}\n[ab]{0,10}") {
        super::pattern(bytes.as_bytes());
    }

    #[test]
    fn proxy_header(bytes in words(PROXY, 9)) {
        super::proxy_header(&bytes);
    }

    #[test]
    fn position(bytes in words(POSITION, 40)) {
        super::position(&bytes);
    }

    #[test]
    fn settings(bytes in words(YAML, 16)) {
        super::settings(&bytes);
    }

    #[test]
    fn verdict(bytes in words(VERDICT, 20)) {
        super::verdict(&bytes);
    }

    #[test]
    fn websocket_frames(bytes in words(FRAMES, 12)) {
        super::websocket_frames(&bytes);
    }
}
