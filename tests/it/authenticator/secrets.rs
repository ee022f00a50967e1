//! Canaries: an authorization and an option that nobody but the plugin may ever see, and the network's key, sent down
//! every path at log level trace. Not one occurrence in the log, in an answer, in the status, in arguments, in the
//! environment of a process.

use crate::harness::{
    DEADLINE, Daemon, Finished, Frame, Network, PluginsDir, Setup, bad_plugin, close_code, my_plugin, password_plugin,
    pusud, run, text_message,
};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

pub(super) const AUTHORIZATION: &str = "canary-authorization-5b1f";
pub(super) const OPTION: &str = "canary-option-77aa";
/// As long as keys have to be at least.
const KEYS: [&str; 2] = ["canary-network-key-03c9-the-first", "canary-network-key-03c9-the-second"];

pub(super) fn assert_clean(what: &str, text: &str) {
    for canary in [AUTHORIZATION, OPTION, KEYS[0], KEYS[1]] {
        if let Some(at) = text.find(canary) {
            let around: String = text[..at].chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
            panic!("{what} holds {canary} behind: {around}");
        }
    }
}

pub(super) fn assert_output_clean(what: &str, finished: &Finished) {
    assert_clean(what, &finished.stdout);
    assert_clean(what, &finished.stderr);
}

/// What other users of the machine could see of the daemon and of whatever it has started.
pub(super) fn processes(daemon: &Daemon) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(format!("/proc/{}", daemon.pid()))];
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // Behind the name in parentheses: state, parent.
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)).map(str::to_owned);
        if parent == Some(daemon.pid().to_string()) {
            found.push(entry.path());
        }
    }
    found
}

pub(super) fn assert_daemon_clean(daemon: &Daemon) {
    for process in processes(daemon) {
        for file in ["cmdline", "environ"] {
            // Where there is no /proc, nothing is to be seen in it.
            let seen = fs::read(process.join(file)).unwrap_or_default();
            assert_clean(&format!("{}/{file}", process.display()), &String::from_utf8_lossy(&seen));
        }
    }
    assert_clean("the status", &daemon.status().to_string());
    let settings = daemon.dir().join("settings.yaml");
    assert_output_clean("the status as text", &run(pusud(&["status", "--config"]).arg(settings)));
    #[cfg(unix)]
    for command in ["decisions", "revocations"] {
        assert_output_clean(command, &daemon.operate(&[command]));
        assert_output_clean(command, &daemon.operate(&[command, "--json"]));
    }
    assert_clean("the log", &daemon.log().text());
}

