//! Hashes that other programs have made, and those that are refused.

use super::*;

/// Hashes of `correct horse`.
const MADE: [(&str, &str); 17] = [
    ("argon2-cffi", "$argon2id$v=19$m=8,t=1,p=1$aadDr2EP6ssSa/eVCeHOtg$jj2bcC0XM0i0R5xS16YCGCZ1KOUQ4r1Lf0mku8RWEi0"),
    ("Python's bcrypt", "$2a$04$ewLYMhr45R6cV0K5SjLT/eAp6zpkW7BNxqTpqZ4VTCs9Ao9FpAdYm"),
    ("Python's bcrypt", "$2b$04$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS"),
    ("the same, as PHP names it", "$2y$04$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS"),
    ("passlib", "$scrypt$ln=4,r=8,p=1$QqhVCuFc6z1njLHWmjNm7A$uKonuKdrEILbut+jyMThmFyKLH5MrZuoH155bmVAvJo"),
    ("hashlib", "$scrypt$ln=5,r=2,p=3$c2FsdCBvZiBhIHRlc3Q$MElYkc8JFsRfSf2UiQbUmFwULqsv+dFA"),
    ("passlib", "$pbkdf2-sha256$1000$oxTC.H/vHUPoXctZay2FEA$yOH7auBRlLEDxnW9mtq5YwqMHaOqBEKxDZgj0C7qAlE"),
    (
        "passlib",
        "$pbkdf2-sha512$1000$snZOyRnj/D/nXMsZQ6i1Ng$liaxajolUpfjDkM7jVBIuYIuhnZ7X7MCXWZrItDM32QO6JxtqHU42G2CwnASPJx32ek.h1FedFrUYwY9oASPgA",
    ),
    ("hashlib", "$pbkdf2-sha256$i=1000,l=32$c2FsdCBvZiBhIHRlc3Q$QGa1SAAFHn+N6qe65ZfoqLV+C7rll//1H8mGv103Xno"),
    (
        "hashlib",
        "$pbkdf2-sha512$i=1000$c2FsdCBvZiBhIHRlc3Q$clnkaMN9hi9qVqKQC2fmaD5tfUXutgaziiTxK2VA1YSpsXmsdnoCMrB/GF7iM9ZqxDI+O3FZXZdbkMY6n6su/Q",
    ),
    (
        "mosquitto_passwd 2.0",
        "$7$101$gGF+Y/JcE7krA90Y$A6g50fgZTxQQwnDNNhiip42CIlF1ds1PVAw3q7y3r65i8D9coAUCk6tz3sxSWLFtucuLeuc2iQGke+XyHGCzMA==",
    ),
    (
        "hashlib, as mosquitto_passwd 2.1",
        "$7$1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==$53KiEygVzVVEVUVTe4h79yMtYp0OxxoKFip82vf7OCrEbcm4/E88oGkCyN0NhQ7fLOSBIpiITuELG/0ldDPFMQ==",
    ),
    ("openssl", "$5$saltofatest$xF43EsX36TENi5C3WHBWTRphfFGKckrvKxSXm/st0./"),
    (
        "openssl",
        "$6$saltofatest$v1OBK9tjCriolyfCFMdPYhVz0eg62YUDQhpeqZz9gDqOBiCZazVJ47Dtib2DIobL48SgwGffyAZNJFjnvFq3a0",
    ),
    ("passlib", "$5$rounds=1000$K/qcRmKDVKj3WIkt$b6c.MtCHvtBBOS/g8of5R0ej6NxSLQA4lIFErV5xx97"),
    (
        "passlib",
        "$6$lLdENdjyFdfGUDUe$YxQ1HrzahJ2zcVA9NBap.vAh75cWpyTdhgQ5oJnd6/AkTBeNmVP9Vbe5Qr/41irXBiw7UseezFtVnPo3cY4DI1",
    ),
    (
        "the same with its rounds written out",
        "$6$rounds=5000$lLdENdjyFdfGUDUe$YxQ1HrzahJ2zcVA9NBap.vAh75cWpyTdhgQ5oJnd6/AkTBeNmVP9Vbe5Qr/41irXBiw7UseezFtVnPo3cY4DI1",
    ),
];

