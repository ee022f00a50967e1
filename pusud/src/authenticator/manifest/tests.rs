use super::*;

pub(super) fn good() -> Vec<u8> {
    let mut raw = vec![0; abi::MANIFEST_BYTES];
    raw[..8].copy_from_slice(&abi::MAGIC);
    for (at, value) in [(8, 2048), (12, abi::ABI_MAJOR), (16, abi::ABI_MINOR), (20, 1), (24, abi::F_SERIAL)] {
        raw[at..at + 4].copy_from_slice(&u32::to_ne_bytes(value));
    }
    raw[32..40].copy_from_slice(&abi::FINGERPRINT.to_ne_bytes());
    put(&mut raw, 40, b"My.Authenticator-1_a");
    put(&mut raw, 104, b"1.2.3");
    put(&mut raw, 616, b"secrets, users,");
    raw
}

pub(super) fn put(raw: &mut [u8], at: usize, text: &[u8]) {
    raw[at..at + text.len()].copy_from_slice(text);
}

#[test]
fn reads_a_good_one() {
    let manifest = Manifest::check(&good()).unwrap();
    assert_eq!(manifest.id, "My.Authenticator-1_a");
    assert_eq!(manifest.version, "1.2.3");
    assert_eq!(manifest.options, ["secrets", "users"]);
    assert!(manifest.has(abi::F_SERIAL) && !manifest.has(abi::F_ASYNC));
    assert_eq!(manifest.raw()[..], good()[..]);
    assert_eq!((manifest.takes_other_options, manifest.reserved_bytes()), (false, Ok(())));
}

#[test]
fn what_gives_more_may_be_ignored_and_the_conformance_kit_sees_it() {
    for (at, bytes) in [(24, &[0xf0u8, 0xff][..]), (16, &[9]), (1384, b"pusu.host/1, pusu.metrics/1,")] {
        let mut raw = good();
        put(&mut raw, at, bytes);
        assert!(Manifest::check(&raw).is_ok(), "offset {at}");
    }
    for (at, name) in [(28, "reserved0"), (1576, "byte 0 of `reserved`"), (2047, "byte 471 of `reserved`")] {
        let mut raw = good();
        put(&mut raw, at, b"x");
        let found = Manifest::check(&raw).unwrap().reserved_bytes().unwrap_err();
        assert!(found.contains(name), "{found}");
    }
    let others = Manifest::for_test("P", "a, *,b");
    assert_eq!((others.takes_other_options, others.options), (true, vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn what_was_built_before_abi_1_is_refused_by_name() {
    let size = abi::MANIFEST_BYTES_BEFORE_1_0.to_ne_bytes().to_vec();
    let fingerprint = abi::fingerprint::BEFORE_1_0.to_ne_bytes().to_vec();
    for (at, bytes) in [(8, size), (32, fingerprint)] {
        let mut raw = good();
        put(&mut raw, at, &bytes);
        let error = check_age(&raw[..abi::MANIFEST_HEAD_BYTES]).unwrap_err().to_string();
        assert!(error.contains("before ABI 1.0") && error.contains("My.Authenticator-1_a"), "{error}");
    }
    assert!(check_age(&good()).is_ok());
}

#[test]
fn refuses_bad_ones_and_says_why() {
    let cases: [(&str, usize, &[u8], &str); 14] = [
        ("magic", 0, b"X", "begins with"),
        ("size", 8, &[1], "of 2049 bytes"),
        ("abi", 12, &[2], "plugin ABI 2.0, this daemon speaks 1.0"),
        ("kind", 20, &[9], "kind 9"),
        ("fingerprint", 32, &[0, 0], "fingerprint"),
        ("id in other letters", 40, "ä".as_bytes(), "has the id"),
        ("id with a dot first", 40, b".", "has the id"),
        ("id not UTF-8", 40, b"\xff", "`id` is not UTF-8"),
        ("the built-in's id", 40, b"None\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "built-in"),
        ("line break", 104, b"1\n", "control characters"),
        ("critical flag", 26, &[4], "has flag bit 18, which this relay does not know"),
        ("needs", 1384, b"pusu.log/1,pusu.x/1", "needs `pusu.x/1`, which this relay does not have"),
        ("grants without the flag", 1384, b"pusu.grants/1", "has not the flag GRANTS"),
        ("another need", 1384, b"pusu.log/2", "needs `pusu.log/2`"),
    ];
    for (name, at, bytes, expected) in cases {
        let mut raw = good();
        put(&mut raw, at, bytes);
        let error = format!("{:#}", Manifest::check(&raw).expect_err(name));
        assert!(error.contains(expected), "{name}: {error}");
    }
    let mut raw = good();
    put(&mut raw, 100, b"x");
    assert!(format!("{:#}", Manifest::check(&raw).unwrap_err()).contains("behind the end of its `id`"));
}
