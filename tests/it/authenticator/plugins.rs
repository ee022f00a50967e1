//! The bundled authenticators, each loaded from its shared library as a stranger's would be.

use crate::harness::{
    Daemon, PluginsDir, Setup, example_c_plugin, library_name, my_plugin, password_plugin, scripted_plugin,
};
use serde_json::json;
use std::fs;

fn with_passwords(settings: &str) -> Daemon {
    let plugins = PluginsDir::with([password_plugin()]);
    Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).settings(settings).start()
}

fn expect_refused(daemon: &Daemon, authorization: &str) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    client.expect_error("authorization_failed");
    client.expect_closed(4501);
}

#[test]
fn passwords_give_their_channels_in_both_shapes_of_the_settings() {
    let as_mapping = "passwords:\n  first: [valid.*, channels]\n  second: ['*']";
    let as_list = "passwords:\n  - first:\n    - valid.*\n    - channels\n  - second:\n    - '*'";
    for settings in [as_mapping, as_list] {
        let daemon = with_passwords(settings);
        let mut first = daemon.client_with("first");
        for channel in ["valid.1", "channels"] {
            first.subscribe(channel);
            first.publish(channel, json!(1));
            first.expect_publish(channel, json!(1));
        }
        daemon.client_with("second").subscribe("whatever");
        first.send(json!({"type": "subscribe", "channel": "whatever"}));
        first.expect_error("permission_denied");
        first.expect_closed(4502);
        for unknown in ["", "third", "firs", "first ", "First", "second\0"] {
            expect_refused(&daemon, unknown);
        }
    }
}

#[test]
fn everybody_may_read_where_the_settings_say_so() {
    let daemon = with_passwords("passwords:\n  first: [a]\nallow_read_by_default: true");
    let mut listener = daemon.client_with("no password of anybody's");
    listener.subscribe("a");
    let mut source = daemon.client_with("first");
    source.subscribe("b");
    source.publish("a", json!(1));
    listener.expect_publish("a", json!(1));
    listener.publish("a", json!(2));
    listener.expect_error("permission_denied");
    listener.expect_closed(4502);
}

/// `password` as an argon2id hash, with little memory so that the test is quick.
const HASH: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$55PWTvddWPUD1GMbKxSff4ASfF85k9ibHJt4HlHQtBM";

#[test]
fn a_hash_stands_for_its_password() {
    let daemon = with_passwords(&format!("passwords:\n  '{HASH}': ['*']"));
    daemon.client_with("password").subscribe("a");
    expect_refused(&daemon, "Password");
    expect_refused(&daemon, HASH);
}

#[test]
fn the_rust_example_refuses_everybody_until_it_is_edited() {
    let plugins = PluginsDir::with([my_plugin()]);
    let daemon = Setup::on_shards(1).authenticator("MyAuthenticator", plugins).start();
    expect_refused(&daemon, "");
    expect_refused(&daemon, "anything");
}

#[test]
fn the_c_example_lets_its_secrets_in() {
    let plugins = PluginsDir::with([example_c_plugin()]);
    let daemon = Setup::on_shards(3)
        .authenticator("ExampleCAuthenticator", plugins)
        .settings("authenticator_options:\n  secrets: ['one', 'zw\u{f6}lf \"12\"']")
        .start();
    for secret in ["one", "zw\u{f6}lf \"12\""] {
        let mut client = daemon.client_with(secret);
        client.subscribe("a");
        client.publish("a", json!(1));
        client.expect_publish("a", json!(1));
    }
    for other in ["", "on", "one ", "two"] {
        expect_refused(&daemon, other);
    }
}

#[test]
fn the_log_says_who_decides() {
    let daemon = with_passwords("passwords:\n  a-secret-that-nobody-logs: ['*']");
    daemon.client_with("a-secret-that-nobody-logs").subscribe("a");
    let library = daemon.plugins().path().join(library_name("password_authenticator"));
    let line = daemon.log().wait_for("a line with the library's path", |line| {
        line.contains(library.to_str().unwrap()).then(|| line.to_owned())
    });
    let fields: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(line.contains("PasswordAuthenticator"), "{fields}");
    let is_sha256 = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(line.split(|c: char| !c.is_ascii_alphanumeric()).any(is_sha256), "no SHA-256 in {fields}");
    assert!(!daemon.log().text().contains("a-secret-that-nobody-logs"), "the log holds a secret");
}

/// Overwritten in place, truncated, replaced, deleted: what runs does not notice.
#[test]
fn replacing_the_library_disturbs_nothing_that_runs() {
    let mut daemon = with_passwords("passwords:\n  first: ['*']");
    let library = daemon.plugins().path().join(library_name("password_authenticator"));
    let size = usize::try_from(fs::metadata(&library).unwrap().len()).unwrap();
    for what in ["overwritten in place", "truncated", "deleted", "replaced"] {
        println!("{what}");
        match what {
            "overwritten in place" => fs::write(&library, vec![0xcc; size]).unwrap(),
            "truncated" => fs::write(&library, "").unwrap(),
            "deleted" => fs::remove_file(&library).unwrap(),
            _ => drop(fs::copy(scripted_plugin(), &library).unwrap()),
        }
        let mut client = daemon.client_with("first");
        client.subscribe("a");
        client.publish("a", json!(what));
        client.expect_publish("a", json!(what));
        expect_refused(&daemon, "second");
        daemon.assert_alive();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_daemon_links_none_of_the_plugins() {
    use crate::harness::run;
    use std::process::Command;
    let daemon = env!("CARGO_BIN_EXE_pusud");
    let libraries = run(Command::new("ldd").arg(daemon)).succeeds();
    assert!(!libraries.contains("authenticator"), "{libraries}");
    let symbols = run(Command::new("nm").args(["--defined-only", "-C", daemon])).succeeds();
    assert!(symbols.contains("pusud::"), "nm shows nothing at all");
    let bundled = [
        "password_authenticator::",
        "jwt_authenticator::",
        "http_authenticator::",
        "certificate_authenticator::",
        "my_authenticator::",
    ];
    // Of hyper the daemon has the server, for operators.
    let of_plugins = ["jsonwebtoken::", "hyper::client::", "pusu_plugin_api::"];
    for symbol in bundled.into_iter().chain(of_plugins).chain(["pusu_plugin_manifest", "pusu_authenticator_entry"]) {
        let found = symbols.lines().find(|line| line.contains(symbol));
        assert_eq!(found, None, "the daemon holds code of a plugin");
    }
}
