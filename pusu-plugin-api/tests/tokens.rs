//! plugins/example-c/tokens.c, the example of extensions in C, driven with and without a host that has them.
#![cfg(unix)]
#![allow(unsafe_code, missing_docs, clippy::unwrap_used)]

mod common;

use common::Driven;
use common::compiler::{Compiler, built_once};
use common::offered::check;
use libloading::Library;
use pusu_plugin_api::abi;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn entry() -> abi::EntryFn {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/example-c/tokens.c");
    let library = built_once("libtokens.so", &source, |out| {
        let strict = ["-Wconversion", "-Wcast-qual", "-Wshadow", "-O1", "-fPIC", "-fvisibility=hidden", "-shared"];
        let sanitized = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"];
        Compiler::c("c11").args(strict).args(sanitized).compile(&source, out);
    });
    // SAFETY: loading runs no initialiser but those of the C runtime.
    let library = Box::leak(Box::new(unsafe { Library::new(library) }.unwrap()));
    // SAFETY: the symbol has this type in every plugin.
    *unsafe { library.get::<abi::EntryFn>(abi::ENTRY_SYMBOL) }.unwrap()
}

/// A file with tokens, and the options that name it.
struct Tokens(TempDir);

impl Tokens {
    fn new(text: &str) -> Self {
        let tokens = Self(tempfile::tempdir().unwrap());
        tokens.write(text);
        tokens
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("tokens")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
    }

    fn options(&self) -> String {
        format!(r#"{{"file":"{}"}}"#, self.file().display())
    }
}

#[test]
fn a_reload_reads_the_file_again_and_ends_the_grants_of_who_has_gone() {
    let tokens = Tokens::new("secret1 alice a.*\nsecret2 bob b.*\nsecret3 bob c.*\n");
    let driven = Driven::create_with_extensions(entry(), &tokens.options()).unwrap();
    assert_eq!(driven.flags(), abi::F_SERIAL | abi::F_GRANTS);
    let answer = driven.ask(1, b"secret1");
    assert_eq!((answer.subject.as_str(), answer.permissions), ("alice", vec![("a.*".to_owned(), 3)]));
    assert_eq!(driven.ask(2, b"secret2").subject, "bob");
    assert_eq!(driven.ask(3, b"secret9").decision, abi::REFUSE);
    assert_eq!(driven.logs(), [(4, "[1] knows a token owner=alice".into()), (4, "[2] knows a token owner=bob".into())]);
    assert_eq!(driven.heard(), ["define 0 2 open_grants", "add 0 1", "add 0 1"]);

    tokens.write("secret1 alice a.*\n");
    assert_eq!(driven.reload(), (abi::OK, String::new()));
    assert_eq!(driven.heard()[3..], [r#"revoke_subject "bob" "the token is no longer good""#], "once");
    assert_eq!(driven.ask(4, b"secret2").decision, abi::REFUSE);
    driven.ended(2, abi::ENDED_REVOKED);
    driven.adopted(98, "alice", 0);
    driven.adopted(99, "carol", 0);
    let revoked = r#"revoke 99 "the token is no longer good""#;
    assert_eq!(driven.heard()[4..], ["add 0 -1", "add 0 1", "add 0 1", revoked]);

    std::fs::remove_file(tokens.file()).unwrap();
    assert_eq!(driven.reload(), (abi::ERR_CONFIG, "option `file`: cannot be opened".to_owned()));
    assert_eq!(driven.ask(5, b"secret1").decision, abi::GRANT, "the tokens that were read go on to hold");
}

#[test]
fn options_are_checked_without_an_instance() {
    let tokens = Tokens::new("");
    let checked = |options: &str| check(entry(), options).unwrap();
    assert_eq!(checked(&tokens.options()), (abi::OK, String::new(), vec![]));
    assert_eq!(checked("{}"), (abi::ERR_CONFIG, "option `file`: a path is needed".to_owned(), vec![]));
    assert_eq!(checked(r#"{"file":"/nowhere/tokens"}"#).0, abi::ERR_CONFIG);
    let error = Driven::create(entry(), "{}").err().unwrap();
    assert_eq!(error, (abi::ERR_CONFIG, "option `file`: a path is needed".to_owned()));
}

#[test]
fn what_the_host_lacks_is_done_without() {
    let tokens = Tokens::new("secret1 alice a.*\n");
    let driven = Driven::create(entry(), &tokens.options()).unwrap();
    assert_eq!(driven.ask(1, b"secret1").decision, abi::GRANT);
    driven.ended(1, abi::ENDED_CLOSED);
    assert_eq!((driven.reload().0, driven.logs()), (abi::OK, vec![(4, "knows a token".to_owned())]));
}
