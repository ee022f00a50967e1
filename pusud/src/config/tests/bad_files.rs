//! Files that are wrong: the message names the key, what was expected and what was found, and shows no secret.

use super::load;
use crate::config::{Config, Overrides};
use std::fs;

#[test]
fn bad_files_say_which_key_what_was_expected_and_what_was_found() {
    for (text, expected) in [
        ("", "`authenticator` is missing (the file is empty)"),
        ("client_port: 1", "`authenticator` is missing: write the id"),
        ("authenticator:", "write `authenticator: None`"),
        ("authenticator: ~", "found nothing (an empty value). To let everybody"),
        ("authenticator: null", "write `authenticator: None`"),
        ("authenticator: none", "found `none`: the word is written `None`"),
        ("authenticator: ''", "found the text \"\""),
        ("authenticator: false", "`authenticator`: expected the id of an authenticator"),
        ("authenticator: [A]", "`authenticator[0]`: expected indented lines of the form `key: value`"),
        ("authenticator: {A: b}", "a list of entries with an `id` each"),
        ("authenticator: A\nauthenticator: B", "line 2: the key `authenticator` stands there twice"),
        ("- authenticator: A", "expected lines of the form `key: value`, found a list"),
        (
            "authenticator: A\nclient_prot: 1",
            "key 2 at the top is unknown (not shown: it may be a password): did you mean `client_port`?",
        ),
        ("authenticator: A\nsecrets: 1", "goes below `authenticator_options:`"),
        (
            "authenticator: A\nclient_port: abc",
            "`client_port`: expected a port from 0 to 65535, found the text \"abc\"",
        ),
        ("authenticator: A\nclient_port: 65536", "found `65536`"),
        ("authenticator: A\nclient_port: -1", "found `-1`"),
        ("authenticator: A\nclient_port: '55000'", "found the text \"55000\""),
        ("authenticator: A\nclient_port:", "`client_port`: expected a port from 0 to 65535, found nothing"),
        ("authenticator: A\nclient_address: localhost", "`client_address`: expected an IP address such as"),
        ("authenticator: A\nnetwork_address: 1", "`network_address`: expected an IP address"),
        ("authenticator: A\nnetwork_port: 1.5", "`network_port`: expected a port from 0 to 65535, found `1.5`"),
        ("authenticator: A\nrelays: a", "`relays`: expected a list of hosts"),
        ("authenticator: A\nrelays: [1]", "found `1` in the list"),
        ("authenticator: A\nrelays: ['a:0']", "found the text \"a:0\" in the list"),
        ("authenticator: A\nrelays: ['ws://a']", "found the text \"ws://a\" in the list"),
        ("authenticator: A\nrelays: ['[::1']", "`relays`: expected"),
        (
            "authenticator: A\nremembered_decisions: 1001",
            "`remembered_decisions`: expected a whole number from 0 (none) to 1000, found `1001`",
        ),
        ("authenticator: A\nshards: 64", "`shards`: expected a whole number from 0 (one per core) to 63, found `64`"),
        ("authenticator: A\nname: ''", "`name`: expected a name of 1 to 255 bytes"),
        ("authenticator: A\nname: \"a\\nb\"", "`name`: expected"),
        (
            "authenticator: A\nisolation_memory: 1 MiB",
            "`isolation_memory`: expected 0 for no limit, or a size from 64 MiB",
        ),
        (
            "authenticator: A\nauthenticator_create_timeout: 11min",
            "`authenticator_create_timeout`: expected a time from 1s to 10min",
        ),
        ("authenticator: A\nauthenticator_create_timeout: 0.5", "a time from 1s to 10min"),
        ("authenticator: A\nmax_authorization_life: 1ms", "`max_authorization_life`: expected 0 for as long as"),
        ("authenticator: A\nauthenticator_restart: always", "`authenticator_restart`: expected true or false"),
        ("authenticator: A\nplugin_data_dir: 5", "`plugin_data_dir`: expected a path, found `5`"),
        ("authenticator: A\nplugins_dir: 5", "`plugins_dir`: expected a path, found `5`"),
        (
            "authenticator: A\nstrict_plugin_permissions: yes",
            "expected true or false without quotes (`yes`, `no`, `on` and `off` are text, as in YAML 1.2), found the text \"yes\"",
        ),
        (
            "authenticator: A\nnetwork_key_file: k\nnetwork_encryption: true",
            "`network_encryption`: expected required, preferred or off, found `true`",
        ),
        ("authenticator: A\nnetwork_encryption: required", "`network_encryption`: `required` needs `network_key_file`"),
        (
            "authenticator: A\nnetwork_tls: relay.pem",
            "`network_tls`: expected indented lines of the form `key: value`, found the text",
        ),
        ("authenticator: A\nnetwork_tls: {certificate: a, key: b}", "`ca` is missing"),
        (
            "authenticator: A\nclient_tls:",
            "`client_tls`: expected indented lines of the form `key: value`, found nothing",
        ),
        ("authenticator: A\nlisteners: [{port: 1, tls: }]", "`listeners[0].tls`: expected indented lines"),
        ("authenticator: A\nlisteners: []", "`listeners`: expected a list of listeners, found nothing in it"),
        ("authenticator: A\nlisteners:", "`listeners`: expected a list of listeners, found nothing in it"),
        ("authenticator: A\nlisteners: [{port: 1}, {port: 1}]", "the listener \"clients\" is on 0.0.0.0:1 already"),
        ("authenticator: A\nlisteners: 5", "`listeners`: expected a list of listeners, found `5`"),
        (
            "authenticator: A\nlisteners: [{}]",
            "`listeners[0]`: expected either `port` (with `address`) or `unix`, found neither",
        ),
        ("authenticator: A\nlisteners: [{port: 1, unix: a}]", "found both"),
        ("authenticator: A\nlisteners: [{port: 1, mode: \"0600\"}]", "`listeners[0].mode` goes with `unix` alone"),
        (
            "authenticator: A\nlisteners: [{unix: a, mode: 660}]",
            "`listeners[0].mode`: expected the digits of a mode in quotes",
        ),
        ("authenticator: A\nlisteners: [{unix: a, mode: \"0968\"}]", "found the text \"0968\""),
        (
            "authenticator: A\nlisteners: [{port: 1, prt: 2}]",
            "key 2 below `listeners[0]` is unknown (not shown: it may be a password): did you mean `port`?",
        ),
        (
            "authenticator: A\nclient_port: 1\nlisteners: [{port: 2}]",
            "`client_port` and `listeners` exclude each other",
        ),
        ("authenticator: A\nclient_tls: {certificate: a}", "`client_tls.certificate` without `client_tls.key`"),
        ("authenticator: A\nclient_tls: {client_ca: a}", "expected `certificate` and `key`, two files in PEM"),
        (
            "authenticator: A\nclient_tls: {certificate: a, key: b, client_certificates: required}",
            "`client_tls.client_certificates` without `client_ca`",
        ),
        ("authenticator: A\nclient_tls: {certificate: a, key: b, crl: c}", "`client_tls.crl` without `client_ca`"),
        (
            "authenticator: A\nlisteners: [{port: 1, tls: {certificates: [{key: b}]}}]",
            "`listeners[0].tls.certificates[0].key` without `listeners[0].tls.certificates[0].certificate`",
        ),
        ("authenticator: A\nlisteners: [{port: 1, proxy_protocol: yes}]", "expected `required` or `off`"),
        (
            "authenticator: A\nlisteners: [{port: 1, proxy_protocol: required}]",
            "`listeners[0].proxy_protocol` without `trusted_proxies`: whoever reaches the port could claim any address",
        ),
        (
            "authenticator: A\nlisteners: [{port: 1, trusted_proxies: [10.0.0.1/8]}]",
            "`listeners[0].trusted_proxies`: expected a list of addresses and networks",
        ),
        ("authenticator: A\nlisteners: [{port: 1, trusted_proxies: [unix]}]", "and this is none"),
        (
            "authenticator: A\nlisteners: [{port: 1, name: a}, {port: 2, name: a}]",
            "another listener has the name \"a\"",
        ),
        (
            "authenticator: A\nlisteners: [{port: 1, limits: {max_connections: 0}}]",
            "`listeners[0].limits.max_connections`",
        ),
        (
            "authenticator: A\nnetwork_tls: {certificate: a, key: b, ca: c, d: e}",
            "key 4 below `network_tls` is unknown (not shown: it may be a password): the keys there are certificate, key, ca",
        ),
        (
            "authenticator: A\nnetwork_tls: {certificate: 1, key: b, ca: c}",
            "`network_tls.certificate`: expected a path",
        ),
        ("authenticator: A\nhttp: true", "`http`: expected indented lines of the form `key: value`, found `true`"),
        ("authenticator: A\nhttp: {events: on}", "`http.events`: expected true or false without quotes"),
        (
            "authenticator: A\nhttp: {publsh: true}",
            "key 1 below `http` is unknown (not shown: it may be a password): did you mean `publish`?",
        ),
        (
            "authenticator: A\nhttp: {sse: true}",
            "key 1 below `http` is unknown (not shown: it may be a password): the keys there are publish, events, history",
        ),
        ("authenticator: A\nstrict_key_permissions: 1", "`strict_key_permissions`: expected true or false without"),
        ("authenticator: A\ncontrol_socket: no", "the word None for no such socket, found the text \"no\""),
        ("authenticator: off", "found `off`: the word is written `None`"),
        ("authenticator: A\npasswords:\n  <<: {s3cret: [a]}", "line 3: `passwords`: `<<` (a merge key"),
        ("authenticator: A\nauthenticator_sees: cookie", "`authenticator_sees`: expected a list of names of request"),
        ("authenticator: A\nauthenticator_sees: [a, 5]", "such as [cookie, x-request-id], found `5` in the list"),
        (
            "authenticator: A\nauthenticator_sees: [cookie, Authorization]",
            "`authenticator_sees`: `Authorization` cannot be shown to an authenticator: it is the authorization itself",
        ),
        ("authenticator: A\nauthenticator_sees: [Upgrade]", "`Upgrade` cannot be shown to an authenticator"),
        ("authenticator: A\nauthenticator_sees: [a, A]", "`authenticator_sees`: `A` is there twice"),
        ("authenticator: A\nauthenticator_sees: [a b]", "expected the name of a header, of 1 to 52 characters, found"),
        ("authenticator: A\non_swap: ask", "`on_swap`: expected keep or reauthorize, found the text \"ask\""),
        ("authenticator: A\non_swap: true", "`on_swap`: expected keep or reauthorize, found `true`"),
        ("authenticator: A\nauthenticator_sha256: abc", "expected 64 hexadecimal digits in quotes"),
        ("authenticator: A\nlimits: 5", "`limits`: expected indented lines of the form `key: value`, found `5`"),
        (
            "authenticator: A\nlimits: {outbox: 5}",
            "key 1 below `limits` is unknown (not shown: it may be a password): did you mean `outbox_bytes`?",
        ),
        ("authenticator: A\nlimits: {outbox_bytes: 1 MB}", "`limits.outbox_bytes`: expected a size from 1 B to 1 GiB"),
        ("authenticator: A\nlimits: {handshake_timeout: 5 parsecs}", "`limits.handshake_timeout`: expected a time"),
        ("authenticator: A\nlimits: {max_fragments: 0}", "`limits.max_fragments`: expected a whole number from 1 to"),
        ("authenticator: A\nlimits: {max_subscriptions: 10001}", "from 1 to 10000, found `10001`"),
        ("authenticator: A\nlimits: {max_channel_bytes: 256}", "from 1 to 255, found `256`"),
        ("authenticator: A\nlimits: {ping_interval: 100ms}", "`limits.ping_interval`: expected 0 for never, or a time"),
        ("authenticator: A\nlimits: {max_connections: 0}", "`limits.max_connections`: expected a whole number from 1"),
        ("authenticator: A\nlimits: {max_connections_per_address: -1}", "a whole number from 0 (no limit) to 1000000"),
        ("authenticator: A\nlimits: {allowed_origins: a}", "`limits.allowed_origins`: expected a list of origins"),
        ("authenticator: A\nlimits: {allowed_origins: ['https://a/']}", "found the text \"https://a/\" in the list"),
        ("authenticator: A\noutbox_bytes: 5", "belongs below `limits:`"),
        ("authenticator: A\nlimits:\n\thandshake_timeout: 5", "this line begins with a tab"),
        (
            "authenticator: A\nauthenticator_options: s3cret",
            "expected indented lines of the form `option: value`, found text",
        ),
        ("authenticator: A\nauthenticator_options: [s3cret]", "`authenticator_options`: expected indented lines"),
        ("authenticator: A\npasswords:\ns3cret: [a]", "are the lines below `passwords:` indented?"),
        (
            "authenticator: A\npasswords:\n- s3cret: [a]\n  s3cret: [b]",
            "line 4: `passwords`: a key below it stands there twice",
        ),
    ] {
        let error = format!("{:#}", load(text).expect_err(text));
        assert!(error.contains(expected), "{text:?} gave: {error}");
        assert!(error.contains("settings.yaml: "), "{text:?} gave a message without the file: {error}");
        assert!(!error.contains("s3cret"), "{text:?} gave away a secret: {error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.yaml");
    let error = format!("{:#}", Config::load(Some(&missing), &Overrides::default()).unwrap_err());
    assert!(error.contains("cannot read the settings") && error.contains("missing.yaml"), "{error}");
    assert!(Config::load(Some(directory.path()), &Overrides::default()).is_err(), "a directory");
    let latin1 = directory.path().join("latin1.yaml");
    fs::write(&latin1, b"authenticator: A\nname: caf\xe9\n").unwrap();
    let error = Config::load(Some(&latin1), &Overrides::default()).unwrap_err().to_string();
    assert!(error.contains("latin1.yaml: line 2: expected UTF-8"), "{error}");
}
