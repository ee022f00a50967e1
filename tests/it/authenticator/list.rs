//! Several authenticators, asked one after the other: who decides, what follows where one cannot, and what a reload of the
//! list leaves alone.

use crate::harness::{
    ALL, Client, Daemon, PluginsDir, Setup, bad_plugin, grants_file, grants_plugin, library_name, pusud, run,
    scripted_plugin,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

crate::in_both_isolations!(
    an_abstention_goes_on_and_any_other_decision_is_the_last,
    where_one_cannot_decide_the_settings_say_what_follows,
    each_is_told_where_it_stands,
    one_is_swapped_under_load_and_the_other_stays,
    others_decide_anew_after_a_reload,
    a_recheck_goes_to_the_entry_that_has_granted,
);

/// A folder with `BadPlugin`, whose every call does what its option `text` says, and the scripted fixture.
pub(super) fn plugins() -> PluginsDir {
    let plugins = PluginsDir::with([scripted_plugin()]);
    bad_plugin(&plugins, &["-DBY_TEXT", "-DOPTIONS=\"text\""]);
    plugins
}

/// An entry of `BadPlugin` that does this in every call, with further keys.
pub(super) fn does(name: &str, what: &str, more: &str) -> String {
    format!("{{id: BadPlugin, name: {name}, options: {{text: {what}}}{more}}}")
}

fn started(entries: &[&str], more: &str) -> Daemon {
    let list = format!("[{}]", entries.join(", "));
    Setup::on_shards(1).authenticator(&list, plugins()).settings(more).log_level("debug").start()
}

fn isolated(isolation: &str) -> String {
    format!(", isolation: {isolation}")
}

fn expect_refused(daemon: &Daemon, authorization: &str, reason: &str, code: u16) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    assert_eq!(client.next_json(), json!({"type": "authorization_failed", "reason": reason}));
    client.expect_closed(code);
}

fn entry<'a>(status: &'a Value, name: &str) -> &'a Value {
    let entries = status["authenticator"]["entries"].as_array().unwrap();
    entries.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("{name} is not in {status:#}"))
}

fn decisions(status: &Value, name: &str) -> [u64; 4] {
    ["granted", "refused", "abstained", "unavailable"]
        .map(|what| entry(status, name)["decisions"][what].as_u64().unwrap())
}

fn an_abstention_goes_on_and_any_other_decision_is_the_last(isolation: &str) {
    let more = isolated(isolation);
    let scripted = format!("{{id: ScriptedAuthenticator{more}}}");
    let daemon = started(&[&does("first", "abstain", &more), &scripted, &does("last", "grant", &more)], "");
    let mut client = daemon.client_with("read=news");
    client.subscribe("news");
    client.send(json!({"type": "subscribe", "channel": "a"}));
    client.expect_error("permission_denied");
    expect_refused(&daemon, "refuse", "no such word", 4501);
    let status = daemon.status();
    assert_eq!(decisions(&status, "first"), [0, 0, 2, 0]);
    assert_eq!(decisions(&status, "ScriptedAuthenticator"), [1, 1, 0, 0]);
    assert_eq!(decisions(&status, "last"), [0; 4], "nobody asks whoever stands behind the one that decides");
    // What is nobody's is refused.
    let daemon = started(&[&does("first", "abstain", &more), &does("second", "abstain", &more)], "");
    expect_refused(&daemon, "anything", "a reason", 4501);
    assert_eq!(decisions(&daemon.status(), "second"), [0, 0, 1, 0]);
}

fn where_one_cannot_decide_the_settings_say_what_follows(isolation: &str) {
    let more = isolated(isolation);
    let goes_on = format!("{more}, if_unavailable: next");
    let daemon = started(&[&does("first", "unavailable", &more), &does("second", "grant", &more)], "");
    expect_refused(&daemon, "x", "unavailable", 1013);
    assert_eq!(decisions(&daemon.status(), "second"), [0; 4]);
    let daemon = started(&[&does("first", "unavailable", &goes_on), &does("second", "grant", &more)], "");
    daemon.client_with("x").subscribe("a.1");
    assert_eq!(decisions(&daemon.status(), "first"), [0, 0, 0, 1]);
    // It may have been the one whose it is.
    let daemon = started(&[&does("first", "error", &goes_on), &does("second", "abstain", &more)], "");
    expect_refused(&daemon, "x", "unavailable", 1013);
    // So a refusal behind it is none: the client may try again, and one that is connected stays.
    let daemon = started(&[&does("first", "unavailable", &goes_on), &does("second", "refuse", &more)], "");
    expect_refused(&daemon, "x", "unavailable", 1013);
    assert_eq!(decisions(&daemon.status(), "second"), [0, 1, 0, 0]);
    // One that does not answer costs its own time, and all of them have theirs.
    let limits = "limits: {authorize_call_timeout: 200ms, authorize_timeout: 1m, handshake_timeout: 1m}";
    let daemon = started(&[&does("first", "hang", &goes_on), &does("second", "grant", &more)], limits);
    daemon.client_with("x").subscribe("a.1");
}

