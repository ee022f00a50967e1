//! Settings: the original's files load, and whatever is wrong stops the start with one message and exit code 1.

use crate::harness::{Finished, PluginsDir, Setup, password_plugin, pusud, root, run};
use serde_json::json;
use std::fs;
use std::net::TcpListener;

fn pusud_with(command: &str, settings: &str) -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.yaml");
    fs::write(&file, settings).unwrap();
    run(pusud(&[command, "--config"]).arg(file))
}

/// What the settings say, and what the message has to name.
const WRONG: &[(&str, &[&str])] = &[
    (
        "authenticator: None\nclientport: 1\n",
        &["key 2 at the top is unknown (not shown", "did you mean `client_port`?"],
    ),
    (
        "authenticator: None\nlimits:\n  max_mesage_bytes: 1\n",
        &["key 1 below `limits` is unknown (not shown", "did you mean `max_message_bytes`?"],
    ),
    ("authenticator: None\nxyzzy: 1\n", &["key 2 at the top is unknown", "authenticator_options"]),
    ("authenticator: None\nclient_port: many\n", &["client_port", "many", "65535"]),
    ("authenticator: None\nclient_port: 70000\n", &["client_port", "70000", "65535"]),
    ("authenticator: None\nclient_port: -1\n", &["client_port", "-1"]),
    ("authenticator: None\nclient_address: here\n", &["client_address", "here"]),
    ("authenticator: None\nshards: two\n", &["shards", "two"]),
    ("authenticator: None\nrelays: 5\n", &["relays"]),
    ("authenticator: None\nlimits: 5\n", &["limits"]),
    ("authenticator: [None]\n", &["authenticator"]),
    ("authenticator:\n", &["authenticator", "None"]),
    ("client_port: 0\n", &["authenticator", "None"]),
    ("", &["authenticator"]),
    ("authenticator: None\nauthenticator: None\n", &["authenticator"]),
    ("authenticator: None\n\tclient_port: 1\n", &["line 2"]),
    ("- authenticator: None\n", &["settings.yaml"]),
];

#[test]
fn what_is_wrong_is_named() {
    for (settings, parts) in WRONG {
        println!("{settings}");
        for command in ["run", "check"] {
            let message = pusud_with(command, settings).fails_saying(parts);
            assert!(message.contains("settings.yaml"), "the message does not name the file:\n{message}");
            let lines: Vec<&str> = message.lines().filter(|line| line.to_lowercase().contains("error")).collect();
            assert!(lines.len() <= 1, "more than one message:\n{message}");
        }
    }
}

