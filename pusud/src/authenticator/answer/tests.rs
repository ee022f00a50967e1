use super::*;

fn understand(answer: Answer) -> Result<Understood, Fault> {
    answer.understand(SystemTime::UNIX_EPOCH + Duration::from_secs(1000))
}

fn grant(expires_unix_ms: u64) -> Answer {
    Answer {
        decision: abi::GRANT,
        expires_unix_ms,
        subject: b"alice".to_vec(),
        permissions: vec![(b"a.*".to_vec(), abi::READ), (b"b".to_vec(), 0xffff)],
        ..Answer::default()
    }
}

#[test]
fn a_grant_keeps_what_it_gives() {
    let understood = understand(grant(1_000_001)).unwrap();
    assert_eq!(
        understood.verdict,
        Decision::Grant(Grant {
            permissions: vec![Permission::new("a.*", Access::READ), Permission::new("b", Access::READ_WRITE)],
            subject: "alice".into(),
            expires: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_001)),
            ..Grant::default()
        })
    );
    assert!(matches!(understand(grant(0)).unwrap().verdict, Decision::Grant(Grant { expires: None, .. })));
}

#[test]
fn everything_else_gives_nothing() {
    let of = |decision| Answer { decision, reason: b"why".to_vec(), ..grant(0) };
    assert_eq!(understand(of(abi::REFUSE)).unwrap().verdict, Decision::Refuse("why".into()));
    assert_eq!(understand(of(abi::ABSTAIN)).unwrap().verdict, Decision::Abstain("why".into()));
    assert_eq!(understand(of(abi::UNAVAILABLE)).unwrap().verdict, Decision::Unavailable("why".into()));
    for garbage in [0, 5, -1, i32::MAX, i32::MIN] {
        let Err(Fault::Unsupported(what)) = understand(of(garbage)) else { panic!("{garbage} means something") };
        assert_eq!(what, format!("has decided {garbage}"));
    }
    assert!(matches!(understand(grant(1_000_000)).unwrap().verdict, Decision::Refuse(_)), "expired");
}

#[test]
fn text_that_is_none_is_malformed() {
    for field in ["subject", "reason", "detail", "pattern"] {
        let mut answer = grant(0);
        match field {
            "subject" => answer.subject = vec![0xff],
            "reason" => answer.reason = vec![0xff],
            "detail" => answer.detail = vec![0xff],
            _ => answer.permissions[0].0 = vec![0xff],
        }
        assert_eq!(understand(answer), Err(malformed(format!("{field} is not UTF-8"))));
    }
}

fn with(key: &str, value: &[u8]) -> Answer {
    Answer { attributes: vec![(key.into(), value.into())], ..grant(0) }
}

#[test]
fn what_restricts_and_is_not_known_decides_nothing() {
    for bit in 0..32 {
        let answer = Answer { permissions: vec![(b"a".to_vec(), 1 << bit)], ..grant(0) };
        match understand(answer) {
            Ok(_) => assert!(bit < 16, "access bit {bit}"),
            Err(fault) => {
                assert_eq!((bit >= 16, fault.status()), (true, abi::UNSUPPORTED), "{fault}");
                assert!(fault.to_string().contains(&format!("access bit {bit},")), "{fault}");
            }
        }
    }
    for key in ["!limit", "!ttl", "!ttl_ms2"] {
        let fault = understand(with(key, b"1")).unwrap_err();
        assert!(fault.status() == abi::UNSUPPORTED && fault.to_string().contains(key), "{fault}");
    }
    assert!(understand(with("limit.publish", b"\xff")).is_ok(), "it may be ignored");
}

#[test]
fn a_time_to_live_is_understood_or_the_answer_is_not() {
    let lifetime = |value: &[u8]| match understand(with(abi::ATTR_TTL_MS, value)).map(|answer| answer.verdict) {
        Ok(Decision::Grant(grant)) => Ok(grant.lifetime),
        Ok(_) => Ok(None),
        Err(fault) => Err(fault.status()),
    };
    assert_eq!(lifetime(b"1500"), Ok(Some(Duration::from_millis(1500))));
    assert_eq!(lifetime(b"0"), Ok(None), "it has ended already");
    for value in [&b""[..], b"+1", b"-1", b"1.5", b" 1", b"x", b"\xff", b"99999999999999999999"] {
        assert_eq!(lifetime(value), Err(abi::MALFORMED), "{value:?}");
    }
}

/// Gives an answer a part of this size.
type Change = fn(&mut Answer, usize);

#[test]
fn limits_are_checked_to_the_byte() {
    let of = |change: Change, size| {
        let mut answer = grant(0);
        change(&mut answer, size);
        understand(answer).map(|_| ())
    };
    let cases: [(Change, usize, &str); 7] = [
        (|answer, size| answer.subject = vec![b'a'; size], abi::SUBJECT_BYTES_MAX, "subject"),
        (|answer, size| answer.reason = vec![b'a'; size], abi::TEXT_BYTES_MAX, "reason"),
        (|answer, size| answer.detail = vec![b'a'; size], abi::TEXT_BYTES_MAX, "detail"),
        (|answer, size| answer.permissions[0].0 = vec![b'a'; size], abi::PATTERN_BYTES_MAX, "pattern"),
        (|answer, size| answer.permissions = vec![(b"a".to_vec(), 1); size], abi::PERMISSIONS_MAX, "permissions"),
        (
            |answer, size| answer.attributes = (0..size).map(|key| (format!("k{key}").into(), vec![])).collect(),
            abi::ATTRS_MAX,
            "attributes",
        ),
        (|answer, size| answer.attributes = vec![(vec![b'a'; size], vec![])], abi::KEY_BYTES_MAX, "key"),
    ];
    for (change, max, name) in cases {
        assert_eq!(of(change, max), Ok(()), "{name}");
        let fault = of(change, max + 1).expect_err(name);
        assert!(fault.status() == abi::MALFORMED && fault.to_string().contains(name), "{fault}");
    }
}

#[test]
fn keys_are_lower_case_and_there_once() {
    for key in ["", "!", "A", "a b", "a!", "ä", "a\n"] {
        assert!(matches!(understand(with(key, b"")), Err(Fault::Malformed(_))), "{key:?}");
    }
    let mut twice = with("claim.role", b"a");
    twice.attributes.push((b"claim.role".to_vec(), b"b".to_vec()));
    assert!(understand(twice).unwrap_err().to_string().contains("`claim.role` is there twice"));
}

#[test]
fn one_line_stays_one_line() {
    assert_eq!(printable("a\nb\u{1b}[31mö"), "a\\nb\\u{1b}[31mö");
}
