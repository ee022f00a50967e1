//! Any bytes in the place of what a server sends.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const WORDS: &[&[u8]] = &[
    b"INFO ",
    b"{\"server_id\":\"A\",\"version\":\"2\",\"max_payload\":",
    b"1048576}",
    b"MSG ",
    b"HMSG ",
    b"a.b ",
    b"7 ",
    b"0",
    b"3\r\nabc\r\n",
    b"1001\r\n",
    b"999999999999999999\r\n",
    b"NATS/1.0 503\r\n\r\n",
    b"NATS/1.0\r\nA: b\r\n\r\n",
    b"16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
    b"PING\r\n",
    b"PONG\r\n",
    b"+OK\r\n",
    b"-ERR 'Stale Connection'\r\n",
    b"-ERR 'Permissions Violation for Publish to \"a\"'\r\n",
    b"MSG a 1 0\r\n\r\n",
    b"MSG a 1 r 1\r\nx\r\n",
    b"MSG a 1 1003\r\n",
    b"\r\n",
    b"\n",
    b" ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn any_bytes_are_taken_apart(bytes in vec(prop_oneof![9 => select(WORDS).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..4)], 0..20)) {
        crate::fuzzing::nats_ops(&bytes.concat());
    }
}
