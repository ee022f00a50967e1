//! Options: what is taken, and what the operator reads where they are wrong.

use super::*;

#[test]
fn the_settings_of_the_original_are_enough() {
    let options =
        r#"{"jwt_signing_algorithms":["HS256"],"jwt_verification_key":"secret","allowed_channels":["auction.*"]}"#;
    assert!(testing::create::<JwtAuthenticator>(options).is_ok());
}

#[test]
fn every_kind_of_key_goes_with_its_algorithms() {
    for (algorithms, key) in [
        (&["HS256", "HS384", "HS512", "HS256"][..], SECRET),
        (&["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], keys::RSA),
        (&["RS256"], keys::RSA_PKCS1),
        (&["ES256"], keys::P256),
        (&["ES384"], keys::P384),
        (&["ES512"], keys::P521),
        (&["EdDSA"], keys::ED25519),
        (&["EdDSA"], keys::ED25519.trim_end()),
        (&["EdDSA"], &format!("\n  {}\n\n", keys::ED25519)),
    ] {
        made(json!({"jwt_signing_algorithms": algorithms, "jwt_verification_key": key}));
    }
}

#[test]
fn keys_that_do_not_go_with_the_algorithms_are_errors() {
    let hmac = "`jwt_signing_algorithms` has HS256, which needs a secret of signer and relay, never a public key";
    let public = |algorithm: &str| {
        format!(
            "it is a secret, which goes with HS256, HS384, HS512; `jwt_signing_algorithms` has {algorithm}, which needs a public key"
        )
    };
    for (algorithms, key, wanted) in [
        (
            &["HS256"][..],
            keys::RSA,
            format!("it is an RSA public key, which goes with RS256, RS384, RS512, PS256, PS384, PS512; {hmac}"),
        ),
        (&["HS256"], keys::P256, format!("it is a public key on the curve P-256, which goes with ES256; {hmac}")),
        (&["HS256"], keys::ED25519, format!("it is an Ed25519 public key, which goes with EdDSA; {hmac}")),
        (&["RS256", "HS256"], keys::RSA, hmac.into()),
        (&["HS256", "RS256"], SECRET, public("RS256")),
        (&["ES256"], SECRET, public("ES256")),
        (&["ES256"], keys::P384, "has ES256, which needs a public key of its kind".into()),
        (&["ES384"], keys::P256, "has ES384".into()),
        (&["ES256"], keys::RSA, "has ES256".into()),
        (&["EdDSA"], keys::P256, "has EdDSA".into()),
        (&["ES256"], keys::SECP256K1, "it is not a public key on the curve P-256".into()),
        (&["ES256"], keys::P521, "it is a public key on the curve P-521, which goes with ES512".into()),
        (&["ES512"], keys::P384, "has ES512, which needs a public key of its kind".into()),
        (&["EdDSA"], keys::ED448, "no RSA, EC or Ed25519 public key, or damaged".into()),
        (&["RS256"], keys::RSA_1024, "expected an RSA key of 2048 to 4096 bits, found 1024".into()),
        (&["HS256"], "", "the secret is empty".into()),
        (&["HS256"], "-----BEGIN PUBLIC KEY-----\nbm9uc2Vuc2U=\n-----END PUBLIC KEY-----\n", "or damaged".into()),
        (&["RS256"], "-----BEGIN PUBLIC KEY-----", "or damaged".into()),
        (&["HS256"], "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", "OpenSSH".into()),
        (&["RS256"], "-----BEGIN CERTIFICATE-----\n", "openssl x509".into()),
        (&["RS256"], "-----BEGIN PRIVATE KEY-----\n", "does not belong on a relay".into()),
        (&["ES256"], "-----BEGIN EC PRIVATE KEY-----\n", "does not belong on a relay".into()),
        (&["HS256"], "-----BEGIN PGP MESSAGE-----\n", "no public key".into()),
    ] {
        let text = error(json!({"jwt_signing_algorithms": algorithms, "jwt_verification_key": key}));
        assert!(
            text.starts_with("option `jwt_verification_key`: ") && text.contains(&wanted),
            "{text}\nwanted {wanted}"
        );
        assert!(!text.contains("MFkw") && !text.contains(SECRET), "{text}");
    }
}

#[test]
fn wrong_options_say_what_was_expected_and_no_value() {
    let hs256 = |more: Value| {
        let mut options = json!({"jwt_signing_algorithms": ["HS256"], "jwt_verification_key": "hunter2"});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options
    };
    let remote = |more: Value| {
        let mut options = json!({"jwt_signing_algorithms": ["RS256"]});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options
    };
    let algorithms =
        |algorithms: Value| json!({"jwt_signing_algorithms": algorithms, "jwt_verification_key": "hunter2"});
    for (options, wanted) in [
        (json!({"jwt_verification_key": "hunter2"}), "`jwt_signing_algorithms` is missing"),
        (algorithms(json!([])), "expected at least one of HS256, HS384"),
        (algorithms(json!("HS256")), "option `jwt_signing_algorithms`: expected a list, found a string"),
        (algorithms(json!(["HS256", "none"])), "item 2: tokens without a signature are never accepted"),
        (algorithms(json!(["hs256"])), "item 1: expected one of HS256, HS384, HS512, RS256"),
        (algorithms(json!(["ES521"])), "found `ES521`"),
        (json!({"jwt_signing_algorithms": ["HS256"]}), "expected exactly one of the options `jwt_verification_key`"),
        (hs256(json!({"jwt_jwks_file": "/f"})), "expected exactly one of the options"),
        (hs256(json!({"jwt_verification_key_file": "/f"})), "expected exactly one of the options"),
        (hs256(json!({"jwt_jwks_url": "https://id.example.com/"})), "expected exactly one of the options"),
        (hs256(json!({"jwt_oidc_issuer": "https://id.example.com/"})), "expected exactly one of the options"),
        (
            hs256(json!({"jwt_jwks_ca_file": "/f"})),
            "option `jwt_jwks_ca_file`: has no meaning without `jwt_jwks_url` or `jwt_oidc_issuer`",
        ),
        (hs256(json!({"jwt_jwks_max_age": "1h"})), "option `jwt_jwks_max_age`: has no meaning without"),
        (remote(json!({"jwt_jwks_url": "http://hunter2"})), "option `jwt_jwks_url`: expected a URL such as"),
        (remote(json!({"jwt_jwks_url": 7})), "option `jwt_jwks_url`: expected a string, found a number"),
        (remote(json!({"jwt_oidc_issuer": "https://a/?hunter2"})), "option `jwt_oidc_issuer`: expected the URL of an"),
        (
            remote(json!({"jwt_jwks_url": "https://a/", "jwt_jwks_max_age": "10s"})),
            "option `jwt_jwks_max_age`: expected 20s to 30days, found 10s",
        ),
        (
            remote(json!({"jwt_jwks_url": "https://a/", "jwt_jwks_ca_file": "/hunter/2"})),
            "option `jwt_jwks_ca_file`: /hunter/2: ",
        ),
        (
            remote(json!({"jwt_jwks_url": "https://a/", "jwt_signing_algorithms": ["RS256", "HS256"]})),
            "option `jwt_signing_algorithms`: HS256 needs a secret, and `jwt_jwks_url` gives public keys",
        ),
        (hs256(json!({"jwt_claim": ""})), "option `jwt_claim`: expected the name of a claim, or names with dots"),
        (hs256(json!({"jwt_claim": 7})), "option `jwt_claim`: expected the name of a claim, a path such as"),
        (
            hs256(json!({"jwt_claim": "sub"})),
            "option `jwt_claim`: `sub` is a text, a number or a list of texts in every",
        ),
        (
            hs256(json!({"jwt_issuer": "a", "jwt_grants": [
                {"read": ["x"]},
                {"read": ["x"], "when": {"claim": "iss", "equals": "b"}},
            ]})),
            "option `jwt_grants`, item 2: gives nothing: `when`: `iss` would have to equal none of `jwt_issuer`",
        ),
        (hs256(json!({"jwt_claim": "exp.pusu"})), "option `jwt_claim`: `exp` is a text, a number or a list of texts"),
        (hs256(json!({"jwt_verification_key": 7})), "option `jwt_verification_key`: expected a string, found a number"),
        (
            hs256(json!({"jwt_leeway": "hunter2"})),
            "option `jwt_leeway`: expected a time: seconds as a number, or text such as `500ms`",
        ),
        (hs256(json!({"jwt_leeway": -1})), "option `jwt_leeway`: expected a time"),
        (hs256(json!({"jwt_leeway": -0.5})), "option `jwt_leeway`: expected a time"),
        (hs256(json!({"jwt_leeway": "2h"})), "option `jwt_leeway`: expected at most an hour, found 2h"),
        (hs256(json!({"jwt_require_expiry": "no"})), "option `jwt_require_expiry`: expected a boolean, found a string"),
        (hs256(json!({"jwt_issuer": ""})), "option `jwt_issuer`: expected a name, found an empty text"),
        (hs256(json!({"jwt_audience": []})), "option `jwt_audience`: expected at least one, found 0"),
        (hs256(json!({"jwt_audience": [7]})), "option `jwt_audience`, item 1: expected a string, found a number"),
        (hs256(json!({"jwt_issuer": 7})), "option `jwt_issuer`: expected a text or a list of texts, found a number"),
        (hs256(json!({"allowed_channels": []})), "option `allowed_channels`: expected at least one pattern"),
        (
            hs256(json!({"allowed_channels": ["a", ""]})),
            "option `allowed_channels`, item 2: expected a pattern of 1 to 255 bytes",
        ),
        (hs256(json!({"allowed_channels": ["x".repeat(256)]})), "item 1: expected a pattern of 1 to 255 bytes"),
        (hs256(json!({"allowed_channels": ["hunter2\n"]})), "item 1: expected a pattern"),
        (hs256(json!({"allowed_channels": "*"})), "option `allowed_channels`: expected a list, found a string"),
        (hs256(json!({"jwt_verification_keys": []})), "there is no option `jwt_verification_keys`"),
    ] {
        let text = error(options.clone());
        assert!(text.contains(wanted), "{options}\n  gives {text}\n wanted {wanted}");
        let checked = testing::check::<JwtAuthenticator>(&options.to_string()).unwrap_err();
        assert_eq!(checked.to_string(), text, "`pusud check` says the same");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn times_are_written_as_in_the_relays_settings() {
    for leeway in [json!(5), json!(5.0), json!("5s"), json!("5000ms")] {
        let authenticator = with(json!({"jwt_leeway": leeway}));
        assert!(decide(&authenticator, &token(json!({"exp": NOW - 4}))).is_ok(), "{leeway}");
        assert!(decide(&authenticator, &token(json!({"exp": NOW - 5}))).is_err(), "{leeway}");
    }
}