/// Whole messages that hold the authorization, well-formed and not.
fn messages() -> Vec<Vec<u8>> {
    let escaped: String = AUTHORIZATION.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let well_formed = format!(r#"{{"type":"authorize","authorization":"{AUTHORIZATION}"}}"#);
    let texts = [
        well_formed.clone(),
        format!(r#"{{"type":"authorize","authorization":"{escaped}"}}"#),
        // Cut short, of the wrong type, in the wrong place, twice, with an escape that is none.
        format!(r#"{{"type":"authorize","authorization":"{AUTHORIZATION}"#),
        format!(r#"{{"type":"authorize","authorization":["{AUTHORIZATION}"]}}"#),
        format!(r#"{{"type":"authorize","authorization":{{"{AUTHORIZATION}":1}}}}"#),
        format!(r#"{{"type":"{AUTHORIZATION}","authorization":"{AUTHORIZATION}"}}"#),
        format!(r#"{{"type":"authorize","authorization":"{AUTHORIZATION}","authorization":"{AUTHORIZATION}"}}"#),
        format!(r#"{{"type":"authorize","authorization":"{AUTHORIZATION}\ud800"}}"#),
        format!(r#"{{"type":"authorize","authorization":"{AUTHORIZATION}\q"}}"#),
        format!(r#""{AUTHORIZATION}""#),
        format!(r#"["{AUTHORIZATION}"]"#),
        AUTHORIZATION.to_owned(),
        // Larger than a message may be.
        format!(r#"{{"type":"authorize","authorization":"{}"}}"#, AUTHORIZATION.repeat(400)),
    ];
    let mut messages: Vec<Vec<u8>> = texts.iter().map(|text| text_message(text)).collect();
    messages.push(Frame::new(0x82, &well_formed).masked());
    messages.push(Frame::text([well_formed.as_bytes(), b"\xff"].concat()).masked());
    // Without a mask, with a reserved bit, and as the reason of a close frame.
    messages.push(Frame::text(&well_formed).unmasked());
    messages.push(Frame::new(0xc1, &well_formed).masked());
    messages.push(Frame::close(4000, AUTHORIZATION).masked());
    messages
}

/// Sends each message on a connection of its own, and looks at all that comes back up to the connection's end.
pub(super) fn send_all(daemon: &Daemon) {
    let messages = messages();
    let mut closed = 0;
    for message in &messages {
        let mut client = daemon.upgraded();
        client.send(message);
        // What is answered and not ended by the relay, this client ends.
        let first = client.read_frame();
        client.finish_sending();
        for frame in std::iter::once(first).chain(client.read_frames_to_end()) {
            // Its own close frame comes back to a client as it was.
            let is_echo = message[0] == 0x88 && frame.payload.get(2..) == Some(AUTHORIZATION.as_bytes());
            if !is_echo {
                assert_clean("an answer", &String::from_utf8_lossy(&frame.payload));
            }
            closed += usize::from(close_code(&frame).is_some());
        }
    }
    // All but the three or four good ones, whatever becomes of those.
    assert!(closed >= messages.len() - 4, "{closed} of {} connections were closed with a close frame", messages.len());
}

/// One relay for each thing that an authenticator can do with an authorization.
fn down_every_path(isolation: &str) {
    let mut outcomes = vec!["grant", "refuse", "abstain", "unavailable", "hang", "silent", "error", "panic", "twice"];
    outcomes.extend(["garbage-decision", "not-utf8-reason", "too-long-reason"]);
    if isolation == "process" {
        outcomes.extend(["abort", "exit"]);
    }
    for outcome in outcomes {
        println!("{outcome}");
        let plugins = PluginsDir::empty();
        bad_plugin(&plugins, &[&format!("-DALWAYS=\"{outcome}\"")]);
        let settings = format!(
            "isolation: {isolation}\nlimits:\n  max_message_bytes: 4 KiB\n  authorize_call_timeout: 100ms\n\
             authenticator_options:\n  text: {OPTION}\n"
        );
        let setup = Setup::on_shards(1).authenticator("BadPlugin", plugins).log_level("trace");
        let mut daemon = setup.settings(&settings).start();
        assert_daemon_clean(&daemon);
        send_all(&daemon);
        assert_daemon_clean(&daemon);
        daemon.terminate();
        daemon.wait();
        assert_clean("the log of the end", &daemon.log().text());
    }
}

#[test]
fn down_every_path_in_a_thread() {
    down_every_path("thread");
}

#[test]
#[cfg(unix)]
fn down_every_path_in_a_process() {
    down_every_path("process");
}

/// The bundled plugins, with the canary as what they let in.
#[test]
fn the_bundled_plugins_keep_it_to_themselves() {
    let scenes = [
        ("PasswordAuthenticator", password_plugin(), format!("passwords:\n  {OPTION}: ['*']")),
        ("PasswordAuthenticator", password_plugin(), format!("passwords:\n  {AUTHORIZATION}: ['*']")),
        ("PasswordAuthenticator", password_plugin(), format!("passwords:\n  'plain:{OPTION}': ['*']")),
        ("MyAuthenticator", my_plugin(), String::new()),
    ];
    for (id, plugin, settings) in scenes {
        let setup = Setup::on_shards(1).authenticator(id, PluginsDir::with([plugin])).log_level("trace");
        let settings = format!("{settings}\nlimits:\n  max_message_bytes: 4 KiB\n");
        let daemon = setup.settings(&settings).start();
        send_all(&daemon);
        assert_daemon_clean(&daemon);
    }
}

/// A token that a client puts into the request itself: into a header, or into the path where plugins may read it.
#[test]
fn the_upgrade_request() {
    let daemon = Setup::on_shards(1).log_level("trace").start();
    for request in [
        format!("GET /?token={AUTHORIZATION} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {AUTHORIZATION}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{AUTHORIZATION}\r\n\r\n"),
        crate::harness::upgrade_request("").replacen("GET / ", &format!("GET /?token={AUTHORIZATION} "), 1),
    ] {
        let mut client = daemon.raw();
        client.send(request.as_bytes());
        daemon.connect();
    }
    daemon.client().subscribe("a");
    assert_daemon_clean(&daemon);
}

/// Relays that know the key, one that knows another, and a stranger on their port.
#[test]
#[cfg(unix)]
fn the_networks_key() {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let key_file = |at: usize| {
        let file = folder.path().join(at.to_string());
        let mut options = fs::OpenOptions::new();
        let keys = if at < 2 { KEYS[0] } else { KEYS[1] };
        options.create_new(true).write(true).mode(0o600).open(&file).unwrap().write_all(keys.as_bytes()).unwrap();
        format!("network_key_file: {file:?}")
    };
    let network = Network::unlinked(3, |at, setup| setup.settings(&key_file(at)).log_level("trace"));
    network.wait_linked_among(&[0, 1]);
    let mut stranger = std::net::TcpStream::connect(("127.0.0.1", network.port(0))).unwrap();
    stranger.write_all(KEYS[0].as_bytes()).unwrap();
    for (at, relay) in network.relays().iter().enumerate() {
        let began = Instant::now();
        // The status has the last error with each relay: that the keys differ is one.
        while !relay.status()["relays"].to_string().contains("key") {
            assert!(began.elapsed() < DEADLINE, "relay {at} has not met another key: {}", relay.status()["relays"]);
        }
        relay.client().publish("a", json!(1));
        assert_daemon_clean(relay);
    }
    for at in 0..3 {
        let settings = network.relay(at).dir().join("settings.yaml");
        assert_output_clean("the check", &run(pusud(&["check", "--log-level", "trace", "--config"]).arg(settings)));
    }
}

/// Commands, and the messages about settings with something wrong in them.
/// What is revoked stands as a hash in all that is shown and kept.
#[test]
#[cfg(unix)]
fn a_revoked_authorization() {
    let setup =
        Setup::on_shards(1).authenticator("MyAuthenticator", PluginsDir::with([my_plugin()])).log_level("trace");
    let daemon = setup.settings("revocations_file: revocations.json").start();
    send_all(&daemon);
    let decisions = daemon.operate_json(&["decisions"]);
    assert!(!decisions.is_empty(), "nothing was decided");
    for decision in decisions {
        let hash = decision["authorization"].as_str().unwrap().to_owned();
        assert_output_clean("a revocation", &daemon.operate(&["revoke", "--authorization-hash", &hash]));
    }
    send_all(&daemon);
    assert_daemon_clean(&daemon);
    assert_clean("the file", &fs::read_to_string(daemon.dir().join("revocations.json")).unwrap());
    // In the place of its hash.
    assert_output_clean("a wrong hash", &daemon.operate(&["revoke", "--authorization-hash", AUTHORIZATION]));
}