fn with(password: &str) -> String {
    serde_json::json!({ "passwords": { "fine": ["b"], password: ["a"] } }).to_string()
}

fn is_let_in(authenticator: &PasswordAuthenticator, password: impl AsRef<[u8]>) -> bool {
    let verdict = ask(authenticator, password.as_ref());
    assert!(matches!(verdict.decision(), Decision::Grant | Decision::Refuse), "{}", verdict.reason());
    verdict.decision() == Decision::Grant
}

/// What bcrypt hashes were taken for: the password, so that whoever had stolen one was let in.
#[test]
fn every_kind_lets_its_password_in_and_never_the_hash_itself() {
    for (maker, hash) in MADE {
        let authenticator = made(&with(hash));
        assert!(is_let_in(&authenticator, "correct horse"), "{maker}: {hash}");
        for wrong in
            ["", "correct hors", "correct horse ", "Correct horse", "correct horse\0", "correct horse\0x", hash]
        {
            assert!(!is_let_in(&authenticator, wrong), "{maker}: {hash} is {wrong:?}");
        }
        assert_eq!(ask(&authenticator, b"correct horse").subject(), "password 2");
    }
}

#[test]
fn other_alphabets_are_bytes() {
    let hash = "$6$rounds=1234$YpIhaMLou7U6SG6x$EetzC.srjybE52nGIPB0Cv5aBvnP5jyX.pJXjlFudlmezxQPtmFjiUeRmKHnOZwxq7bIiaYKs52DzqlaIGVq90";
    assert!(is_let_in(&made(&with(hash)), "grün €"));
}

/// bcrypt takes 72 bytes and leaves out the others.
#[test]
fn bcrypt_cuts_no_password_off() {
    let authenticator = made(&with("$2b$04$Mvj9wsBXA/LgiRePV/C4D.loaFY3og17J3otFPRouBnAAIxTkpZPq"));
    assert!(is_let_in(&authenticator, "x".repeat(72)));
    for wrong in [71, 73, 144, 65_536] {
        assert!(!is_let_in(&authenticator, "x".repeat(wrong)), "{wrong}");
    }
}

/// The time of SHA-crypt grows with the square of the length, and strangers choose that.
#[test]
fn sha_crypt_is_not_given_a_megabyte() {
    let authenticator = made(&with(MADE[12].1));
    assert!(!is_let_in(&authenticator, "x".repeat(4 << 20)));
}