/// The whole walk has an end, too: the limit on the time until a client is authorized.
#[test]
fn all_together_have_a_time() {
    let limits = "limits: {authorize_call_timeout: 400ms, authorize_timeout: 600ms, handshake_timeout: 500ms}";
    let goes_on = ", if_unavailable: next";
    let entries = ["one", "two", "three"].map(|name| does(name, "hang", goes_on));
    let last = does("last", "grant", "");
    let daemon = started(&[&entries[0], &entries[1], &entries[2], &last], limits);
    expect_refused(&daemon, "x", "unavailable", 1013);
    assert_eq!(decisions(&daemon.status(), "three"), [0; 4], "its turn came too late");
}

fn each_is_told_where_it_stands(isolation: &str) {
    let more = isolated(isolation);
    let shadow = format!("{more}, shadow: true");
    let abstains = does("first", "abstain", &more);
    let asked = |entries: &[&str], reason: &str| expect_refused(&started(entries, ""), "entry", reason, 4501);
    asked(&[&does("only", "entry", &more)], "24|0|1|0|60000");
    asked(&[&does("first", "entry", &more), &does("second", "grant", &more)], "24|0|2|0|60000");
    asked(&[&abstains, &does("second", "entry", &more)], "24|1|2|0|60000");
    // A shadow is none of those that decide.
    asked(&[&does("beside", "grant", &shadow), &abstains, &does("second", "entry", &more)], "24|1|2|0|60000");
}

/// Each of two with the same id has its options, its place in the status and its folder.
#[test]
fn one_id_stands_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["first", "second"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let data = format!("plugin_data_dir: {:?}", folder.path());
    let daemon = started(&[&does("first", "abstain", ""), &does("second", "facts", "")], &data);
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "x"}));
    let facts = client.expect_error("authorization_failed")["reason"].as_str().unwrap().to_owned();
    assert!(facts.contains(folder.path().join("second").to_str().unwrap()), "{facts}");
    let said = run(pusud(&["status", "--socket"]).arg(daemon.dir().join("control.sock"))).succeeds();
    for part in ["first: BadPlugin 1.0, ready", "second: BadPlugin 1.0, ready", "1 abstained"] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

fn one_is_swapped_under_load_and_the_other_stays(isolation: &str) {
    let more = isolated(isolation);
    let scripted = format!("{{id: ScriptedAuthenticator{more}}}");
    let (before, after) = (does("first", "abstain", &more), does("first", "options", &more));
    let daemon = started(&[&scripted, &before], "");
    let mut listeners: Vec<Client> = (0..50).map(|_| daemon.client_with("read=news")).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("news"));
    let (mut source, done, mut published) = (daemon.client_with(ALL), AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                source.publish("news", json!(published));
                published += 1;
                daemon.client_with("read=news");
            }
        });
        for (from, to) in [(&before, &after), (&after, &before), (&before, &after)] {
            daemon.edit_settings(|text| text.replace(from.as_str(), to));
            assert!(daemon.reload().contains("another authenticator has taken over"));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(published > 3, "the source was running");
    for listener in &mut listeners {
        for number in 0..published {
            listener.expect_publish("news", json!(number));
        }
        listener.expect_no_answer();
    }
    let status = daemon.status();
    assert_eq!(status["authenticator"]["generation"], 4);
    let granted = decisions(&status, "ScriptedAuthenticator")[0];
    assert!(granted > 50 && entry(&status, "ScriptedAuthenticator")["failures"]["timed_out"] == 0, "{status:#}");
    // Whatever is wrong with one leaves all of them deciding.
    daemon
        .edit_settings(|text| text.replace("name: first, options: {text: options}", "name: first, options: {txt: x}"));
    let failed = daemon.reload();
    for part in ["nothing was changed", "option 1 below `authenticator[1].options` (not shown", "did you mean `text`"] {
        assert!(failed.contains(part) && !failed.contains("txt"), "{part} is not in {failed}");
    }
    daemon.client_with("read=news");
}

/// With `on_swap: reauthorize` all are asked anew where another list decides.
fn others_decide_anew_after_a_reload(isolation: &str) {
    let more = isolated(isolation);
    let first = |what: &str| does("first", what, &more);
    let scripted = format!("{{id: ScriptedAuthenticator{more}}}");
    let daemon = started(&[&first("abstain"), &scripted], "on_swap: reauthorize");
    let mut client = daemon.client_with("read=news");
    client.subscribe("news");
    // The first one decides about everything from now on, and so about what the second has granted.
    daemon.edit_settings(|text| text.replace(&first("abstain"), &first("grant")));
    assert!(daemon.reload().contains("another authenticator has taken over"));
    let ended = client.next_json();
    assert_eq!((&ended["type"], &ended["channel"]), (&json!("subscription_ended"), &json!("news")), "{ended}");
    client.subscribe("a.1");
}

