//! The section `nats` and its backplane: what they mean, what is wrong with them, and what is warned about.

use super::{load, loaded};
use crate::config::{Backplane, Config, NatsCredentials, NatsSettings, Overrides, Secret, TextFile};
use std::fs;
use std::path::Path;

fn settings(nats: &str) -> String {
    format!("authenticator: A\nbackplane: nats\nnats: {nats}\n")
}

fn nats(section: &str) -> NatsSettings {
    loaded(&settings(section)).backplane.nats().unwrap().clone()
}

#[test]
fn every_key_is_read() {
    let config = Config::from_text(
        &settings(
            "{servers: ['nats://NATS-1', 'tls://[::1]:7', 'nats://127.0.0.1:4222'], user: pusu, password: hunter2, tls: {ca: ca.pem, \
             certificate: /r.pem, key: r.key}}",
        ),
        Path::new("/etc/pusud/settings.yaml"),
    )
    .unwrap();
    let nats = config.backplane.nats().unwrap();
    let servers: Vec<String> = nats.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["nats://nats-1:4222", "tls://[::1]:7", "nats://127.0.0.1:4222"]);
    let password = Secret::new("hunter2".to_owned());
    assert_eq!(nats.credentials, NatsCredentials::Password { user: "pusu".to_owned(), password });
    let tls = nats.tls.as_ref().unwrap();
    assert_eq!(tls.ca.as_deref(), Some(Path::new("/etc/pusud/ca.pem")));
    assert_eq!(tls.identity, Some(("/r.pem".into(), "/etc/pusud/r.key".into())));
    assert!(nats.servers.iter().all(|server| nats.encrypts(server)), "`tls` holds for `nats://` too");
    assert!(config.has_network() && config.relays.is_empty());
}

