//! Clients without a password, who are let in by none.

use super::*;
use pusu_plugin_api::Level;
use pusu_plugin_api::testing::Relay;

/// Hashes of the empty password, as other programs make them.
const OF_EMPTY: [&str; 6] = [
    "$2b$04$JWBLtPpEf8EDB06Rk/eLGuyWqWt7dhlXDMOUnF4Uh7CqQvlHhGfnC",
    "$scrypt$ln=4,r=8,p=1$c2FsdCBvZiBhIHRlc3Q$i1jl+RdHCYGHGwdJbg9VUwst22GtOYqboUDvWd4Mcqg",
    "$pbkdf2-sha256$i=1000$c2FsdCBvZiBhIHRlc3Q$eJvoxeVWuFKe2teUhPEq3FuhXIeNUCnOftgPeFLp3PE",
    "$7$101$c2FsdCBvZiB0ZXN0$ettm+BwO4pheh8U35q+DXA6zNeTF1CriwbuXejn2jVgFJ+1oDvp27+JEIkQ6455SFNGXhiL4NOvvuDbKl30rrg==",
    "$5$saltofatest$xzgNCfvRh3VnRo2f7L3dsANSOM3YhRqVMKZIq4ePla0",
    "$6$saltofatest$6IFj2rwBQw8rymtvNR7vQPcO6JophnJR8yuQ63aUoice4hYmnjiPAqgzDwm3HvlVAlShMJWcUpimcxnNVPMYl1",
];

fn with(passwords: &[&str]) -> String {
    let entries: Vec<_> = passwords.iter().map(|password| serde_json::json!({ *password: ["a"] })).collect();
    serde_json::json!({ "passwords": entries }).to_string()
}

/// Each of them let in everybody who sent no authorization. The second one costs the same as one that is measured.
#[test]
fn a_hash_of_the_empty_password_is_an_error() {
    let argon2 = [phc(Algorithm::Argon2id, ""), phc(Algorithm::Argon2i, "")];
    for hash in argon2.iter().map(String::as_str).chain(OF_EMPTY) {
        for passwords in [&["fine", hash][..], &["fine", hash, "other"], &["fine", hash, hash]] {
            let text = error(&with(passwords));
            let wanted =
                "option `passwords`, entry 2: is a hash of the empty password, so clients without any would be";
            assert!(text.starts_with(wanted) && text.contains("`allow_read_by_default: true`"), "{hash}: {text}");
        }
    }
    let other = phc(Algorithm::Argon2id, "x");
    assert!(error(&with(&[&other, &argon2[0]])).starts_with("option `passwords`, entry 2: is a hash of the empty"));
    let checked = testing::check::<PasswordAuthenticator>(&with(&[OF_EMPTY[0]])).unwrap_err().to_string();
    assert!(checked.starts_with("option `passwords`, entry 1: is a hash of the empty password"), "{checked}");
}

/// One that there is no time to compare at the start is found when somebody comes without a password.
#[test]
fn a_hash_that_was_not_compared_lets_nobody_in_without_a_password() {
    for (hash, read_by_default) in OF_EMPTY.into_iter().flat_map(|hash| [(hash, false), (hash, true)]) {
        let relay = Relay::new();
        let turns = Arc::new(Turns::new());
        let options: Options = pusu_plugin_api::options::from_json(with(&["fine", hash]).as_bytes()).unwrap();
        let measuring = Measuring::new(Duration::ZERO, &turns);
        let list = List::new(OPTION, options.passwords.0, measuring, &relay.host()).unwrap();
        let mut authenticator: PasswordAuthenticator = relay.create(&with(&["fine"])).unwrap();
        (authenticator.list, authenticator.allow_read_by_default) = (list, read_by_default);
        for _ in 0..3 {
            let verdict = ask(&authenticator, b"");
            if read_by_default {
                assert_eq!(permissions(&verdict), [("*", Access::READ)]);
                assert_eq!(verdict.subject(), ANYONE);
            } else {
                assert_eq!((verdict.decision(), verdict.reason()), (Decision::Refuse, "unknown password"));
            }
        }
        assert_eq!(ask(&authenticator, b"fine").decision(), Decision::Grant);
        let said: Vec<_> = relay.lines().into_iter().filter(|line| line.level == Level::Error).collect();
        let wanted = "option `passwords`, entry 2: is a hash of the empty password";
        assert!(said.len() == 1 && said[0].text.starts_with(wanted), "{said:?}");
    }
}
