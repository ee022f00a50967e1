//! A reload takes effect: files are read again though settings and library are the same, and `pusud reload` says so.

use crate::harness::{DEADLINE, Daemon, PluginsDir, Setup, bad_plugin, library_name, pusud, run};
use serde_json::json;
use std::fs;
use std::time::Instant;

crate::in_both_isolations!(
    a_file_is_read_again_by_a_new_instance,
    a_plugin_that_can_reload_is_asked_to,
    a_reload_that_fails_makes_a_new_instance,
    new_makes_a_new_instance_in_any_case,
    who_has_read_its_files_again_before_another_failed_is_named,
);

#[cfg(target_os = "linux")]
crate::in_both_isolations!(a_reload_that_hangs_costs_one_thread_however_often_it_is_asked_for);

/// A daemon whose plugin decides by the word in the file `word`.
fn daemon(isolation: &str, switches: &[&str]) -> Daemon {
    let plugins = PluginsDir::empty();
    let word = plugins.path().join("word");
    fs::write(&word, "one").unwrap();
    let word_file = format!("-DWORD_FILE={word:?}");
    bad_plugin(&plugins, &[&[word_file.as_str()], switches].concat());
    let settings = format!("isolation: {isolation}\ncontrol_socket: control.sock");
    Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start()
}

fn write_word(daemon: &Daemon, word: &str) {
    fs::write(daemon.plugins().path().join("word"), word).unwrap();
}

fn expect_word(daemon: &Daemon, word: &str) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "word"}));
    assert_eq!(client.next_json(), json!({"type": "authorization_failed", "reason": word}));
}

fn reload(daemon: &Daemon, flags: &[&str]) -> crate::harness::Finished {
    run(pusud(&[&["reload"], flags].concat()).arg("--socket").arg(daemon.dir().join("control.sock")))
}

fn a_file_is_read_again_by_a_new_instance(isolation: &str) {
    let daemon = daemon(isolation, &[]);
    expect_word(&daemon, "one");
    write_word(&daemon, "two");
    assert!(daemon.reload().contains("a new instance of the authenticator has taken over"));
    expect_word(&daemon, "two");
    write_word(&daemon, "three");
    let said = reload(&daemon, &[]).succeeds();
    assert_eq!(said, "a new instance of the authenticator has taken over: BadPlugin 1.0, generation 3");
    expect_word(&daemon, "three");
    write_word(&daemon, "fail");
    reload(&daemon, &[]).fails_saying(&["nothing was changed", "failed in `create`", "the word is not good"]);
    expect_word(&daemon, "three");
}

fn a_plugin_that_can_reload_is_asked_to(isolation: &str) {
    let daemon = daemon(isolation, &["-DRELOADS"]);
    let mut client = daemon.connect();
    client.authorize("grant");
    write_word(&daemon, "two");
    assert!(daemon.reload().contains("the authenticator has reloaded"));
    expect_word(&daemon, "two");
    assert!(!daemon.log().text().contains("destroyed"), "the instance has stayed");
    client.subscribe("a.1");
}

fn a_reload_that_fails_makes_a_new_instance(isolation: &str) {
    let daemon = daemon(isolation, &["-DRELOADS", "-DRELOAD_FAILS"]);
    write_word(&daemon, "two");
    let said = reload(&daemon, &[]).succeeds();
    assert!(said.contains("a new instance of the authenticator has taken over"), "{said}");
    let words = "cannot reload, so that a new instance is made: it does not want to";
    // The answer may be here before the line.
    daemon.log().wait_for(words, |line| line.contains(words).then_some(()));
    expect_word(&daemon, "two");
}

fn new_makes_a_new_instance_in_any_case(isolation: &str) {
    let daemon = daemon(isolation, &["-DRELOADS"]);
    write_word(&daemon, "two");
    let said = reload(&daemon, &["--new"]).succeeds();
    assert!(said.contains("a new instance of the authenticator has taken over"), "{said}");
    expect_word(&daemon, "two");
    daemon.log().wait_for("the end of the old one", |line| line.contains("destroyed").then_some(()));
}