#[test]
fn each_way_to_prove_oneself_is_taken() {
    let of = |way: &str| nats(&format!("{{servers: ['nats://a']{way}}}")).credentials;
    assert_eq!(of(""), NatsCredentials::None);
    assert_eq!(of(", token: '12345'"), NatsCredentials::Token(Secret::new("12345".to_owned())));
    assert!(matches!(of(", nkey_seed_file: a.nk"), NatsCredentials::NkeySeedFile(file) if file.is_absolute()));
    assert!(matches!(of(", credentials_file: a.creds"), NatsCredentials::CredentialsFile(file) if file.is_absolute()));
    let plain = nats("{servers: ['nats://a', 'tls://b']}");
    assert_eq!(plain.servers.iter().map(|server| plain.encrypts(server)).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn the_mesh_is_the_default() {
    let (none, mesh) = (loaded("authenticator: A"), loaded("authenticator: A\nbackplane: mesh\nrelays: [a]"));
    assert_eq!((&none.backplane, none.has_network()), (&Backplane::Mesh, false));
    assert_eq!((&mesh.backplane, mesh.has_network()), (&Backplane::Mesh, true));
}

#[test]
fn what_is_wrong_is_named_with_the_way_out() {
    let servers: Vec<String> = (0..17).map(|n| format!("'nats://a{n}'")).collect();
    let many = format!("{{servers: [{}]}}", servers.join(", "));
    for (nats, expected) in [
        ("", "`nats`: expected indented lines of the form `key: value`, found nothing"),
        ("nats://a", "`nats`: expected indented lines of the form `key: value`, found the text"),
        (
            "{user: a}",
            "`nats.servers`: expected a list of 1 to 16 NATS servers, such as [\"nats://nats-1.example.com\"]",
        ),
        ("{servers: }", "`nats.servers`: expected a list of 1 to 16 NATS servers"),
        ("{servers: []}", "`nats.servers`: expected a list of 1 to 16 NATS servers"),
        (&many, "found 17"),
        ("{servers: 'nats://u:s3cret@a'}", "`nats.servers`: expected a list of 1 to 16 NATS servers"),
        ("{servers: [5]}", "found `5` in it"),
        (
            "{servers: ['nats://a', 'a:4222']}",
            "`nats.servers[1]`: expected `nats://host`, `nats://host:port` or the same",
        ),
        (
            "{servers: ['nats://u:s3cret@a']}",
            "`nats.servers[0]`: a user's name, password or token stands in the address",
        ),
        (
            "{servers: ['nats://a', 'tls://A:4222']}",
            "`nats.servers[1]`: tls://a:4222 and nats://a:4222 are the same server",
        ),
        ("{servers: ['nats://a'], user: b}", "`nats.user` without `nats.password`: expected both"),
        ("{servers: ['nats://a'], password: s3cret}", "`nats.password` without `nats.user`: expected both"),
        ("{servers: ['nats://a'], user: b, token: s3cret}", "`nats.user` and `nats.token` exclude each other"),
        ("{servers: ['nats://a'], password: s3cret, token: a}", "`nats.password` and `nats.token` exclude each other"),
        (
            "{servers: ['nats://a'], nkey_seed_file: b, credentials_file: c}",
            "`nats.nkey_seed_file` and `nats.credentials_file` exclude each other: a relay proves itself in one way",
        ),
        ("{servers: ['nats://a'], user: '', password: s3cret}", "`nats.user`: expected a name of 1 to 255 bytes"),
        (
            "{servers: ['nats://a'], user: b, password: ''}",
            "`nats.password`: expected 1 to 2048 bytes on one line, found 0",
        ),
        (
            "{servers: ['nats://a'], token: \"s3cret\\n\"}",
            "found 7 bytes with an end of line or another control character",
        ),
        ("{servers: ['nats://a'], token: [s3cret]}", "`nats.token`: expected text (a number in quotes), found a list"),
        (
            "{servers: ['nats://a'], token: {s3cret: s3cret}}",
            "`nats.token`: expected text (a number in quotes), found a map",
        ),
        ("{servers: ['nats://a'], token: 12345}", "found a number, which is not shown"),
        ("{servers: ['nats://a'], token: }", "`nats.token`: expected text (a number in quotes), found nothing"),
        (
            "{servers: ['nats://a'], token: '${s3cret}'}",
            "`nats.token`: `${…}` is replaced by nothing here: write `!env NAME`",
        ),
        ("{servers: ['nats://a'], token: '!env s3cret'}", "`nats.token`: a text in quotes that begins with `!env `"),
        ("{servers: ['nats://a'], nkey_seed_file: !env A}", "`nats.nkey_seed_file`: `!env` stands for an option"),
        (
            "{servers: ['nats://a'], user: !file a, password: b}",
            "`nats.user`: `!file` stands for an option of the auth",
        ),
        ("{servers: ['nats://a'], nkey_seed_file: 5}", "`nats.nkey_seed_file`: expected a path, found `5`"),
        (
            "{servers: ['nats://a'], tls: }",
            "`nats.tls`: expected indented lines of the form `key: value`, found nothing",
        ),
        ("{servers: ['nats://a'], tls: {key: a}}", "`nats.tls.key` without `nats.tls.certificate`: expected both"),
        ("{servers: ['nats://a'], tls: {certificate: a}}", "`nats.tls.certificate` without `nats.tls.key`"),
        (
            "{servers: ['nats://a'], tls: {cert: a}}",
            "key 1 below `nats.tls` is unknown (not shown: it may be a password): did",
        ),
        (
            "{server: ['nats://a']}",
            "key 1 below `nats` is unknown (not shown: it may be a password): did you mean `servers`?",
        ),
        ("{servers: ['nats://a'], s3cret: a}", "the keys there are servers, user, password, token"),
    ] {
        let error = format!("{:#}", load(&settings(nats)).expect_err(nats));
        assert!(error.contains(expected), "{nats:?} gave: {error}");
        assert!(!error.contains("s3cret"), "{nats:?} gave away a secret: {error}");
    }
}

#[test]
fn what_would_have_no_effect_is_an_error() {
    let nats = "nats: {servers: ['nats://a']}";
    for (text, expected) in [
        (nats.to_owned(), "`nats` has no effect without `backplane: nats`: write that as well, or remove `nats`"),
        (format!("backplane: mesh\n{nats}"), "`nats` has no effect without `backplane: nats`"),
        (
            "backplane: nats".to_owned(),
            "`backplane: nats` needs `nats` with the servers, such as `nats: {servers: [\"nats://",
        ),
        ("backplane: redis".to_owned(), "`backplane`: expected mesh (relays connect to each other) or nats"),
        ("bakplane: nats".to_owned(), "did you mean `backplane`?"),
        (
            format!("backplane: nats\n{nats}\nrelays: [a]"),
            "`relays` and `backplane: nats` exclude each other: relays find each other through the NATS servers",
        ),
        (
            format!("backplane: nats\n{nats}\nnetwork_port: 1"),
            "`network_port` and `backplane: nats` exclude each other",
        ),
        (format!("backplane: nats\n{nats}\nnetwork_address: '::'"), "`network_address` and `backplane: nats` exclude"),
        (
            format!("backplane: nats\n{nats}\nnetwork_key_file: k\nnetwork_encryption: required"),
            "`network_encryption` and `backplane: nats` exclude each other: `tls://` in `nats.servers` and `nats.tls` say",
        ),
        (
            format!("backplane: nats\n{nats}\nnetwork_tls: {{certificate: a, key: b, ca: c}}"),
            "`network_tls` and `backplane: nats` exclude each other",
        ),
    ] {
        let error = format!("{:#}", load(&format!("authenticator: A\n{text}")).expect_err(&text));
        assert!(error.contains(expected), "{text:?} gave: {error}");
    }
    let kept = "relays:\nname: r\nnetwork_name: lab\nnetwork_key_file: k\nready_needs_relays: 1";
    let config = loaded(&format!("authenticator: A\nbackplane: nats\n{nats}\n{kept}"));
    assert_eq!((config.network_name.as_str(), config.ready_needs_relays), ("lab", 1));
    assert!(config.network_key_file.is_some() && config.has_network());
}

#[test]
fn secrets_come_from_outside_and_names_from_variables() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), "s3cret\n").unwrap();
    let file = folder.path().join("settings.yaml");
    let write = |nats: &str| fs::write(&file, settings(nats)).unwrap();
    write("{servers: [!env PUSU_NO_SUCH], user: a, password: !file password}");
    let error = format!("{:#}", Config::load(Some(&file), &Overrides::default()).unwrap_err());
    assert!(error.contains("`nats.servers`: `!env PUSU_NO_SUCH`: there is no such variable"), "{error}");
    write("{servers: ['nats://127.0.0.1'], user: !env CARGO_PKG_NAME, password: !file password}");
    let config = Config::load(Some(&file), &Overrides::default()).unwrap().0;
    let password = Secret::new("s3cret".to_owned());
    let credentials = NatsCredentials::Password { user: "pusud".to_owned(), password };
    assert_eq!(config.backplane.nats().unwrap().credentials, credentials);
    assert_eq!(config.outside.files().iter().map(TextFile::place).collect::<Vec<_>>(), ["nats.password"]);
    assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
    // Who has to find the relay and not to be one needs none of it.
    write("{servers: [!env PUSU_NO_SUCH], token: !file missing}");
    let found = Config::load_without_options(Some(&file)).unwrap();
    assert_eq!((found.backplane, found.outside.files().len()), (Backplane::Mesh, 0));
}

