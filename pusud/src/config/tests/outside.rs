//! Texts from outside of the settings file: where tags may stand, what they stand for, and what is wrong with them.

use crate::config::{Config, ControlSocket, Overrides, TextFile, load_options};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// Settings in a folder of their own, with some files beside them.
struct Settings {
    folder: TempDir,
    file: PathBuf,
}

impl Settings {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("one", &b"s3cret-one\n"[..]),
            ("two", b"s3cret-two\r\n"),
            ("empty", b"\n"),
            ("latin1", b"s3cret\xe9"),
            ("large", &[b's'; 70_000]),
        ] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        fs::create_dir(folder.path().join("folder")).unwrap();
        let file = folder.path().join("settings.yaml");
        fs::write(&file, text).unwrap();
        Self { folder, file }
    }

    fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(Some(&self.file), &Overrides::default())?.0)
    }
}

#[test]
fn tags_stand_for_texts() {
    let settings = Settings::new(
        "authenticator: A\nname: !env CARGO_PKG_NAME\nrelays: [!env CARGO_PKG_NAME]\npasswords:\n  !file one: ['*']\n  \
         ? !file 'two'\n  : [!env CARGO_PKG_NAME, !text \"${AS_IT_STANDS}\"]\n  !text ${b}: []\n  0x10: []\n\
         authenticator_options:\n  key: !file one\n  list: [{a: !file two}]\n  number: !env CARGO_PKG_VERSION_MAJOR\n",
    );
    let config = settings.load().unwrap();
    assert_eq!((config.name.as_str(), config.relays.len()), ("pusud", 1));
    assert_eq!(
        config.authenticator.original_options["passwords"],
        json!({"s3cret-one": ["*"], "s3cret-two": ["pusud", "${AS_IT_STANDS}"], "${b}": [], "0x10": []})
    );
    assert_eq!(
        Value::Object(config.authenticator.options.clone()),
        json!({"key": "s3cret-one", "list": [{"a": "s3cret-two"}], "number": env!("CARGO_PKG_VERSION_MAJOR")})
    );
    let files: Vec<_> = config.outside.files().iter().map(TextFile::path).collect();
    assert_eq!(files, [settings.folder.path().join("one"), settings.folder.path().join("two")]);
    assert_eq!(config.outside.variables(), ["CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR"]);
    assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
}

