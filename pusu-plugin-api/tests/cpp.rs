//! pusu_plugin.hpp: compiled as C++17 and C++20, and driven through the exported functions alone. An exception in any
//! function would end this process if it got past the border.
#![cfg(unix)]
#![allow(unsafe_code, missing_docs, clippy::unwrap_used)]

mod common;

use common::Driven;
use common::compiler::{Compiler, built_once, folder};
use common::offered::check;
use libloading::Library;
use pusu_plugin_api::abi;
use std::path::Path;
use std::sync::LazyLock;

const STANDARDS: [&str; 2] = ["c++17", "c++20"];

/// The fixture that throws, once for each standard. Without undefined behaviour: that would be a trap.
static ENTRIES: LazyLock<Vec<abi::EntryFn>> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cpp/throws.cpp");
    let library = |standard: &&str| {
        let library = built_once(&format!("libthrows-{standard}.so"), &source, |out| {
            let compiler = Compiler::cpp(standard).args(["-fPIC", "-shared", "-pthread", "-Wold-style-cast"]);
            let sanitized = compiler.args(["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]);
            sanitized.compile(&source, out);
        });
        entry(&library)
    };
    STANDARDS.iter().map(library).collect()
});

/// Loads a plugin; like the relay, never unloads it.
fn entry(library: &Path) -> abi::EntryFn {
    // SAFETY: loading runs no initialiser but those of the C++ runtime.
    let library = Box::leak(Box::new(unsafe { Library::new(library) }.unwrap()));
    // SAFETY: the symbol has this type in every plugin.
    *unsafe { library.get::<abi::EntryFn>(abi::ENTRY_SYMBOL) }.unwrap()
}

fn each(test: impl Fn(abi::EntryFn)) {
    ENTRIES.iter().for_each(|entry| test(*entry));
}

