//! An authenticator exported by the macro, driven as a relay drives it: through the exported functions alone.
#![allow(unsafe_code, missing_docs, clippy::unwrap_used)]

mod common;

use common::Driven;
use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{
    AsyncAuthenticator, CreateError, Delivery, Host, Permission, Reply, Request, SERIAL, Ticket, Verdict, abi,
    export_authenticator,
};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

export_authenticator! {
    Obedient,
    id: "Obedient.test_1",
    version: "9.8.7",
    license: "MIT",
    description: "Does what the authorization says",
    options: &["name", "panic_in"],
    flags: SERIAL,
}

unsafe extern "C" {
    #[link_name = "pusu_plugin_manifest"]
    safe static MANIFEST: abi::Manifest;
    #[link_name = "pusu_authenticator_entry"]
    fn entry(abi_major: u32) -> *const abi::Authenticator;
}

#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct Options {
    name: String,
    #[serde(default)]
    panic_in: String,
}

/// Does what the authorization says; what it puts off, it does on a thread of its own.
struct Obedient {
    name: String,
    panic_in_drop: bool,
    host: Host,
    later: Option<Sender<Reply>>,
    worker: Option<JoinHandle<()>>,
    kept: Mutex<Vec<Reply>>,
}

impl AsyncAuthenticator for Obedient {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        match options.panic_in.as_str() {
            "create" => panic!("as told"),
            "fail" => return Err(CreateError::failed("as told")),
            "unsupported" => return Err(CreateError::unsupported("as told")),
            _ => {}
        }
        let (later, work): (_, Receiver<Reply>) = channel();
        let name = options.name.clone();
        let worker = std::thread::spawn(move || {
            for reply in work {
                reply.send(Verdict::grant([Permission::read("late")]).with_subject(&name));
            }
        });
        Ok(Self {
            name: options.name,
            panic_in_drop: options.panic_in == "drop",
            host,
            later: Some(later),
            worker: Some(worker),
            kept: Mutex::default(),
        })
    }

    fn authorize(&self, request: &Request<'_>, reply: Reply) {
        match request.authorization().to_str().unwrap_or("not text") {
            "now" => {
                let verdict = Verdict::grant([Permission::read_write("a.*"), Permission::write("b")])
                    .with_subject(&self.name)
                    .with_attr("claim.role", "x")
                    .expires_unix_ms(77);
                assert_eq!(reply.send(verdict), Delivery::Taken);
            }
            "later" => self.later.as_ref().unwrap().send(reply).unwrap(),
            "keep" => self.kept.lock().unwrap().push(reply),
            "drop" => drop(reply),
            "give away" => *GIVEN_AWAY.lock().unwrap() = Some((reply, self.host.clone())),
            "panic" => panic!("as told by {}", self.name),
            "panic with a bomb" => std::panic::panic_any(Bomb),
            "abstain" => drop(reply.send(Verdict::abstain())),
            other => drop(reply.send(Verdict::refuse(format!("cannot do {}", other.len())))),
        }
    }

    fn cancel(&self, ticket: Ticket) {
        self.host.debug(format_args!("cancelled {ticket}"));
        self.kept.lock().unwrap().retain(|reply| reply.ticket() != ticket);
    }
}

impl Drop for Obedient {
    fn drop(&mut self) {
        self.later = None;
        if let Some(worker) = self.worker.take() {
            worker.join().unwrap();
        }
        self.host.info("gone");
        assert!(!self.panic_in_drop, "as told");
    }
}

/// What one test carries past the end of its instance.
static GIVEN_AWAY: Mutex<Option<(Reply, Host)>> = Mutex::new(None);

/// A payload that panics again when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

fn made(options: &str) -> Driven {
    Driven::create(entry, options).expect("these options are good")
}