#[test]
fn options_are_taken_away_whole() {
    let settings =
        Settings::new("authenticator: A\npasswords: {!file one: ['*']}\nauthenticator_options: {a: [{b: !file two}]}");
    let mut authenticator = settings.load().unwrap().authenticator;
    assert_eq!((authenticator.options.len(), authenticator.original_options.len()), (1, 1));
    authenticator.wipe_options();
    assert!(authenticator.options.is_empty() && authenticator.original_options.is_empty());
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_the_way_out() {
    for (text, expected) in [
        (
            "passwords:\n  a: []\n  !file missing: []",
            "line 4: `passwords`: `!file` /missing: there is no such file: put",
        ),
        ("passwords:\n  !file folder: []", "line 3: `passwords`: `!file` /folder: is a folder"),
        ("passwords:\n  !file empty: []", "/empty: is empty: write the text into it"),
        ("passwords:\n  !file latin1: []", "/latin1: line 1 of it is no text in UTF-8"),
        ("passwords:\n  !file large: []", "/large: holds more than 65536 bytes"),
        ("passwords:\n  !file '': []", "line 3: `passwords`: `!file`: expected a path"),
        ("passwords:\n  !env '': []", "line 3: `passwords`: `!env`: expected the name of a variable"),
        ("passwords:\n  !env PUSU_NO_SUCH: []", "line 3: `passwords`: `!env PUSU_NO_SUCH`: there is no such variable"),
        (
            "authenticator_options:\n  key: !env PUSU_NO_SUCH",
            "line 3: `authenticator_options.key`: `!env PUSU_NO_SUCH`",
        ),
        ("authenticator_options:\n  key:\n  - a\n  - !file missing", "line 5: `authenticator_options.key`: `!file`"),
        ("authenticator_options:\n  key: !ENV s3cret", "line 3: `authenticator_options.key`: a YAML tag (`!name`)"),
        ("authenticator_options:\n  key: !vault s3cret", "`!file PATH` that of a file, `!credential NAME`"),
        ("authenticator_options:\n  key: !s3cret", "a text that begins with `!` is written in quotes"),
        ("authenticator_options:\n  key: ! s3cret", "a YAML tag (`!name`) that means nothing here"),
        ("passwords:\n  !s3cret a: []", "line 3: `passwords`: a YAML tag (`!name`)"),
        (
            "passwords:\n  !!env s3cret: []",
            "line 3: `passwords`: `!!env` is no tag: it is written `!env`, with one `!`",
        ),
        ("passwords: {!!file s3cret: ['*']}", "line 2: `passwords`: `!!file` is no tag"),
        (
            "passwords:\n- a!!b: !<x> s3cret\n",
            "line 3: `passwords`: a YAML tag (`!!name` or `!<name>`) that means nothing",
        ),
        (
            "passwords:\n  !<env> s3cret: []",
            "line 3: `passwords`: `!<env>` is no tag: it is written `!env`, without angle brackets",
        ),
        ("passwords:\n  !<tag:yaml.org,2002:env> s3cret: []", "line 3: `passwords`: `!<env>` is no tag"),
        (
            "authenticator_options:\n  key:\n  - !!str a\n  - !!credential s3cret",
            "line 5: `authenticator_options.key`: `!!credential` is no tag",
        ),
        (
            "authenticator_options: {key: !!map {a: !!text s3cret}}",
            "line 2: `authenticator_options.key`: `!!text` is no tag",
        ),
        ("passwords:\n  !!s3cret a: []", "with one `!`; a text that begins with `!` is written in quotes"),
        ("passwords: !!env {s3cret: []}", "line 2: `passwords`: `!!env` is no tag"),
        ("name: !!env s3cret", "line 2: `name`: `!!env` is no tag"),
        (
            "passwords:\n  \"!env s3cret\": []",
            "line 3: `passwords`: a text in quotes that begins with `!env `: write the tag without quotes, as in `!env …`",
        ),
        ("passwords:\n  '!file s3cret': []", "if the text itself is meant, write `!text \"!file …\"`"),
        ("passwords:\n- '!credential s3cret'", "line 3: `passwords`: a text in quotes that begins with `!credential `"),
        ("authenticator_options:\n  key: |\n    !text\ts3cret", "`authenticator_options.key`: a text in quotes"),
        ("name: '!env s3cret'", "line 2: `name`: a text in quotes that begins with `!env `"),
        (
            "authenticator_options:\n  key: !file [s3cret]",
            "line 3: `authenticator_options.key`: a tag stands before a mapping",
        ),
        ("authenticator_options:\n  key: !env {s3cret: a}", "a tag stands before a mapping or a list: it goes before"),
        ("passwords:\n  ? !env [s3cret]\n  : []", "`passwords`: a tag stands before a mapping or a list"),
        ("passwords: !vault {s3cret: []}", "`passwords`: a tag stands before a mapping"),
        (
            "authenticator_options:\n  !env s3cret: a",
            "line 3: `authenticator_options`: a tag before a key that is a name",
        ),
        ("authenticator_options: !file one", "`authenticator_options`: `!file` stands for an option"),
        ("!text name: a", "line 2: a tag before a key that is a name of the settings"),
        ("limits:\n  !text max_fragments: 1", "`limits`: a tag before a key"),
        ("network_key_file: !file one", "`network_key_file`: `!file` stands for an option of the authenticator or"),
        ("network_key_file: !file one", "keys with `file` in their names name a file without a tag"),
        ("network_key_file: !env s3cret", "for `nats.password` and `nats.token`, for names and addresses; here"),
        ("name: !file one", "line 2: `name`: `!file` stands for an option"),
        ("name: !env PUSU_NO_SUCH", "line 2: `name`: `!env PUSU_NO_SUCH`: there is no such variable"),
        (
            "authenticator_options:\n  key: ${s3cret}",
            "line 3: `authenticator_options.key`: `${…}` is replaced by nothing",
        ),
        (
            "authenticator_options:\n  key: a${s3cret}b",
            "write `!env NAME` in its place for a variable, or `!file PATH`",
        ),
        ("passwords:\n  ${s3cret}: []", "line 3: `passwords`: `${…}` is replaced by nothing here"),
        ("passwords:\n  ${A:-s3cret}: []", "line 3: `passwords`: `${…}` is replaced by nothing here"),
        (
            "authenticator_options:\n  key: ${A-s3cret}",
            "line 3: `authenticator_options.key`: `${…}` is replaced by nothing",
        ),
        ("passwords:\n  ${s3cret}: []", "`!text` goes before it, as in `!text \"…\"`"),
        ("name: relay-${HOST}", "line 2: `name`: `${…}` is replaced by nothing here: write `!env NAME`"),
        ("plugins_dir: ${HOME}/plugins", "`plugins_dir`: `${…}` is replaced by nothing here: write the value itself"),
        (
            "client_tls:\n  certificate: ${s3cret}",
            "line 3: `client_tls.certificate`: `${…}` is replaced by nothing here",
        ),
        ("s3cret: ['${s3cret}']", "line 2: `${…}` is replaced by nothing here: write the value itself"),
        (
            "passwords:\n  x: []\n  !file one: []\n  s3cret-one: []",
            "twice: key 2 (`!file one`) and key 3 of the mapping are the",
        ),
        (
            "passwords:\n  s3cret-one: []\n  !file one: []",
            "twice: key 1 and key 2 (`!file one`) of the mapping are the same text",
        ),
        (
            "passwords:\n  !file one: []\n  !file ./one: []",
            "twice: key 1 (`!file one`) and key 2 (`!file ./one`) of the mapping",
        ),
        (
            "passwords:\n  !file one: []\n  !text s3cret-one: []",
            "key 1 (`!file one`) and key 2 of the mapping are the same text",
        ),
        (
            "passwords:\n  !file one: []\n  !file ./one: []",
            "change one, or write a list of mappings with one key each, if the",
        ),
        ("passwords:\n  !file one: []\n  s3cret-one: []", "line 4: `passwords`: a key below it stands there twice"),
        ("passwords:\n  !file one: []\n  !file one: []", "line 4: `passwords`: a key below it stands there twice"),
    ] {
        let settings = Settings::new(&format!("authenticator: A\n{text}"));
        let error = format!("{:#}", settings.load().expect_err(text));
        let folder = settings.folder.path().display().to_string();
        let shown = error.replace(&folder, "").replace('\\', "/");
        assert!(shown.contains(expected), "{text:?} gave: {shown}");
        assert!(shown.contains("settings.yaml: "), "{text:?} gave a message without the file: {shown}");
        assert!(!shown.contains("s3cret"), "{text:?} gave away a secret: {shown}");
    }
}

#[test]
fn tags_of_yaml_itself_and_texts_that_look_like_tags_are_taken() {
    let longest = format!("!!{}", "x".repeat(1020));
    let settings = Settings::new(&format!(
        "%YAML 1.1\n---\n# !!env\nauthenticator: !!str A\npasswords:\n  !!str one: !!seq ['!!env a', !<!env> CARGO_PKG_NAME]\n  a!!b: \
         !<tag:yaml.org,2002:seq> [\"!<env> a\"]\n  !text \"!env a\": !!map {{!!int 007: !!int 7}}\n  '!envy a': []\n  \
         '{longest}': !!float 1\n"
    ));
    let passwords = settings.load().unwrap().authenticator.original_options.remove("passwords").unwrap();
    assert_eq!(
        passwords,
        json!({"one": ["!!env a", "pusud"], "a!!b": ["!<env> a"], "!env a": {"007": 7}, "!envy a": [], longest: 1.0})
    );
    for text in ["%TAG ! tag:x,", "# a\n\n%YAML 1.1\n%TAG !e! tag:yaml.org,2002:"] {
        let text = format!("{text}\n---\nauthenticator: A\npasswords: {{!env s3cret: []}}");
        let error = format!("{:#}", Settings::new(&text).load().unwrap_err());
        assert!(error.contains("`%TAG` gives tags other meanings") && !error.contains("s3cret"), "{error}");
    }
}

#[test]
fn who_needs_no_options_reads_none() {
    let text = "authenticator: A\nclient_port: 7\npasswords:\n  !file missing: []\n  !file missing: []\njwt_verification_key: \
                !env PUSU_NO_SUCH\nauthenticator_options: {a: !file missing, b: !vault [x]}";
    let settings = Settings::new(text);
    assert!(settings.load().is_err());
    let config = Config::load_without_options(Some(&settings.file)).unwrap();
    assert_eq!((config.client_port, config.outside.files().len()), (7, 0));
    // Nor the keys that a variable may stand for, which it may not have.
    let keys = "name: !env PUSU_NO_SUCH\nnetwork_name: !env PUSU_NO_SUCH\nclient_address: !env PUSU_NO_SUCH\nnetwork_address: \
                !env PUSU_NO_SUCH\nrelays: [!env PUSU_NO_SUCH]";
    let named = Settings::new(&format!("authenticator: A\nclient_port: 7\n{keys}\ncontrol_socket: /s"));
    assert!(named.load().is_err());
    let config = Config::load_without_options(Some(&named.file)).unwrap();
    assert_eq!((config.client_port, config.control_socket), (7, ControlSocket::At("/s".into())));
    let broken = Settings::new("authenticator: A\npasswords:\n  !file missing: []\nclient_prot: 7");
    let error = format!("{:#}", Config::load_without_options(Some(&broken.file)).unwrap_err());
    assert!(
        error.contains("key 3 at the top is unknown (not shown: it may be a password): did you mean `client_port`?"),
        "{error}"
    );
    assert!(!error.contains("client_prot`"), "{error}");
}

#[test]
fn a_file_with_options_alone_may_have_tags() {
    let settings = Settings::new("key: !file one\npasswords: {!file two: []}");
    let options = load_options(&settings.file).unwrap();
    assert_eq!(Value::Object(options), json!({"key": "s3cret-one", "passwords": {"s3cret-two": []}}));
    let error = format!("{:#}", load_options(&Settings::new("a: 1\nkey: !file missing").file).unwrap_err());
    assert!(error.contains("line 2: `key`: `!file`"), "{error}");
}

#[test]
#[cfg(unix)]
fn a_file_that_others_may_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let settings = Settings::new("authenticator: A\npasswords:\n  !file one: ['*']\n  !file two: ['*']");
    let mode = |name: &str, mode| {
        fs::set_permissions(settings.folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("one", 0o644);
    mode("two", 0o640);
    let (_, warnings) = Config::load(Some(&settings.file), &Overrides::default()).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("`passwords`: `!file` /"), "{warnings:?}");
    assert!(warnings[0].contains("/one is open to everybody (mode 0644): `chmod o= "), "{warnings:?}");
    mode("one", 0o600);
    let (_, warnings) = Config::load(Some(&settings.file), &Overrides::default()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn what_a_placeholder_stands_for_is_said_as_the_place_takes_it() {
    for (text, place, takes_text) in [
        ("authenticator: A\nclient_port: ${PORT}", "client_port", false),
        ("authenticator: A\nlimits: {max_fragments: '${A}'}", "limits.max_fragments", false),
        ("authenticator: A\nplugins_dir: ${HOME}", "plugins_dir", true),
        ("authenticator: [{id: A}, {id: B, options: {x: '${A}'}}]", "authenticator[1].options.x", true),
    ] {
        let error = format!("{:#}", Settings::new(text).load().unwrap_err());
        assert!(error.contains(&format!("`{place}`: `${{…}}` is replaced by nothing")), "{error}");
        assert_eq!(error.contains("`!text` goes before it"), takes_text, "{error}");
    }
    // What is advised is taken.
    let taken = Settings::new("authenticator: A\nnetwork_key_file: !text 'a${b}'").load().unwrap();
    assert!(taken.network_key_file.unwrap().ends_with("a${b}"));
}
