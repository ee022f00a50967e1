//! Facts that a plugin is told when it asks: where its library and its folders are, and how long it may take.

#[cfg(target_os = "linux")]
use crate::harness::run;
use crate::harness::{Daemon, PluginsDir, Setup, bad_plugin, library_name};
use serde_json::json;
use std::path::Path;

/// A relay with the plugin in `plugins`, and these settings.
fn setup(isolation: &str, more: &str) -> Setup {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    let settings = format!("isolation: {isolation}\n{more}");
    Setup::on_shards(1).name("relay-7").authenticator("BadPlugin", plugins).settings(&settings)
}

/// The facts in the plugin's words.
fn facts(daemon: &Daemon) -> Vec<String> {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "facts"}));
    let said = client.expect_error("authorization_failed")["reason"].as_str().unwrap().to_owned();
    said.split('|').map(str::to_owned).collect()
}

/// What they have to be.
fn expected(daemon: &Daemon, isolation: &str, state_dir: &Path) -> Vec<String> {
    let shown = |path: &Path| path.to_str().unwrap().to_owned();
    let isolation = if isolation == "thread" { "1" } else { "2" };
    let library = daemon.plugins().path().join(library_name("bad_plugin"));
    let settings = std::fs::canonicalize(daemon.dir()).unwrap();
    let [create, destroy] = ["30000", "5000"].map(str::to_owned);
    vec![
        "104".to_owned(),
        isolation.to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
        "relay-7".to_owned(),
        shown(&settings),
        shown(state_dir),
        shown(&library),
        create,
        destroy,
    ]
}

/// In place of `/proc/self/fd/N`, which is all that `dladdr` knows.
fn a_plugin_is_told_where_its_files_are(isolation: &str) {
    let (named, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let setting = |folder: &Path| format!("plugin_data_dir: {folder:?}");
    let more = format!("{}\nlimits:\n  authorize_call_timeout: 1500ms", setting(named.path()));
    let daemon = setup(isolation, &more).start();
    assert_eq!(facts(&daemon), expected(&daemon, isolation, named.path()));
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "entry"}));
    // Alone, with the time of `authorize_call_timeout`.
    let alone = "24|0|1|0|1500";
    assert_eq!(client.expect_error("authorization_failed")["reason"], alone);
    // Another folder is another instance.
    daemon.edit_settings(|text| text.replace(&setting(named.path()), &setting(other.path())));
    assert!(daemon.reload().contains("has taken over"));
    assert_eq!(facts(&daemon), expected(&daemon, isolation, other.path()));
    // Where nobody has given one there is none, and where systemd has, that.
    let daemon = setup(isolation, "").start();
    assert_eq!(facts(&daemon), expected(&daemon, isolation, Path::new("")));
    let daemon = setup(isolation, "").env("STATE_DIRECTORY", named.path()).start();
    assert_eq!(facts(&daemon), expected(&daemon, isolation, named.path()));
}

#[test]
fn a_plugin_is_told_where_its_files_are_in_a_thread() {
    a_plugin_is_told_where_its_files_are("thread");
}

#[test]
#[cfg(unix)]
fn a_plugin_is_told_where_its_files_are_in_a_process() {
    a_plugin_is_told_where_its_files_are("process");
}

/// No folder is made behind the operator's back.
#[test]
fn a_data_folder_has_to_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let starting = setup("thread", &format!("plugin_data_dir: {missing:?}")).spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(1));
    for part in ["`plugin_data_dir`", missing.to_str().unwrap(), "make the folder"] {
        assert!(log.text().contains(part), "{part}:\n{}", log.text());
    }
    assert!(!missing.exists());
}

/// As the authors' guide says: a module that is not linked with its interpreter finds it when that has been made global.
#[test]
#[cfg(target_os = "linux")]
fn an_interpreter_is_embedded_as_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().to_str().unwrap();
    let build = |name: &str, text: &str| {
        let (source, library) = (format!("{shown}/{name}.c"), format!("{shown}/lib{name}.so"));
        std::fs::write(&source, text).unwrap();
        run(std::process::Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &source])).succeeds();
        library
    };
    build("interpreter", "int of_the_interpreter(void) { return 42; }\n");
    let module = build("module", "int of_the_interpreter(void); int run(void) { return of_the_interpreter(); }\n");
    for isolation in ["thread", "process"] {
        let plugins = PluginsDir::empty();
        let switches = [
            &format!("-DCREATE_EMBEDS={module:?}"),
            "-DINTERPRETER=\"libinterpreter.so\"",
            &format!("-L{shown}"),
            &format!("-Wl,--no-as-needed,-rpath,{shown}"),
            "-linterpreter",
        ];
        bad_plugin(&plugins, &switches);
        let settings = format!("isolation: {isolation}");
        let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start();
        let log = daemon.log().text();
        assert!(log.contains("local: no") && log.contains("global: yes"), "{isolation}:\n{log}");
    }
}
