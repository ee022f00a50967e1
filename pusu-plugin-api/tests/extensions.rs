//! Every extension, of the host and of the plugin, by an authenticator exported by the macro and driven through the
//! exported functions alone, with and without a host that has them.
#![allow(unsafe_code, missing_docs, clippy::unwrap_used)]

mod common;

use common::Driven;
use common::offered::check;
use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{
    Authenticator, Check, Condition, Counter, CreateError, Ended, GRANTS, Gauge, Grants, Health, Histogram, Host,
    Level, NotTaken, Permission, Reload, Request, Ticket, Verdict, abi, export_authenticator,
};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

export_authenticator! {
    Told: Reload + Check + Health + Grants,
    id: "Told.test",
    license: "MIT",
    options: &["then"],
    flags: GRANTS,
}

unsafe extern "C" {
    #[link_name = "pusu_authenticator_entry"]
    fn entry(abi_major: u32) -> *const abi::Authenticator;
}

#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct Options {
    then: String,
}

/// Does what the option and the authorization say.
struct Told {
    then: Mutex<String>,
    host: Host,
    asked: Counter,
    open: Gauge,
    time: Histogram,
}

impl Authenticator for Told {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        let asked = host.counter("asked_total", "Requests.", &[("by", "client")]);
        let open = host.gauge("open", "Grants that hold.", &[]);
        let time = host.histogram("time_seconds", "Time.", &[], &[0.1, 1.0]);
        Ok(Self { then: Mutex::new(options.then), host, asked, open, time })
    }

    fn authorize(&self, request: &Request<'_>) -> Verdict {
        self.asked.increment();
        self.time.observe_time(Duration::from_millis(1));
        self.host.log_about(Level::Debug, request.ticket(), "asked", &[("how", "now")]);
        let word = request.authorization().to_str().unwrap();
        if let Some(then) = word.strip_prefix("then ") {
            *self.then.lock().unwrap() = then.to_owned();
        }
        let Some(grants) = self.host.grants() else { return Verdict::abstain() };
        if word == "entry" {
            return Verdict::refuse(format!("{:?}", self.host.entry()));
        }
        let said = [
            grants.revoke(request.ticket(), "over"),
            grants.revoke_subject(word, "over"),
            grants.recheck(request.ticket()),
            grants.recheck_subject(word),
        ];
        let wanted = if word.is_empty() { Err(NotTaken::Malformed) } else { Ok(()) };
        assert_eq!(said, [Ok(()), wanted, Err(NotTaken::Unsupported), Err(NotTaken::Full)]);
        Verdict::grant([Permission::read("a")]).ttl(Duration::from_secs(2))
    }
}

impl Told {
    fn then(&self) -> String {
        self.then.lock().unwrap().clone()
    }
}

impl Reload for Told {
    fn reload(&self) -> Result<(), CreateError> {
        match self.then().as_str() {
            "panic" => panic!("as told"),
            "fail" => Err(CreateError::failed("as told")),
            "config" => Err(CreateError::config("as told")),
            _ => Ok(()),
        }
    }
}

impl Check for Told {
    fn check(options: Options, host: &Host) -> Result<(), CreateError> {
        host.info("checked");
        match options.then.as_str() {
            "panic" => panic!("as told"),
            "fail" => Err(CreateError::failed("as told")),
            _ => Ok(()),
        }
    }
}

impl Health for Told {
    fn health(&self) -> Condition {
        match self.then().as_str() {
            "panic" => panic!("as told"),
            "fail" => Condition::Bad("as told".into()),
            "config" => Condition::Degraded("as told".into()),
            _ => Condition::Good,
        }
    }
}

impl Grants for Told {
    fn ended(&self, ticket: Ticket, why: Ended) {
        assert_ne!(why, Ended::Other(77), "as told");
        self.open.add(-1.0);
        self.host.info(format_args!("{ticket} ended: {why:?}"));
    }

    fn adopted(&self, ticket: Ticket, subject: &str, expires: Option<SystemTime>) {
        assert_ne!(subject, "panic", "as told");
        self.open.set(1.0);
        let expires = expires.map(|expires| expires.duration_since(UNIX_EPOCH).unwrap());
        self.host.info(format_args!("{ticket} of {subject:?} until {expires:?}"));
    }
}

