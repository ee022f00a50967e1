//! The functions of this module with inputs made of the words that matter, and with those that are kept in `fuzz/corpus`:
//! what fuzzing has found stays found.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::fs;
use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 13] = [
    ("certificate", super::certificate),
    ("client_message", super::client_message),
    ("forwarded", super::forwarded),
    ("http_body", super::http_body),
    ("http_upgrade", super::http_upgrade),
    ("nats_ops", super::nats_ops),
    ("pattern", super::pattern),
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

const JSON: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\\",
    b" ",
    b"\n",
    b"\"type\":",
    b"\"channel\":",
    b"\"content\":",
    b"\"authorization\":",
    b"\"since\":",
    b"\"last\":",
    b"\"publish\"",
    b"\"subscribe\"",
    b"\"unsubscribe\"",
    b"\"authorize\"",
    b"\"hello\"",
    b"\"a\"",
    b"\"\\u0061\"",
    b"\"t\\u0079pe\":",
    b"\"\\ud800\"",
    b"\"\\ud83d\\ude00\"",
    b"\"\xc3\xa4\"",
    b"null",
    b"true",
    b"-1.5e3",
    b"1e999",
    b"18446744073709551616",
    b"4294967295",
    b"{\"type\":\"publish\",\"channel\":\"a\",\"content\":",
    b"{\"type\":\"subscribe\",\"channel\":",
    b"{\"type\":\"subscribe\",\"channel\":\"a\",",
];
const HTTP: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\n", b"GET ", b"POST / ", b"HTTP/1.1\r\n", b"HTTP/1.0\r\n", b"/a?b ", b"ws://h/ ", b"#", b"\r\n", b"\n", b"\r", b": ",
    b"Host: a\r\n", b"Connection: keep-alive, Upgrade\r\n", b"Upgrade: websocket\r\n", b"Sec-WebSocket-Version: 13\r\n",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"Origin: https://a\r\n", b"Content-Length: 0\r\n", b"X: \xc3\xa4\r\n", b"\x81\x80",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
];
const BODY: &[&[u8]] = &[
    b"0\r\n\r\n", b"1\r\nx\r\n", b"0003\r\n\r\n0\r\n", b"2;a=\"b\"\r\nxy\r\n", b"0\r\nA: b\r\n", b"41\r\n", b"fF\r\n", b"0x1\r\n", b"\r\n", b"\n", b"\r",
    b" ", b"[", b"]", b",", b"{", b"}", b"\"channel\":", b"\"content\":", b"\"\\ud800\"", b"\"a\"", b"\x0c", b"\"", b"\\", b"{\"channel\":\"a\",\"content\":1}",
    b"/a", b"?", b"&", b"=", b"+", b"%", b"%41", b"%c3%a4", b"\xc3\xa4", b"#", b"http://h", b"Bearer ", b"Basic ", b"dTpw", b"text/plain", b";a=", b"*/*", b";q=0",
    b"[{\"channel\":\"a\",\"content\":{\"a\":[1, -2.5e3, null, \"b\"]}}, {\"content\":\"\\u00e4\",\"channel\":\"b\",\"x\":1},\n{\"channel\":\"\",\"content\":true}]",
];
const YAML: &[&[u8]] = &[
    b"authenticator: None\n",
    b"authenticator",
    b": ",
    b":\n",
    b"\n",
    b"- ",
    b"  ",
    b"limits:\n",
    b"  max_message_bytes: ",
    b"1 MiB\n",
    b"  handshake_timeout: ",
    b"5s\n",
    b"0\n",
    b"-1\n",
    b"1e9\n",
    b"passwords:\n",
    b"  a: [b.*]\n",
    b"client_port: ",
    b"client_address: \"::\"\n",
    b"relays:\n",
    b"shards: ",
    b"name: ",
    b"&a ",
    b"*a",
    b"!!int ",
    b"{",
    b"}",
    b"[",
    b"]",
    b"'",
    b"\"",
    b"|\n",
    b"#",
    b"---\n",
    b"\t",
    b"<<: ",
];
const VERDICT: &[&[u8]] = &[
    b"\0\0\0\0\0\0\0\0",
    b"\x01\0\0\0\0\0\0\0",
    b"\x02\0\0\0\0\0\0\0",
    b"\x03\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"a.*",
    b"\n",
    b"\xff",
    b"\x06\x05\0\0\0\0\0\0\0",
    b"\x06",
    b"\x05",
    b"\x04",
    b"\x03",
    b"\x02",
    b"\x01",
    b"\x01\0\0\0\0\0\0\0a",
];
const FRAMES: &[&[u8]] = &[
    b"\x81\x80\0\0\0\0",
    b"\x01\x81\0\0\0\0a",
    b"\0\x81\0\0\0\0\xc3",
    b"\x80\x81\0\0\0\0\xa4",
    b"\x80\x80\x01\x02\x03\x04",
    b"\x82\x84\x01\x02\x03\x04data",
    b"\x89\x80\0\0\0\0",
    b"\x8a\x81\0\0\0\0p",
    b"\x88\x80\0\0\0\0",
    b"\x88\x82\0\0\0\0\x03\xe8",
    b"\x88\x81\0\0\0\0\x03",
    b"\x81\xfe\x03\xe9\0\0\0\0",
    b"\x82\xff\0\0\0\0\0\0\0\x02\0\0\0\0ab",
    b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0",
    b"\xc1\x80\0\0\0\0",
    b"\x81\x05hello",
    b"\x02\x80\0\0\0\0",
    b"\0\x80\0\0\0\0",
];
const PROXY: &[&[u8]] = &[
    b"PROXY ",
    b"TCP4 ",
    b"TCP6 ",
    b"UNKNOWN",
    b"192.0.2.1 ",
    b"::ffff:192.0.2.1 ",
    b"2001:db8::1 ",
    b"0 ",
    b"65535",
    b"080",
    b"\r\n",
    b"\n",
    b" ",
    b"\r\n\r\n\0\r\nQUIT\n",
    b"\x20",
    b"\x21",
    b"\x11",
    b"\x21\x12",
    b"\x31",
    b"\0",
    b"\0\x0c",
    b"\0\x24",
    b"\0\0\0\0\0\0\0\0\0\0\0\0",
    b"\x03\0\x04\x01\x02\x03\x04",
    b"GET / HTTP/1.1\r\n",
    b"\x16\x03\x01",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x1f\x90\0\x50",
];
const FORWARDED: &[&[u8]] = &[
    b"F",
    b"for=",
    b"For=",
    b"by=",
    b"proto=https",
    b"host=\"",
    b"\"",
    b"\\",
    b";",
    b",",
    b", ",
    b"\n",
    b"\nF",
    b" ",
    b"=",
    b"[",
    b"]",
    b":47",
    b":_p",
    b"unknown",
    b"_hidden",
    b"192.0.2.1",
    b"10.0.0.3",
    b"::ffff:10.0.0.4",
    b"[2001:db8::1]",
    b"2001:db8::1",
    b"for=\"[2001:db8::1]:47\"",
    b"for=10.0.0.5",
    b"for=192.0.2.9, ",
    b"\xff",
];

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
