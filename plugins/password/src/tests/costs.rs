//! Costs of hashes: which are refused, which are named, and how much comparisons take together.

use super::*;
use pusu_plugin_api::Level;
use pusu_plugin_api::testing::Relay;
use std::time::Duration;

const SALT_AND_HASH: &str = "c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";

fn with(passwords: &[String]) -> String {
    let entries: Vec<_> = passwords.iter().map(|password| serde_json::json!({ password: ["a"] })).collect();
    serde_json::json!({ "passwords": entries }).to_string()
}

fn warnings(relay: &Relay) -> Vec<String> {
    relay.lines().into_iter().filter(|line| line.level == Level::Warn).map(|line| line.text).collect()
}

/// Each of them would have hung the start, or the first client's authorization.
#[test]
fn what_would_take_for_ever_is_refused_before_it_is_tried() {
    for (hash, parameters, figure) in [
        (format!("$argon2id$v=19$m=2097152,t=1,p=1${SALT_AND_HASH}"), "argon2 with m=2097152", "2048 MiB of memory"),
        (format!("$argon2id$v=19$m=8,t=4294967295,p=1${SALT_AND_HASH}"), "t=4294967295", "hours"),
        (format!("$argon2d$v=19$m=1048576,t=20,p=4${SALT_AND_HASH}"), "p=4", "about 14 s"),
        (
            "$2b$31$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS".into(),
            "bcrypt with cost 31",
            "about 32 hours",
        ),
        ("$2b$18$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS".into(), "bcrypt with cost 18", "about 14 s"),
        (format!("$scrypt$ln=21,r=8,p=1${SALT_AND_HASH}"), "scrypt with ln=21", "2049 MiB of memory"),
        (format!("$scrypt$ln=10,r=8,p=65536${SALT_AND_HASH}"), "p=65536", "3 minutes"),
        (format!("$scrypt$ln=40,r=1,p=1073741823${SALT_AND_HASH}"), "ln=40", "MiB of memory"),
        (format!("$pbkdf2-sha512$i=4294967295${SALT_AND_HASH}"), "4294967295 iterations", "50 minutes"),
        (format!("$7$4294967295${}=${}A==", "A".repeat(11), "A".repeat(85)), "4294967295 iterations", "50 minutes"),
        (format!("$6$rounds=999999999$salt${}", ".".repeat(86)), "999999999 rounds", "14 minutes"),
    ] {
        let text = error(&with(&["fine".into(), hash]));
        assert!(text.starts_with("option `passwords`, entry 2: "), "{text}");
        for part in [parameters, figure, "; make the hash anew with `pusud hash-password`"] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }
}

#[test]
fn what_takes_much_is_taken_and_said_with_the_figure() {
    let relay = Relay::new();
    let hash = |m: u32| format!("$argon2id$v=19$m={m},t=1,p=1${SALT_AND_HASH}");
    let authenticator: PasswordAuthenticator =
        relay.create(&with(&["fine".into(), hash(64), hash(300 * 1024), hash(300 * 1024)])).unwrap();
    let said = warnings(&relay);
    let first = said.first().unwrap_or_else(|| panic!("nothing was said"));
    assert!(first.starts_with("option `passwords`, entry 3: a comparison with this hash takes "), "{first}");
    assert!(first.contains(" and 300 MiB (argon2 with m=307200, t=1, p=1)"), "{first}");
    assert!(!said.iter().any(|line| line.contains("entry 2") || line.contains("entry 4")), "{said:?}");
    assert_eq!(relay.metric("memory_bytes_max", &[]), Some(f64::from(300 << 20)));
    let info = relay.lines().into_iter().find(|line| line.level == Level::Info).expect("the memory is told");
    let wanted = "comparing passwords takes 300 MiB for a client, and at most 300 MiB for all";
    assert!(info.text.starts_with(wanted), "{}", info.text);
    assert_eq!(ask(&authenticator, b"fine").decision(), Decision::Grant);
    assert_eq!(ask(&authenticator, b"other").decision(), Decision::Refuse);
}

#[test]
fn plain_passwords_take_nothing_that_is_worth_a_word() {
    let relay = Relay::new();
    let _: PasswordAuthenticator = relay.create(&with(&["fine".into(), "plain:$1$a".into()])).unwrap();
    assert_eq!(relay.lines(), []);
    assert_eq!(relay.metric("memory_bytes_max", &[]), Some(0.0));
}