/// Settings of a relay with a plugin that has passwords and a flag.
fn check_with_passwords(settings: impl AsRef<[u8]>) -> Finished {
    let plugins = PluginsDir::with([password_plugin()]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.yaml");
    fs::write(&file, settings).unwrap();
    run(pusud(&["check", "--plugins-dir"]).arg(plugins.path()).arg("--config").arg(file))
}

const PASSWORDS: &str = "authenticator: PasswordAuthenticator\nclient_address: 127.0.0.1\nclient_port: 0\n\
                         passwords: {correct horse: [news.*]}\n";

#[test]
fn a_byte_order_mark_is_no_part_of_the_settings() {
    check_with_passwords(format!("\u{feff}{PASSWORDS}")).succeeds();
    let utf16 = format!("\u{feff}{PASSWORDS}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    check_with_passwords(&utf16).fails_saying(&["settings.yaml", "UTF-16", "iconv"]);
    // A file with the options of a plugin alone is read in the same way.
    let dir = tempfile::tempdir().unwrap();
    let options = dir.path().join("options.yaml");
    fs::write(&options, utf16).unwrap();
    run(pusud(&["plugins", "test"]).arg(password_plugin()).arg("--options").arg(&options)).fails_saying(&[
        "options.yaml",
        "UTF-16",
        "iconv",
    ]);
}

#[test]
fn what_yaml_has_lost_is_named_with_a_way_out() {
    for (lines, parts) in [
        ("passwords:\n  <<: &more {s3cret: [a]}\n", &["line 6", "`passwords`", "`<<`", "not supported"][..]),
        ("authenticator_options:\n  <<: {allow_read_by_default: true}\n", &["`authenticator_options`", "`<<`"]),
        ("allow_read_by_default: yes\n", &["allow_read_by_default", "true or false", "`yes`"]),
        ("strict_plugin_permissions: yes\n", &["strict_plugin_permissions", "true or false", "`yes`"]),
        ("control_socket: no\n", &["control_socket", "None"]),
    ] {
        let before =
            if lines.starts_with("passwords") { PASSWORDS.replace("passwords:", "#") } else { PASSWORDS.into() };
        let message = check_with_passwords(format!("{before}{lines}")).fails_saying(parts);
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[test]
fn a_missing_file_is_named() {
    for command in ["run", "check"] {
        run(&mut pusud(&[command, "--config", "/nowhere/to/be/found.yaml"]))
            .fails_saying(&["/nowhere/to/be/found.yaml"]);
    }
}

#[test]
fn a_taken_port_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    pusud_with("run", &format!("authenticator: None\nclient_address: 127.0.0.1\nclient_port: {port}\n"))
        .fails_saying(&[&port, "client_port", "ip_local_reserved_ports"]);
}

#[test]
fn without_a_file_it_serves_this_machine_alone() {
    let empty = tempfile::tempdir().unwrap();
    let said = run(pusud(&["check"]).current_dir(&empty));
    let warning = said.stderr.clone();
    let setup = said.succeeds();
    assert!(setup.contains("None") && setup.contains("127.0.0.1"), "{setup}");
    assert!(format!("{setup}{warning}").to_lowercase().contains("warn"), "no warning:\n{setup}\n{warning}");
}

/// Every key of the original, in the shape of its example file. What one authenticator declares, others ignore.
const ORIGINAL: &str = "
authenticator: None
relays:
  - relay-1.example.com
  - relay-2.example.com
client_port: 0
network_port: 55001
allowed_channels:
  - auction.*
  - category.*
  - product.*
  - users.*
passwords:
  - Password1:
    - valid.*
    - channels.*
  - Password2:
    - \"*\"
allow_read_by_default: true
jwt_signing_algorithms:
  - HS256
jwt_verification_key: secret
";

#[test]
fn a_file_of_the_original_loads() {
    pusud_with("check", ORIGINAL).succeeds();
    let settings: Vec<&str> = ORIGINAL
        .lines()
        .filter(|line| !["authenticator", "client_port", "network_port"].iter().any(|key| line.starts_with(key)))
        // Any free port, since other tests run at the same time.
        .chain(["network_address: 127.0.0.1", "network_port: 0"])
        .collect();
    let daemon = Setup::on_shards(1).authenticator("None", PluginsDir::empty()).settings(&settings.join("\n")).start();
    let mut client = daemon.client_with("anybody");
    client.subscribe("a");
    client.publish("a", json!(1));
    client.expect_publish("a", json!(1));
}

#[test]
fn the_example_file_loads_with_every_key_it_explains() {
    let text = fs::read_to_string(root().join("config/settings.example.yaml")).unwrap();
    // A `#` without a space behind it comments a key out, and what is indented below it goes with it.
    let mut with_every_key: Vec<&str> = Vec::new();
    let mut in_key = false;
    for line in text.lines() {
        let Some(comment) = line.strip_prefix('#') else {
            in_key = false;
            with_every_key.push(line);
            continue;
        };
        let starts_key = comment.starts_with(|first: char| first.is_ascii_lowercase());
        in_key |= starts_key;
        if starts_key || (in_key && comment.starts_with("  ")) {
            with_every_key.push(comment);
        }
    }
    // Where clients connect is said in one of two ways, and so is what carries messages between relays.
    let mut is_other_way = false;
    with_every_key.retain(|line| {
        is_other_way =
            line.starts_with("client_") || line.starts_with("nats:") || is_other_way && line.starts_with(' ');
        !is_other_way
    });
    let settings = with_every_key.join("\n");
    for key in ["authenticator_options:", "limits:", "outbox_bytes:", "passwords:", "relays:", "shards:", "name:"] {
        assert!(settings.contains(key), "{key} is not explained");
    }
    // There is no such folder here; everything before that has been read then.
    let message = pusud_with("check", &settings).fails_saying(&["plugins_dir"]);
    assert!(!message.contains("unknown key") && !message.contains("is unknown"), "{message}");
}

/// A line of `passwords:` that is not indented is a key at the top, which may be much like one of the settings' own.
#[test]
fn a_password_that_is_like_a_key_is_not_shown() {
    for (password, meant) in
        [("passwords1", "passwords"), ("passw0rd", "passwords"), ("limits1", "limits"), ("Passwords", "passwords")]
    {
        for settings in [
            format!("authenticator: None\n{password}: ['*']\n"),
            format!("authenticator: None\nlimits:\n  {password}: ['*']\n"),
        ] {
            let message = pusud_with("check", &settings).fails_saying(&["is unknown (not shown"]);
            assert!(!message.contains(password), "{message}");
            assert!(
                settings.contains("limits:\n") || message.contains(&format!("did you mean `{meant}`?")),
                "{message}"
            );
        }
    }
}

#[test]
fn an_open_relay_on_an_open_address_is_warned_about() {
    let said = pusud_with("check", "authenticator: None\nclient_address: 0.0.0.0\nclient_port: 0\n");
    assert!(format!("{}{}", said.stdout, said.stderr).to_lowercase().contains("warn"), "{said:?}");
    said.succeeds();
}
