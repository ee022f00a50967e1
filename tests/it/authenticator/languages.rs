//! Plugins of many languages, at the door and in the conformance kit, in both modes: those that are bundled, examples, and
//! one with an embedded Python.

use crate::harness::{
    Daemon, PluginsDir, Setup, certificate_plugin, example_c_plugin, example_cpp_plugin, http_plugin, jwt_plugin,
    library_name, my_plugin, not_run, password_plugin, pusud, root, run_kit, scripted_plugin,
};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

crate::in_both_isolations!(
    the_bundled_plugins_conform,
    the_examples_conform,
    a_plugin_with_an_embedded_python_conforms,
    a_script_in_python_decides,
);

fn conforms(file: &Path, options: &str, isolation: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (path, junit) = (dir.path().join("options.yaml"), dir.path().join("report.xml"));
    fs::write(&path, options).unwrap();
    let mut command = pusud(&["plugins", "test", "--isolation", isolation]);
    command.arg(file).arg("--options").arg(path).arg("--junit").arg(&junit);
    let text = run_kit(&mut command).succeeds();
    assert!(text.contains("all checks are passed") && text.contains("p99"), "{text}");
    let report = fs::read_to_string(junit).unwrap();
    assert!(report.contains("failures=\"0\" skipped=\"0\""), "{report}");
    assert_eq!(report.contains("--isolation process"), isolation == "process", "{report}");
    assert_eq!(report.matches("<testcase ").count(), text.matches("\nok ").count(), "{report}\n{text}");
}

fn all_conform(plugins: &[(PathBuf, &str)], isolation: &str) {
    // Two at a time: they are timed, and the machine may be small.
    for some in plugins.chunks(2) {
        std::thread::scope(|scope| {
            for (file, options) in some {
                scope.spawn(move || conforms(file, options, isolation));
            }
        });
    }
}

/// Options are such that somebody is let in.
fn the_bundled_plugins_conform(isolation: &str) {
    let plugins = [
        (password_plugin(), "passwords:\n  first: ['*']\n"),
        (
            jwt_plugin(),
            "jwt_signing_algorithms: [HS256]\njwt_verification_key: a secret that is long enough for HS256\n",
        ),
        (certificate_plugin(), "certificate_rules:\n  - {common_name: '*', read: ['x.{common_name}']}\n"),
        // Nobody listens there: it cannot tell, which is a good answer too.
        (http_plugin(), "http_url: http://127.0.0.1:9/authorize\n"),
    ];
    all_conform(&plugins, isolation);
}

/// That in C++ answers from a thread of its own, and keeps its exceptions to itself.
fn the_examples_conform(isolation: &str) {
    let plugins = [
        (my_plugin(), ""),
        (example_c_plugin(), "secrets: [one]\n"),
        (example_cpp_plugin(), ""),
        (scripted_plugin(), ""),
    ];
    all_conform(&plugins, isolation);
}

/// Compiles the fixture with an embedded Python; `None`: this machine has none to embed, and the reason is printed.
fn python_plugin(dir: &Path, switches: &[&str]) -> Option<PathBuf> {
    let configured = |what: &[&str]| {
        let told = Command::new("python3-config").args(what).output().ok().filter(|told| told.status.success());
        told.map(|told| String::from_utf8_lossy(&told.stdout).split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    let (Some(includes), Some(libraries)) = (configured(&["--includes"]), configured(&["--ldflags", "--embed"])) else {
        not_run("embedding Python", "there is no python3-config that tells how (Debian: apt-get install python3-dev)");
        return None;
    };
    let library = dir.join(library_name("python_plugin"));
    let mut compiler = Command::new("cc");
    compiler.args(["-std=gnu11", "-Wall", "-Wextra", "-fPIC", "-fvisibility=hidden", "-shared", "-pthread"]);
    compiler.arg("-DPYTHON=\"python3\"").args(switches).arg("-I").arg(root().join("pusu-plugin-api/include"));
    compiler.args(includes).arg(root().join("tests/fixtures/python_plugin.c")).arg("-o").arg(&library).args(libraries);
    let built = compiler.output().unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    if !built.status.success() && (said.contains("Python.h") || said.contains("-lpython")) {
        not_run("embedding Python", "its headers or library are missing (Debian: apt-get install python3-dev)");
        return None;
    }
    assert!(built.status.success() && !said.contains("warning"), "{said}");
    Some(library)
}

fn a_plugin_with_an_embedded_python_conforms(isolation: &str) {
    for switches in [&[][..], &["-DFORKS"]] {
        let dir = tempfile::tempdir().unwrap();
        let Some(library) = python_plugin(dir.path(), switches) else { return };
        conforms(&library, "word: sesame\n", isolation);
    }
}

fn a_script_in_python_decides(isolation: &str) {
    for switches in [&[][..], &["-DFORKS"]] {
        let plugins = PluginsDir::empty();
        if python_plugin(plugins.path(), switches).is_none() {
            return;
        }
        let settings = format!("isolation: {isolation}\nauthenticator_options:\n  word: sesame");
        let daemon: Daemon = Setup::on_shards(2).authenticator("PythonPlugin", plugins).settings(&settings).start();
        let expect = |authorization: &str, reason: &str| {
            let mut client = daemon.connect();
            client.send(json!({"type": "authorize", "authorization": authorization}));
            assert_eq!(client.next_json(), json!({"type": "authorization_failed", "reason": reason}));
        };
        for _ in 0..2 {
            let mut client = daemon.client_with("sesame");
            client.subscribe("python.a");
            client.publish("python.a", json!("hello"));
            client.expect_publish("python.a", json!("hello"));
            expect("open", "not the word");
            expect("raise", "unavailable");
            daemon.reload();
        }
    }
}