#[test]
fn what_others_may_read_is_warned_about() {
    for (nats, expected) in [
        ("{servers: ['nats://127.0.0.1', 'nats://[::1]', 'nats://localhost:7']}", None),
        ("{servers: ['nats://127.0.0.1', 'tls://a'], token: x}", None),
        ("{servers: ['nats://a'], token: x, tls: {}}", None),
        ("{servers: ['nats://a'], nkey_seed_file: x}", None),
        ("{servers: ['nats://a'], credentials_file: x}", None),
        ("{servers: ['tls://a'], tls: {certificate: a, key: b}}", None),
        (
            "{servers: ['tls://a', 'nats://b'], token: x}",
            Some(
                "`nats.token` goes to nats://b:4222 without encryption, as all messages do: write `tls://` for `nats://`",
            ),
        ),
        ("{servers: ['nats://b'], user: a, password: x}", Some("`nats.password` goes to nats://b:4222 without")),
        (
            "{servers: ['nats://127.0.0.1', 'tls://a'], tls: {ca: x}}",
            Some(
                "`nats` has neither `user`, `token`, `nkey_seed_file` nor `credentials_file`: whoever reaches tls://a:4222",
            ),
        ),
    ] {
        let warnings = load(&settings(nats)).unwrap().1;
        assert_eq!(warnings.len(), usize::from(expected.is_some()), "{nats:?} gave {warnings:?}");
        assert!(expected.is_none_or(|expected| warnings[0].contains(expected)), "{nats:?} gave {warnings:?}");
    }
}

#[test]
fn a_change_needs_a_restart() {
    let mesh = loaded("authenticator: A\nbackplane: mesh");
    let of = |nats: &str| loaded(&settings(nats));
    let one = of("{servers: ['nats://a'], token: x}");
    assert_eq!(loaded("authenticator: A").restart_keys(&mesh), [""; 0]);
    assert_eq!(mesh.restart_keys(&one), ["backplane", "nats"]);
    assert_eq!(one.restart_keys(&of("{servers: ['nats://a'], token: x}")), [""; 0]);
    assert_eq!(one.restart_keys(&of("{servers: ['nats://a'], token: y}")), ["nats"]);
    assert_eq!(one.restart_keys(&of("{servers: ['nats://a', 'nats://b'], token: x}")), ["nats"]);
    let warning = one.restart_warning(&mesh).unwrap();
    assert_eq!(warning, "changed in the settings, but needs a restart: backplane, nats");
}