fn made(then: &str) -> Driven {
    Driven::create_with_extensions(entry, &format!(r#"{{"then":"{then}"}}"#)).expect("these options are good")
}

#[test]
fn tables_are_constants_that_need_no_instance() {
    let (first, second) = (made(""), made(""));
    for id in [abi::EXT_RELOAD, abi::EXT_CHECK, abi::EXT_HEALTH, abi::EXT_GRANTS] {
        let table = first.extension(id);
        assert!(!table.is_null(), "{id}");
        assert_eq!((table, table), (first.extension(id), second.extension(id)), "{id}");
    }
    for id in [abi::EXT_HOST, abi::EXT_LOG, abi::EXT_METRICS, abi::EXT_ENTRY, "pusu.reload/2", "pusu.reload/", ""] {
        assert!(first.extension(id).is_null(), "{id}");
    }
    assert_eq!(first.flags(), abi::F_GRANTS);
}

#[test]
fn a_reload_says_what_came_of_it() {
    assert_eq!(made("").reload(), (abi::OK, String::new()));
    assert_eq!(made("fail").reload(), (abi::ERR, "as told".to_owned()));
    assert_eq!(made("config").reload(), (abi::ERR_CONFIG, "as told".to_owned()));
    let driven = made("panic");
    assert_eq!(driven.reload(), (abi::ERR_PANIC, "panic in reload: as told".to_owned()));
    assert_eq!(driven.authorize(1, b"x"), abi::ERR_PANIC, "it is not entered again");
    let again = "reload is not called: the authenticator has panicked before";
    assert_eq!(driven.reload(), (abi::ERR_PANIC, again.to_owned()));
}

#[test]
fn a_check_needs_no_instance() {
    let checked = |options| check(entry, options).unwrap();
    let lines = vec![(3, "checked".to_owned())];
    assert_eq!(checked(r#"{"then":""}"#), (abi::OK, String::new(), lines.clone()));
    assert_eq!(checked(r#"{"then":"fail"}"#), (abi::ERR, "as told".to_owned(), lines.clone()));
    assert_eq!(checked(r#"{"then":"panic"}"#), (abi::ERR_PANIC, "panic in check: as told".to_owned(), lines));
    let wrong = "option `then`: expected a string, found a number".to_owned();
    assert_eq!(checked(r#"{"then":7}"#), (abi::ERR_CONFIG, wrong, vec![]));
}

#[test]
fn health_says_why_it_is_not_good() {
    assert_eq!(made("").health(), (abi::HEALTH_GOOD, String::new()));
    assert_eq!(made("config").health(), (abi::HEALTH_DEGRADED, "as told".to_owned()));
    assert_eq!(made("fail").health(), (abi::HEALTH_BAD, "as told".to_owned()));
    let driven = made("panic");
    assert_eq!(driven.health(), (abi::HEALTH_BAD, "panic in health: as told".to_owned()));
    assert_eq!(driven.health().0, abi::HEALTH_BAD);
    assert_eq!(driven.authorize(1, b"x"), abi::ERR_PANIC);
}

#[test]
fn ends_and_adoptions_are_heard_of() {
    let driven = made("");
    driven.adopted(7, "ali", 1500);
    driven.adopted(8, "", 0);
    driven.adopted(9, "far", u64::MAX);
    driven.ended(7, abi::ENDED_REVOKED);
    driven.ended(1000, 9);
    let lines = driven.logs().into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(lines[..2], ["7 of \"ali\" until Some(1.5s)".to_owned(), "8 of \"\" until None".to_owned()][..]);
    assert!(lines[2].starts_with("9 of \"far\" until "), "{lines:?}");
    assert_eq!(lines[3..], ["7 ended: Revoked".to_owned(), "1000 ended: Other(9)".to_owned()][..]);
    for tell in [(|driven| driven.ended(1, 77)) as fn(&Driven), |driven| driven.adopted(1, "panic", 0)] {
        let driven = made("");
        tell(&driven);
        assert!(
            driven.logs().iter().any(|(level, text)| *level == 1 && text.contains("panic in ")),
            "{:?}",
            driven.logs()
        );
        assert_eq!(driven.authorize(1, b"x"), abi::ERR_PANIC);
    }
}

#[test]
fn the_hosts_tables_are_used() {
    let driven = made("");
    let answer = driven.ask(5, b"ali");
    assert_eq!(answer.attrs, [("!ttl_ms".to_owned(), "2000".to_owned())]);
    assert_eq!(driven.logs(), [(4, "[5] asked how=now".to_owned())]);
    let wanted = [
        "define 0 1 asked_total by=client",
        "define 1 2 open",
        "define 2 3 time_seconds",
        "add 0 1",
        "observe 2 a time",
        "revoke 5 \"over\"",
        "revoke_subject \"ali\" \"over\"",
        "recheck 5",
        "recheck_subject \"ali\"",
    ];
    assert_eq!(driven.heard(), wanted);
    assert_eq!(driven.ask(6, b"").decision, abi::GRANT);
    let entry = "Some(Entry { index: 0, count: 2, authorize_timeout: Some(1.5s) })";
    assert_eq!(driven.ask(7, b"entry").reason, entry);
}

#[test]
fn a_host_without_them_is_done_without() {
    let driven = Driven::create(entry, r#"{"then":""}"#).unwrap();
    assert_eq!(driven.ask(5, b"ali").decision, abi::ABSTAIN);
    driven.ended(1, abi::ENDED_CLOSED);
    let lines = [(4, "asked ticket=\"5\" how=\"now\"".to_owned()), (3, "1 ended: Closed".to_owned())];
    assert_eq!(driven.logs(), lines);
    assert_eq!(driven.heard(), [""; 0]);
}