#[test]
fn the_manifest_says_what_the_macro_was_told() {
    let text = |field: &'static [u8]| abi::Manifest::text(field).unwrap();
    assert_eq!((MANIFEST.magic, MANIFEST.size), (abi::MAGIC, abi::MANIFEST_BYTES as u32));
    assert_eq!((MANIFEST.abi_major, MANIFEST.abi_minor, MANIFEST.kind), (1, 0, abi::KIND_AUTHENTICATOR));
    assert_eq!((MANIFEST.flags, MANIFEST.fingerprint), (abi::F_SERIAL | abi::F_ASYNC, abi::FINGERPRINT));
    assert_eq!((text(&MANIFEST.id), text(&MANIFEST.version)), ("Obedient.test_1", "9.8.7"));
    assert_eq!((text(&MANIFEST.license), text(&MANIFEST.options)), ("MIT", "name,panic_in"));
    assert_eq!(text(&MANIFEST.description), "Does what the authorization says");
    assert!(text(&MANIFEST.sdk).starts_with("pusu-plugin-api "));
    assert_eq!(made(r#"{"name":"a"}"#).flags(), MANIFEST.flags);
}

#[test]
fn an_answer_in_the_call_arrives_whole() {
    let driven = made(r#"{"name":"Ä"}"#);
    let answer = driven.ask(1, b"now");
    assert_eq!((answer.decision, answer.expires_unix_ms, answer.subject.as_str()), (abi::GRANT, 77, "Ä"));
    assert_eq!(answer.permissions, [("a.*".to_owned(), abi::READ | abi::WRITE), ("b".to_owned(), abi::WRITE)]);
    assert_eq!(answer.attrs, [("claim.role".to_owned(), "x".to_owned())]);
    assert_eq!(driven.ask(2, b"abstain").decision, abi::ABSTAIN);
    let refused = driven.ask(3, &[b'x'; 65536]);
    assert_eq!((refused.decision, refused.reason.as_str()), (abi::REFUSE, "cannot do 65536"));
    assert_eq!(driven.ask(4, b"\xff\0").decision, abi::REFUSE);
    assert!(driven.extension("pusu.reconfigure/1").is_null());
}

#[test]
fn an_answer_may_come_later_from_another_thread() {
    let driven = made(r#"{"name":"a"}"#);
    let status = driven.authorize(1, b"later");
    assert!(status == abi::PENDING || status == abi::OK);
    assert_eq!(driven.wait(1).permissions, [("late".to_owned(), abi::READ)]);
    assert_eq!(driven.authorize(2, b"keep"), abi::PENDING);
    assert_eq!(driven.answer(2), None);
}

#[test]
fn a_reply_that_is_dropped_answers_unavailable() {
    let driven = made(r#"{"name":"a"}"#);
    assert_eq!(driven.ask(1, b"drop").decision, abi::UNAVAILABLE);
    assert_eq!(driven.authorize(2, b"keep"), abi::PENDING);
    driven.cancel(2);
    assert_eq!(driven.wait(2).decision, abi::UNAVAILABLE);
    assert!(driven.logs().contains(&(4, "cancelled 2".to_owned())));
}

#[test]
fn a_reply_kept_beyond_destroy_does_not_touch_the_host() {
    let driven = made(r#"{"name":"a"}"#);
    assert_eq!(driven.authorize(1, b"keep"), abi::PENDING);
    assert_eq!(driven.destroy(|| {}).last(), Some(&(3, "gone".to_owned())));

    let driven = made(r#"{"name":"a"}"#);
    assert_eq!(driven.authorize(1, b"give away"), abi::PENDING);
    driven.destroy(|| {
        let (reply, host) = GIVEN_AWAY.lock().unwrap().take().unwrap();
        host.info("still here");
        assert_eq!(reply.send(Verdict::abstain()), Delivery::Late);
    });
}

#[test]
fn a_panic_is_logged_and_retires_the_instance_alone() {
    let (first, second) = (made(r#"{"name":"a"}"#), made(r#"{"name":"b"}"#));
    assert_eq!(first.authorize(1, b"panic"), abi::ERR_PANIC);
    assert_eq!(first.wait(1).decision, abi::UNAVAILABLE, "the client does not wait for nothing");
    assert!(first.logs().contains(&(1, "panic in authorize: as told by a".to_owned())), "{:?}", first.logs());
    assert_eq!(first.authorize(2, b"now"), abi::ERR_PANIC, "it is not entered again");
    first.cancel(2);
    assert_eq!(second.ask(3, b"now").decision, abi::GRANT);
}

#[test]
fn a_payload_that_panics_when_dropped_is_not_dropped() {
    let driven = made(r#"{"name":"a"}"#);
    assert_eq!(driven.authorize(1, b"panic with a bomb"), abi::ERR_PANIC);
    assert!(driven.logs().contains(&(1, "panic in authorize: a payload that is not text".to_owned())));
}

#[test]
fn a_panic_in_create_or_drop_does_not_leave_the_plugin() {
    let error = |options| Driven::create(entry, options).err().expect("these options are bad");
    assert_eq!(error(r#"{"name":"a","panic_in":"create"}"#), (abi::ERR_PANIC, "panic in create: as told".to_owned()));
    assert_eq!(error(r#"{"name":"a","panic_in":"fail"}"#), (abi::ERR, "as told".to_owned()));
    assert_eq!(error(r#"{"name":"a","panic_in":"unsupported"}"#), (abi::ERR_ABI, "as told".to_owned()));
    assert_eq!(error("{}"), (abi::ERR_CONFIG, "the option `name` is missing".to_owned()));
    assert_eq!(
        error(r#"{"name":7}"#),
        (abi::ERR_CONFIG, "option `name`: expected a string, found a number".to_owned())
    );
    let logs = made(r#"{"name":"a","panic_in":"drop"}"#).destroy(|| {});
    assert_eq!(logs.last(), Some(&(1, "panic in destroy: as told".to_owned())));
}

#[test]
fn many_threads_many_instances() {
    let instances: Vec<Driven> = (0..4).map(|n| made(&format!(r#"{{"name":"{n}"}}"#))).collect();
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let instances = &instances;
            scope.spawn(move || {
                for n in 0..100u64 {
                    let instance = (n % 4) as usize;
                    let ticket = 1 + thread * 1000 + n;
                    let how: &[u8] = if n % 3 == 0 { b"later" } else { b"now" };
                    assert!(matches!(instances[instance].authorize(ticket, how), abi::OK | abi::PENDING));
                    assert_eq!(instances[instance].wait(ticket).subject, instance.to_string());
                }
            });
        }
    });
}

#[test]
fn a_host_that_lacks_something_is_refused() {
    let create = {
        // SAFETY: any number may be asked for; the table is constant.
        unsafe { entry(abi::ABI_MAJOR).as_ref() }.unwrap().create.unwrap()
    };
    let bare = abi::Host {
        abi_major: abi::ABI_MAJOR,
        abi_minor: 0,
        struct_size: size_of::<abi::Host>() as u32,
        reserved: 0,
        ctx: std::ptr::null_mut(),
        log: None,
        complete: None,
        set_error: None,
        extension: None,
    };
    let mut instance = std::ptr::null_mut();
    let options = abi::Str::borrow(br#"{"name":"a"}"#);
    for host in [bare, abi::Host { struct_size: 8, ..bare }, abi::Host { abi_major: 2, ..bare }] {
        // SAFETY: the table outlives the call, which finds out that it cannot be used.
        assert_eq!(unsafe { create(&host, options, &mut instance) }, abi::ERR_ABI);
    }
    // SAFETY: null is refused.
    assert_eq!(unsafe { create(std::ptr::null(), options, &mut instance) }, abi::ERR_ABI);
    assert!(instance.is_null());
}