fn made(entry: abi::EntryFn, then: &str) -> Driven {
    Driven::create_with_extensions(entry, &format!(r#"{{"then":"{then}"}}"#)).expect("these options are good")
}

/// Tells an instance by an authorization what to do from now on.
fn told(entry: abi::EntryFn, then: &str) -> Driven {
    let driven = made(entry, "");
    assert_eq!(driven.authorize(1, then.as_bytes()), abi::PENDING);
    assert_eq!(driven.wait(1).decision, abi::GRANT);
    driven
}

fn logged(driven: &Driven, text: &str) {
    let line = (1, text.to_owned());
    assert!(driven.logs().contains(&line), "{text:?} is not in {:?}", driven.logs());
}

#[test]
fn an_answer_arrives_whole() {
    each(|entry| {
        let driven = told(entry, "");
        let answer = driven.wait(1);
        assert_eq!(answer.permissions, [("a.*".to_owned(), abi::READ), ("b".to_owned(), abi::WRITE)]);
        assert_eq!((answer.subject.as_str(), answer.expires_unix_ms), ("me", 0));
        assert_eq!(answer.attrs, [("!ttl_ms".to_owned(), "1500".to_owned())], "once, and the last");
        assert_eq!(driven.logs(), [(4, "[1] asked how=now".to_owned())]);
        assert_eq!(driven.heard(), ["define 0 1 made_total by=test", "add 0 1"]);
        assert_eq!(driven.flags(), abi::F_ASYNC | abi::F_GRANTS);
    });
}

#[test]
fn a_reply_is_answered_once_and_if_dropped_as_unavailable() {
    each(|entry| {
        let driven = made(entry, "");
        assert_eq!(driven.authorize(1, b"drop"), abi::PENDING);
        assert_eq!(driven.wait(1).decision, abi::UNAVAILABLE);
        assert_eq!(driven.authorize(2, b"twice"), abi::PENDING);
        assert_eq!(driven.wait(2).reason, "first");
        assert_eq!(driven.authorize(3, b"keep"), abi::PENDING);
        assert_eq!(driven.answer(3), None);
        assert_eq!(driven.authorize(4, b"end"), abi::PENDING);
        assert_eq!(driven.heard()[2..], ["revoke_subject \"me\" \"another session\"", "recheck 4"]);
    });
}

#[test]
fn an_entry_says_where_it_stands() {
    each(|entry| {
        let driven = made(entry, "");
        assert_eq!(driven.authorize(1, b"entry"), abi::PENDING);
        assert_eq!(driven.wait(1).reason, "0 of 2, 1500 ms");
        let driven = Driven::create(entry, r#"{"then":""}"#).unwrap();
        assert_eq!(driven.authorize(1, b"entry"), abi::ERR, "a host without it is done without");
    });
}

#[test]
fn exceptions_of_create_are_the_operators_errors() {
    each(|entry| {
        let error = |then: &str| Driven::create(entry, then).err().expect("it throws");
        assert_eq!(error("create"), (abi::ERR, "as told".to_owned()));
        assert_eq!(error("create config"), (abi::ERR_CONFIG, "as told".to_owned()));
        assert_eq!(error("create abi"), (abi::ERR_ABI, "as told".to_owned()));
        assert_eq!(error("create odd"), (abi::ERR_PANIC, "an exception of an unknown type".to_owned()));
        let checked = |then: &str| check(entry, then).expect("check is offered");
        let lines = vec![(3, "checked".to_owned())];
        assert_eq!(checked(""), (abi::OK, String::new(), lines.clone()));
        assert_eq!(checked("check config"), (abi::ERR_CONFIG, "as told".to_owned(), lines.clone()));
        assert_eq!(checked("check odd"), (abi::ERR_PANIC, "an exception of an unknown type".to_owned(), lines));
    });
}

#[test]
fn exceptions_of_authorize_answer_unavailable() {
    each(|entry| {
        let driven = made(entry, "");
        assert_eq!(driven.authorize(1, b"authorize"), abi::ERR);
        assert_eq!(driven.wait(1).decision, abi::UNAVAILABLE);
        logged(&driven, "exception in authorize: as told");
        assert_eq!(driven.authorize(2, b"authorize odd"), abi::ERR_PANIC);
        assert_eq!(driven.wait(2).decision, abi::UNAVAILABLE);
        assert_eq!(driven.authorize(3, b"keep and throw"), abi::ERR);
        assert_eq!(driven.answer(3), None, "the host answers for it");
        assert_eq!(driven.authorize(4, b""), abi::PENDING, "the instance goes on");
    });
}

#[test]
fn exceptions_elsewhere_are_logged_or_said() {
    each(|entry| {
        let driven = told(entry, "cancel ended");
        driven.cancel(1);
        logged(&driven, "exception in cancel: as told");
        driven.ended(1, abi::ENDED_EXPIRED);
        logged(&driven, "exception in ended: as told");
        driven.adopted(7, "adopted odd", 0);
        logged(&driven, "exception in adopted: an exception of an unknown type");
        let driven = told(entry, "");
        driven.ended(9, abi::ENDED_CLOSED);
        assert!(driven.logs().contains(&(3, "9 ended: 5".to_owned())));

        assert_eq!(told(entry, "").reload(), (abi::OK, String::new()));
        assert_eq!(told(entry, "reload").reload(), (abi::ERR, "as told".to_owned()));
        assert_eq!(told(entry, "reload odd").reload().0, abi::ERR_PANIC);
        assert_eq!(told(entry, "").health(), (abi::HEALTH_GOOD, String::new()));
        assert_eq!(told(entry, "degraded").health(), (abi::HEALTH_DEGRADED, "as told".to_owned()));
        assert_eq!(told(entry, "health").health(), (abi::HEALTH_BAD, "as told".to_owned()));
    });
}

#[test]
fn exceptions_of_destroy_and_of_threads_end_nothing_else() {
    each(|entry| {
        let logs = made(entry, "destroy").destroy(|| {});
        assert_eq!(logs, [(1, "exception in destroy: as told".to_owned())]);
        let logs = made(entry, "thread").destroy(|| {});
        assert_eq!(logs, [(1, "exception in a thread: as told".to_owned())]);
    });
}

#[test]
fn a_host_without_extensions_is_done_without() {
    each(|entry| {
        let driven = Driven::create(entry, "").unwrap();
        assert_eq!(driven.authorize(5, b""), abi::PENDING);
        assert_eq!(driven.wait(5).decision, abi::GRANT);
        assert_eq!(driven.logs(), [(4, "asked ticket=5 how=now".to_owned())]);
        assert_eq!(driven.authorize(6, b"end"), abi::ERR, "nobody is revoked here");
    });
}

#[test]
fn the_example_answers_from_a_thread_of_its_own() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/example-cpp/example_cpp_authenticator.cpp");
    for standard in STANDARDS {
        let library = built_once(&format!("libexample-{standard}.so"), &source, |out| {
            let strict = ["-Wold-style-cast", "-Wconversion", "-Wshadow", "-fPIC", "-shared", "-pthread"];
            Compiler::cpp(standard).args(strict).compile(&source, out);
        });
        let driven = Driven::create_with_extensions(entry(&library), "{}").unwrap();
        for ticket in 1..20 {
            let guest = ticket % 2 == 0;
            assert_eq!(driven.authorize(ticket, if guest { b"guest" } else { b"other" }), abi::PENDING);
        }
        driven.cancel(19);
        for ticket in 1..19 {
            let decision = if ticket % 2 == 0 { abi::GRANT } else { abi::REFUSE };
            assert_eq!(driven.wait(ticket).decision, decision, "{ticket}");
        }
        assert_ne!(driven.wait(19).decision, abi::GRANT);
        assert_eq!(driven.health(), (abi::HEALTH_GOOD, String::new()));
        assert!(driven.heard().contains(&"observe 0 a time".to_owned()), "{:?}", driven.heard());
        assert!(driven.table::<abi::Reload>(abi::EXT_RELOAD).is_none(), "it has no reload()");
    }
}

/// A class of one function, or with one more.
fn class(more: &str, flags: &str) -> String {
    format!(
        "#include \"pusu_plugin.hpp\"\nnamespace {{ struct Mine {{ Mine(pusu::Host, std::string_view) {{}}\n\
         pusu::Verdict authorize(const pusu::Request &) {{ return pusu::Verdict::abstain(); }}\n{more} }}; }}\n\
         PUSU_AUTHENTICATOR(Mine, \"Mine\", \"1\", {flags}, \"MIT\", \"\", \"\", \"\");\n"
    )
}

#[test]
fn what_does_not_fit_does_not_compile() {
    let folder = folder();
    let good = folder.path().join("good.cpp");
    for (more, flags) in [("", "0"), ("void ended(uint64_t, int32_t) {} void reload() {}", "PUSU_F_GRANTS")] {
        std::fs::write(&good, class(more, flags)).unwrap();
        Compiler::cpp("c++17").args(["-fsyntax-only"]).compile(&good, &folder.path().join("nothing"));
    }
    for (more, flags, wanted) in [
        ("void ended(uint64_t, int32_t) {}", "PUSU_F_SERIAL", "ended and adopted need PUSU_F_GRANTS"),
        ("void adopted(uint64_t, std::string_view, uint64_t) {}", "0", "ended and adopted need PUSU_F_GRANTS"),
        ("void reload(int) {}", "0", "should be: void reload()"),
        ("void check(pusu::Host, std::string_view) {}", "0", "should be: static void check("),
        ("void cancel() {}", "0", "should be: void cancel(uint64_t ticket)"),
    ] {
        let said = Compiler::cpp("c++17").refuses(&class(more, flags), "cpp");
        assert!(said.contains(wanted), "{more}: {said}");
    }
}