/// A recheck that a plugin wants goes to the entry that has granted, and not to those before it. That it is possible may
/// come with a reload.
fn a_recheck_goes_to_the_entry_that_has_granted(isolation: &str) {
    let (plugins, more) = (plugins(), isolated(isolation));
    plugins.add(&grants_plugin("1", &[]), &grants_file());
    let list = format!("[{}, {{id: GrantsAuthenticator{more}}}]", does("first", "abstain", &more));
    let daemon = Setup::on_shards(1).authenticator(&list, plugins).settings("on_swap: keep").start();
    daemon.edit_settings(|text| text.replace("on_swap: keep", "on_swap: reauthorize"));
    assert!(daemon.reload().contains("has taken over"));
    let mut client = daemon.client_with("subject=alice read=a again refuse=gone");
    client.subscribe("a");
    let ticket = daemon.ticket_of("alice");
    daemon.order(&["recheck:alice"]);
    client.expect_text(r#"{"type":"authorization_failed","reason":"gone"}"#);
    client.expect_closed(4501);
    daemon.wait_for_end(ticket, "refused");
    // Asked about the client and about whoever gave the order.
    assert_eq!(decisions(&daemon.status(), "first"), [0, 0, 2, 0]);
}

#[test]
fn a_list_that_makes_no_sense_is_refused_with_the_way_out() {
    let (one, plugins) = (does("one", "grant", ""), plugins());
    let settings = plugins.path().join("settings.yaml");
    let refused = |text: &str, parts: &[&str]| {
        std::fs::write(&settings, format!("{text}\nplugins_dir: {:?}\nclient_port: 0\n", plugins.path())).unwrap();
        for command in ["run", "check"] {
            run(pusud(&[command, "--config"]).arg(&settings)).fails_saying(parts);
        }
    };
    let list = |entries: &str| format!("authenticator: [{entries}]");
    refused("authenticator: []", &["`authenticator`", "1 to 8 authenticators"]);
    refused(&list(&[one.as_str(); 9].join(", ")), &["1 to 8 authenticators, found 9"]);
    refused(&list(&format!("{one}, {one}")), &["`authenticator[1]`", "is called \"one\" too", "give each a `name`"]);
    refused(&list("{id: BadPlugin}, {id: BadPlugin}"), &["is called \"BadPlugin\" too", "give each a `name`"]);
    refused(&list("{name: x}"), &["`authenticator[0].id` is missing"]);
    refused(&list("{id: None}"), &["`authenticator[0].id`", "cannot stand in a list"]);
    refused(&list("{id: BadPlugin, shadow: true}"), &["every entry has `shadow: true`"]);
    refused(
        &list(&format!("{one}, {{id: A, shadow: true, if_unavailable: next}}")),
        &["`authenticator[1].if_unavailable`"],
    );
    refused(
        &list("{id: BadPlugin, isolate: thread}"),
        &["key 2 below `authenticator[0]` is unknown (not shown", "did you mean `isolation`"],
    );
    refused(&list("{id: BadPlugin, name: ../x}"), &["`authenticator[0].name`", "letters, digits"]);
    for (key, of_entry) in [
        ("authenticator_options: {a: s3cret}", "`options`"),
        ("isolation: thread", "`isolation`"),
        ("authenticator_sha256: 'aa'", "`sha256`"),
        ("authenticator_restart: false", "`restart`"),
        ("passwords: {s3cret: []}", "`options:`"),
    ] {
        let text = format!("{}\n{key}", list(&one));
        refused(&text, &["stands at the top beside a list", of_entry]);
    }
    // The library and its options are looked at for each.
    refused(&list(&format!("{one}, {{id: Missing}}")), &["Missing"]);
    refused(
        &list("{id: BadPlugin, options: {s3cret: 1}}"),
        &["option 1 below `authenticator[0].options` (not shown", "it takes: text"],
    );
    let pinned = format!("{{id: BadPlugin, sha256: '{}'}}", "ab".repeat(32));
    refused(&list(&pinned), &["authenticator[0].id: BadPlugin", &library_name("bad_plugin"), "has SHA-256"]);
}

#[test]
fn check_and_authorize_know_each_entry() {
    let plugins = plugins();
    let settings = plugins.path().join("settings.yaml");
    let (first, second) = (does("first", "abstain", ", if_unavailable: next"), does("second", "grant", ""));
    let third = does("third", "refuse", ", shadow: true");
    let text = format!("authenticator: [{first}, {second}, {third}]\nplugins_dir: {:?}\n", plugins.path());
    std::fs::write(&settings, text).unwrap();
    let checked = run(pusud(&["check", "--config"]).arg(&settings)).succeeds();
    for part in [
        "2 decide, in this order; 1 is a shadow",
        "BadPlugin, if_unavailable: next",
        "BadPlugin, shadow: decides nothing",
        "options set",
        "everything is in order",
    ] {
        assert!(checked.contains(part), "{part} is not in\n{checked}");
    }
    let ask = ["authorize", "--authorization-file", "/dev/null", "--config"];
    let said = run(pusud(&ask).arg(&settings)).succeeds();
    for part in [
        "first, second",
        "first (BadPlugin): abstained",
        "second (BadPlugin): granted",
        "third (BadPlugin): shadow: would refuse",
        "decision         granted",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    let said = run(pusud(&ask).arg(&settings).arg("--json")).succeeds();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["entries"][0], json!({"name": "first", "id": "BadPlugin", "decision": "abstained", "detail": ""}));
}