/// Each of these hashes is cheap, and every authorization is compared with all of them.
#[test]
fn many_hashes_are_refused_where_no_authorization_has_time_for_them() {
    let relay = Relay::new();
    relay.set_entry(0, 1, Some(Duration::from_millis(1)));
    let hash = format!("$argon2id$v=19$m=8192,t=1,p=1${SALT_AND_HASH}");
    let hashes = vec![hash.clone(); 40];
    let error = |options: &str| relay.create::<PasswordAuthenticator>(options).err().unwrap().to_string();
    let text = error(&with(&hashes));
    assert!(text.starts_with("option `passwords`: an authorization takes about "), "{text}");
    for part in ["`limits.authorize_call_timeout`", "the relay waits 1 ms for it", "`pusud hash-password`", "`!file`"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    std::fs::write(&file, hashes.iter().map(|hash| format!("- {hash}: [a]\n")).collect::<String>()).unwrap();
    let text = error(&format!(r#"{{"passwords":{{"fine":["a"]}},"passwords_file":{file:?}}}"#));
    let place = format!("option `passwords_file`: {}: an authorization takes about ", file.display());
    assert!(text.starts_with(&place), "{text}");
    relay.set_entry(0, 1, Some(Duration::from_secs(3600)));
    assert!(relay.create::<PasswordAuthenticator>(&with(&hashes)).is_ok());
}

/// A file that would let nobody in any more is a broken one.
#[test]
fn a_file_that_would_cost_too_much_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    std::fs::write(&file, "fine: [a]").unwrap();
    let relay = Relay::new();
    relay.set_entry(0, 1, Some(Duration::from_millis(1)));
    let authenticator: PasswordAuthenticator = relay.create(&format!(r#"{{"passwords_file":{file:?}}}"#)).unwrap();
    std::fs::write(&file, format!("fine: [a]\n$argon2id$v=19$m=131072,t=1,p=1${SALT_AND_HASH}: [a]")).unwrap();
    let text = authenticator.reload().unwrap_err().to_string();
    assert!(text.contains("so that nobody could connect"), "{text}");
    assert_eq!(ask(&authenticator, b"fine").decision(), Decision::Grant);
}

/// Between what may be too slow at the moment and what is too slow on any machine lies a factor, of estimates a larger one.
#[test]
fn only_what_is_far_too_slow_is_refused() {
    let cost = cost::Cost { parameters: "x".into(), bytes: 0, work: cost::Work::BcryptRounds(1 << 15) };
    let estimate = cost.estimate();
    let relay = Relay::new();
    for (takes, factor) in [(cost::Takes::measured(&cost, estimate, 3), 2), (cost::Takes::estimated(&cost, 3), 4)] {
        assert_eq!(takes.time, estimate * 3);
        relay.set_entry(0, 1, Some(takes.time / factor + Duration::from_millis(1)));
        assert_eq!(takes.check(&relay.host()), Ok(()));
        relay.set_entry(0, 1, Some(takes.time / factor - Duration::from_millis(1)));
        assert!(takes.check(&relay.host()).is_err());
        relay.set_entry(0, 1, None);
        assert_eq!(takes.check(&relay.host()), Ok(()));
    }
    // While the machine compares for others, what a usual server has the time for is no reason to keep an old list.
    let slow = cost::Takes::measured(&cost, estimate * 100, 3);
    relay.set_entry(0, 1, Some(estimate * 3 + Duration::from_millis(1)));
    assert!(slow.check(&relay.host()).is_err() && slow.check_again(&relay.host()).is_ok());
    relay.set_entry(0, 1, Some(estimate * 3 - Duration::from_millis(1)));
    assert!(slow.check_again(&relay.host()).is_err());
    relay.set_entry(0, 1, Some(estimate * 2));
    cost::Takes::measured(&cost, estimate, 3).tell(&Turns::new(), &relay.host());
    let said = warnings(&relay);
    assert!(
        said.len() == 1 && said[0].contains("`limits.authorize_call_timeout` is 3.6 s: it may be that"),
        "{said:?}"
    );
}

/// Beside six busy programs good settings did not start: what these did was taken for the time of a comparison.
#[test]
fn what_others_compute_meanwhile_is_not_measured() {
    use std::sync::atomic::{AtomicBool, Ordering};
    if !own_time::OwnTime::IS_KNOWN {
        return;
    }
    let hash = "$2b$10$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS";
    let options: Options = pusu_plugin_api::options::from_json(with(&[hash.into()]).as_bytes()).unwrap();
    let (turns, is_over) = (Turns::new(), AtomicBool::new(false));
    let (takes, own) = std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let began = own_time::OwnTime::now();
        let measuring = Measuring::new(MEASURING_MAX, &turns);
        let list = List::new(OPTION, options.passwords.0, measuring, &Relay::new().host());
        let own = began.elapsed();
        is_over.store(true, Ordering::Relaxed);
        (list.unwrap().takes, own)
    });
    assert!(takes.time > Duration::ZERO && takes.time <= own, "{takes:?}, and the thread computed for {own:?}");
}

/// Where the time has in it what others did, the estimate has to find it too long, too.
#[test]
fn a_time_that_is_not_the_threads_own_refuses_nothing_alone() {
    let cost = cost::Cost { parameters: "x".into(), bytes: 0, work: cost::Work::BcryptRounds(1 << 12) };
    let estimate = cost.estimate();
    let relay = Relay::new();
    relay.set_entry(0, 1, Some(estimate * 18 + Duration::from_millis(1)));
    assert!(cost::Takes::measured(&cost, estimate * 8, 18).check(&relay.host()).is_err());
    assert_eq!(cost::Takes::measured_beside_others(&cost, estimate * 8, 18).check(&relay.host()), Ok(()));
    relay.set_entry(0, 1, Some(estimate * 18 - Duration::from_millis(1)));
    assert!(cost::Takes::measured_beside_others(&cost, estimate * 8, 18).check(&relay.host()).is_err());
}

/// Estimates, which are the same on every machine, stand in for what there is no time to measure.
#[test]
fn slow_hashes_and_many_of_them_are_said() {
    let bcrypt = |cost: u32| format!("$2b${cost}$WX1igsSJhBtOBoBn4lTrtOa1Fml1C5CZCOWL1NpSXN74.QtYcLPSS");
    let list = |passwords: &[String], relay: &Relay| {
        let options: Options = pusu_plugin_api::options::from_json(with(passwords).as_bytes()).unwrap();
        let turns = Turns::new();
        let measuring = Measuring::new(Duration::ZERO, &turns);
        let list = List::new(OPTION, options.passwords.0, measuring, &relay.host()).unwrap();
        list.takes.tell(&turns, &relay.host());
        warnings(relay)
    };
    let said = list(&["fine".into(), bcrypt(15)], &Relay::new());
    let wanted = "option `passwords`, entry 2: a comparison with this hash takes about 1.8 s (bcrypt with cost 15)";
    assert!(said[0].starts_with(wanted), "{said:?}");
    assert!(said[1].starts_with("an authorization takes 1.8 s, "), "{said:?}");
    let said = list(&[bcrypt(12), bcrypt(13), bcrypt(12), bcrypt(13)], &Relay::new());
    assert!(said.len() == 1 && said[0].starts_with("an authorization takes 1.3 s, "), "{said:?}");
    assert_eq!(list(&[bcrypt(12), bcrypt(13)], &Relay::new()), Vec::<String>::new());
}

/// A client whose turn does not come in time is told to come again.
#[test]
fn comparisons_at_a_time_are_bounded_by_their_memory() {
    let authenticator = made(&with(&[format!("$argon2id$v=19$m=8192,t=1,p=1${SALT_AND_HASH}")]));
    let taken = authenticator.turns.take(turns::BYTES_MAX, Duration::ZERO).unwrap();
    let ask = || {
        let mut asked = testing::Asked::new(b"x").timeout(Duration::from_millis(10));
        authenticator.authorize(&asked.request())
    };
    let verdict = ask();
    assert_eq!(
        (verdict.decision(), verdict.reason()),
        (Decision::Unavailable, "too many passwords are being compared")
    );
    drop(taken);
    assert_eq!(ask().decision(), Decision::Refuse);
}

#[test]
fn whoever_is_not_known_is_left_to_the_next_in_a_list() {
    let options = with(&["known".into(), phc(Algorithm::Argon2id, "P")]);
    for (index, count, wanted) in [(0, 2, Decision::Abstain), (1, 2, Decision::Refuse), (0, 1, Decision::Refuse)] {
        let relay = Relay::new();
        relay.set_entry(index, count, None);
        let authenticator: PasswordAuthenticator = relay.create(&options).unwrap();
        assert_eq!(ask(&authenticator, b"other").decision(), wanted, "{index} of {count}");
        assert_eq!(ask(&authenticator, b"known").decision(), Decision::Grant);
    }
    let relay = Relay::new();
    relay.set_entry(0, 2, None);
    let everybody: PasswordAuthenticator = relay.create(r#"{"allow_read_by_default":true}"#).unwrap();
    assert_eq!(ask(&everybody, b"other").decision(), Decision::Grant);
}