/// Of two in a list the first one has reloaded, which cannot be undone, when the second can neither reload nor be made anew.
fn who_has_read_its_files_again_before_another_failed_is_named(isolation: &str) {
    let (plugins, elsewhere) = (PluginsDir::empty(), PluginsDir::empty());
    let words = ["word", "second-word"].map(|name| plugins.path().join(name));
    words.iter().for_each(|word| fs::write(word, "one").unwrap());
    let [first_word, second_word] = words.each_ref().map(|word| format!("-DWORD_FILE={word:?}"));
    let first = bad_plugin(&elsewhere, &["-DID=\"FirstPlugin\"", "-DRELOADS", &first_word]);
    plugins.add(&first, &library_name("first_plugin"));
    bad_plugin(&plugins, &["-DRELOADS", "-DRELOAD_FAILS", &second_word]);
    let list = format!("[{{id: FirstPlugin, isolation: {isolation}}}, {{id: BadPlugin, isolation: {isolation}}}]");
    let daemon = Setup::on_shards(1).authenticator(&list, plugins).settings("control_socket: control.sock").start();
    fs::write(&words[0], "two").unwrap();
    fs::write(&words[1], "fail").unwrap();
    reload(&daemon, &[]).fails_saying(&[
        "nothing was changed",
        "authenticator[1]",
        "the word is not good; all the same, FirstPlugin read the files again",
    ]);
    expect_word(&daemon, "two");
    assert_eq!(daemon.status()["authenticator"]["generation"], 1);
    fs::write(&words[1], "three").unwrap();
    assert!(reload(&daemon, &[]).succeeds().contains("a new instance of the authenticator has taken over"));
    expect_word(&daemon, "two");
}

/// Before, each signal cost another thread where no new instance could be made either.
#[cfg(target_os = "linux")]
fn a_reload_that_hangs_costs_one_thread_however_often_it_is_asked_for(isolation: &str) {
    let daemon = daemon(isolation, &["-DRELOADS"]);
    daemon.edit_settings(|text| format!("{text}authenticator_create_timeout: 1s\n"));
    // As the settings say from now on.
    assert!(daemon.reload().contains("has taken over"));
    for word in ["hang", "fail", "fail", "fail"] {
        write_word(&daemon, word);
        assert!(daemon.reload().contains("nothing was changed"));
    }
    assert_eq!(daemon.log().text().matches("it has not come back from an earlier reload").count(), 3);
    let threads = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap().flatten();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    assert_eq!(names.filter(|name| name.starts_with("pusu-auth-reloa")).count(), 1);
    write_word(&daemon, "two");
    assert!(daemon.reload().contains("a new instance of the authenticator has taken over"));
    expect_word(&daemon, "two");
}

/// A process that a plugin forks has copies of all connections that there are, and of the one that asked for the reload.
#[test]
fn whoever_asked_is_answered_though_the_plugin_forks() {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &["-DCREATE_FORKS", "-DDESTROY_REAPS"]);
    let mut daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).start();
    let began = Instant::now();
    reload(&daemon, &["--new"]).succeeds();
    let took = began.elapsed();
    daemon.terminate();
    assert!(daemon.wait().success());
    assert!(took < DEADLINE / 2, "{took:?}");
}

#[test]
fn what_needs_a_restart_is_said() {
    let daemon = daemon("thread", &[]);
    daemon.edit_settings(|settings| settings.replace("test-relay", "another"));
    let said = reload(&daemon, &[]).succeeds();
    assert!(said.contains("warning: changed in the settings, but needs a restart: name"), "{said}");
}

#[test]
fn the_built_in_one_has_nothing_to_read() {
    let daemon =
        Setup::on_shards(1).authenticator("None", PluginsDir::empty()).settings("control_socket: control.sock").start();
    assert_eq!(reload(&daemon, &[]).succeeds(), "the authenticator is unchanged: None, generation 1");
}