#[test]
fn what_looks_like_a_hash_is_an_error_that_names_the_kind_and_the_way_out() {
    for (text, kind) in [
        ("$1$hunter2$hunter2", "MD5-crypt hash ($1$)"),
        ("$apr1$hunter2$hunter2", "Apache's MD5 hash ($apr1$)"),
        ("$y$j9T$hunter2$hunter2", "yescrypt hash ($y$)"),
        ("{SSHA}hunter2", "LDAP"),
        ("alice:$2y$05$hunter2", "a line of a password file"),
        ("pbkdf2:sha256:600000$hunter2$hunter2", "`name:algorithm:…`"),
        (" $2b$12$hunter2", "a blank"),
        ("$hunter2$hunter2", "an unknown kind"),
    ] {
        let error = error(&with(text));
        assert!(error.starts_with("option `passwords`, entry 2: looks like ") && error.contains(kind), "{error}");
        assert!(error.contains("`pusud hash-password` makes a good one") && error.contains("`plain:…`"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let plain = made(&with(&format!("plain:{text}")));
        assert!(is_let_in(&plain, text) && !is_let_in(&plain, format!("plain:{text}")));
    }
    assert!(is_let_in(&made(&with("plain:plain:x")), "plain:x"));
    assert!(is_let_in(&made(&with(&format!("plain:{}", MADE[1].1))), MADE[1].1));
    assert!(error(&with("plain:")).starts_with("option `passwords`, entry 2: there is no password behind `plain:`"));
}

/// A password may look like the hash of an old htpasswd or /etc/passwd, so it is taken, with a warning.
#[test]
fn what_may_be_a_hash_is_warned_about() {
    let said = |password: &str| {
        let relay = pusu_plugin_api::testing::Relay::new();
        let authenticator: PasswordAuthenticator = relay.create(&with(password)).unwrap();
        assert!(is_let_in(&authenticator, password.trim_start_matches("plain:")));
        relay.lines().into_iter().map(|line| line.text).collect::<Vec<_>>()
    };
    let lines = said("abJnggxhB/yWI");
    let wanted = "option `passwords`, entry 2: looks like a hash of DES crypt (13 characters), which is taken for";
    assert!(lines.len() == 1 && lines[0].starts_with(wanted) && lines[0].contains("`plain:…`"), "{lines:?}");
    assert!(!lines[0].contains("abJnggxhB"), "{lines:?}");
    assert_eq!(said("plain:abJnggxhB/yWI"), Vec::<String>::new());
}

#[test]
fn a_broken_hash_is_named_by_position_and_never_printed() {
    let salt = "c2FsdHNhbHQ";
    for (broken, kind, why) in [
        ("$argon2id$", "an argon2", "a part is missing"),
        ("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ", "an argon2", "salt or hash are missing"),
        ("$argon2id$v=99$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "an argon2", "the version"),
        ("$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "an argon2", "the parameters"),
        ("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$!!!", "an argon2", "a part is missing or malformed"),
        ("$2b$12$c2FsdHNhbHQ", "a bcrypt", "has 18 characters"),
        ("$2b$03$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS", "a bcrypt", "the cost is not 4 to 31"),
        ("$2b$32$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS", "a bcrypt", "the cost is not 4 to 31"),
        ("$2b$1x$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS", "a bcrypt", "malformed"),
        ("$2b$04$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPS ", "a bcrypt", "malformed"),
        ("$2b$04$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLäS", "a bcrypt", "malformed"),
        ("$scrypt$ln=17,r=8$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a scrypt", "its parameters are not ln, r, p"),
        ("$scrypt$ln=17,r=8,p=1,x=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a scrypt", "its parameters are not ln, r, p"),
        ("$scrypt$ln=63,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a scrypt", "out of range"),
        ("$scrypt$ln=1,r=65536,p=65536$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a scrypt", "out of range"),
        ("$scrypt$ln=0,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a scrypt", "out of range"),
        ("$pbkdf2-sha256$i=0$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a PBKDF2", "the iterations are 0"),
        ("$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a PBKDF2", "as long as l says"),
        ("$pbkdf2-sha256$0x10$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a PBKDF2", "malformed"),
        ("$7$+101$c2FsdHNhbHQ=$aGFzaGhhc2hoYXNo", "a Mosquitto", "the iterations are no whole number"),
        ("$7$101$c2FsdHNhbHQ=$aGFzaGhhc2hoYXNo", "a Mosquitto", "the hash has 12 bytes"),
        ("$7$101$$aGFzaGhhc2hoYXNo", "a Mosquitto", "the salt has 0 bytes"),
        ("$7$C6..../....c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a Mosquitto", "scrypt in a format of its own"),
        ("$6$rounds=999$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a SHA-crypt", "the rounds"),
        ("$6$rounds=x$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a SHA-crypt", "the rounds"),
        ("$6$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "a SHA-crypt", "not 86 characters"),
        ("$5$saltofatest$xF43EsX36TENi5C3WHBWTRphfFGKckrvKxSXm/st0.E", "a SHA-crypt", "not 43 characters"),
        ("$5$$xF43EsX36TENi5C3WHBWTRphfFGKckrvKxSXm/st0./", "a SHA-crypt", "the salt"),
        (
            "$6$c2FsdHNhbHQ=$A6g50fgZTxQQwnDNNhiip42CIlF1ds1PVAw3q7y3r65i8D9coAUCk6tz3sxSWLFtucuLeuc2iQGke+XyHGCzMA==",
            "a SHA-crypt",
            "Mosquitto before 2.0",
        ),
    ] {
        let text = error(&with(broken));
        let wanted = format!("option `passwords`, entry 2: begins as {kind}");
        assert!(text.starts_with(&wanted) && text.contains(why), "{broken}: {text}");
        let parts = [salt, "!!!", "aGFzaGhhc2hoYXNo", "xF43", "WX1igs"];
        assert!(text.contains("; expected $") || text.contains("; expected 60"), "{text}");
        assert!(!parts.iter().any(|part| text.contains(part)), "{text}");
    }
    assert!(
        error(&with("$argon2xx$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo")).contains("an unknown kind of argon2")
    );
}
