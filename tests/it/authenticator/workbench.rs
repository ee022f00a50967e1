//! The tools for plugin authors and operators: `plugins inspect`, `plugins test`, `authorize`.

use crate::harness::{
    Finished, PluginsDir, bad_plugin, example_c_plugin, http_plugin, jwt_plugin, library_name, my_plugin,
    password_plugin, patched_copy, pusud, run, run_with_input, scripted_plugin,
};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn inspected(file: &Path) -> Value {
    serde_json::from_str(&run(pusud(&["plugins", "inspect", "--json"]).arg(file)).succeeds()).unwrap()
}

#[test]
fn inspect_shows_what_a_rust_plugin_says() {
    let seen = inspected(&password_plugin());
    assert_eq!(seen["manifest"]["id"], "PasswordAuthenticator");
    assert_eq!(seen["manifest"]["options"], json!(["passwords", "allow_read_by_default"]));
    assert_eq!(seen["manifest"]["abi"], "1.0");
    assert_eq!((&seen["layout_proof"], &seen["errors"]), (&json!(true), &json!([])));
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        let needs = seen["needs"].as_array().unwrap();
        assert!(needs.iter().any(|name| name.as_str().unwrap().starts_with("libc.so")), "{seen}");
        assert!(seen["glibc_floor"].as_str().unwrap().starts_with("2."), "{seen}");
    }
    let text = run(pusud(&["plugins", "inspect"]).arg(password_plugin())).succeeds();
    for part in ["PasswordAuthenticator", seen["sha256"].as_str().unwrap(), "layout proof  present", "options"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn inspect_agrees_with_the_systems_own_tools() {
    let plugin = example_c_plugin();
    let seen = inspected(&plugin);
    let hash = run(Command::new("sha256sum").arg(&plugin)).succeeds();
    assert!(hash.starts_with(seen["sha256"].as_str().unwrap()), "{hash}");
    let dynamic = run(Command::new("readelf").args(["-dW"]).arg(&plugin)).succeeds();
    let needed: Vec<&str> = dynamic.lines().filter(|line| line.contains("(NEEDED)")).collect();
    assert_eq!(needed.len(), seen["needs"].as_array().unwrap().len(), "{dynamic}");
    assert_eq!(seen["layout_proof"], false);
}

/// It would show that it ran by ending the command.
#[test]
fn inspect_runs_nothing_and_shows_what_does_not_serve() {
    let dir = PluginsDir::empty();
    let file = bad_plugin(&dir, &["-DLOAD_ABORTS"]);
    assert_eq!(inspected(&file)["manifest"]["id"], "BadPlugin");
    let foreign = dir.path().join(library_name("foreign"));
    patched_copy(&file, &foreign, |bytes, _| bytes[18] = 0xf3);
    if cfg!(target_os = "linux") {
        let finished = run(pusud(&["plugins", "inspect"]).arg(&foreign));
        assert!(finished.stdout.contains("Riscv64"), "{}", finished.stdout);
        finished.fails_saying(&["does not serve here", "build it for this machine"]);
    }
    let text = dir.path().join(library_name("text"));
    fs::write(&text, "no library").unwrap();
    let finished = run(pusud(&["plugins", "inspect"]).arg(&text));
    assert!(finished.stdout.contains("not a library"), "{}", finished.stdout);
    finished.fails_saying(&["not a whole shared library"]);
    run(&mut pusud(&["plugins", "inspect", "/nowhere.so"])).fails_saying(&["/nowhere.so cannot be looked at"]);
}

/// Options of the bundled plugins with which they let somebody in.
fn bundled() -> Vec<(PathBuf, &'static str)> {
    vec![
        (password_plugin(), "passwords:\n  first: ['*']\n"),
        (
            jwt_plugin(),
            "jwt_signing_algorithms: [HS256]\njwt_verification_key: a secret that is long enough for HS256\n",
        ),
        // Nobody listens there: it cannot tell, which is a good answer too.
        (http_plugin(), "http_url: http://127.0.0.1:9/authorize\n"),
        (my_plugin(), ""),
        (example_c_plugin(), "secrets: [one]\n"),
        (scripted_plugin(), ""),
    ]
}

fn tested(file: &Path, options: &str, more: &[&str]) -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("options.yaml");
    fs::write(&path, options).unwrap();
    run(pusud(&["plugins", "test"]).arg(file).arg("--options").arg(path).args(more))
}

#[test]
fn the_bundled_plugins_conform() {
    for (file, options) in bundled() {
        let dir = tempfile::tempdir().unwrap();
        let junit = dir.path().join("report.xml");
        let text = tested(&file, options, &["--junit", junit.to_str().unwrap()]).succeeds();
        assert!(text.contains("all checks are passed") && text.contains("p99"), "{text}");
        let report = fs::read_to_string(junit).unwrap();
        assert!(report.contains("failures=\"0\" skipped=\"0\""), "{report}");
        assert_eq!(report.matches("<testcase ").count(), text.matches("\nok ").count(), "{report}\n{text}");
    }
}

/// The switch that makes the fixture bad, the check that it has to fail, and what is said of it.
const BAD: &[(&[&str], &str, &str)] = &[
    (&["-DNO_MANIFEST"], "file", "exports no `pusu_plugin_manifest`"),
    (&["-DBAD_MAGIC"], "file", "begins with"),
    (&["-DABI_MAJOR=2u"], "file", "plugin ABI 2.0"),
    (&["-DMANIFEST_SIZE=1024u"], "file", "from before ABI 1.0"),
    (&["-DFLAGS=(1u<<16)"], "file", "has flag bit 16, which this relay does not know"),
    (&["-DNEEDS=\"com.example.x/1\""], "file", "needs `com.example.x/1`, which this relay does not have"),
    (&["-DRESERVED=7"], "reserved", "byte 0 of `reserved` in the manifest is 0x07"),
    (&["-DLOAD_ABORTS"], "layout", "in the middle of the check"),
    (&["-DNULL_TABLE"], "layout", "gives no table"),
    (&["-DNULL_AUTHORIZE"], "layout", "is NULL"),
    (&["-DMANIFEST_CHANGES"], "layout", "another manifest in memory"),
    (&["-DCREATE_STATUS=PUSU_ERR"], "create", "is not good"),
    (&["-DCREATE_NOTHING"], "create", "gives none"),
    (&["-DCREATE_ABORTS"], "create", "in the middle of the check"),
    (&["-DCREATE_HANGS"], "create", "did not end within"),
    (&["-DDESTROY_HANGS"], "create", "did not end within"),
    (&["-DDESTROY_LEAKS"], "lifetime", "open files are left behind"),
    (&["-DALWAYS=\"abort\""], "authorization: empty", "in the middle of the check"),
    (&["-DALWAYS=\"crash\""], "authorization: NUL", "in the middle of the check"),
    (&["-DALWAYS=\"exit-at-once\""], "concurrency", "in the middle of the check"),
    (&["-DALWAYS=\"exit\""], "concurrency", "the plugin BadPlugin has called `exit` (thread: "),
    (&["-DALWAYS=\"exit-from-thread\""], "authorization: empty", "has called `exit` (thread: one of its own)"),
    (&["-DCREATE_EXITS"], "create", "the plugin BadPlugin has called `exit` (thread: main)"),
    (&["-DALWAYS=\"chdir\""], "process", "and is \"/\" now"),
    (&["-DALWAYS=\"umask\""], "process", "the umask was "),
    (&["-DALWAYS=\"setenv\""], "process", "the environment variable BAD_PLUGIN is left behind: \"was here\""),
    (&["-DALWAYS=\"locale\""], "process", "the locale was \"C\" and is "),
    (&["-DALWAYS=\"signal\""], "process", "SIGUSR2\" now"),
    (&["-DALWAYS=\"signal\""], "process", "the set of ignored signals was "),
    (&["-DALWAYS=\"mask\""], "process", "threads that call it block other signals now"),
    (&["-DCREATE_BLOCKS_SIGNALS"], "process", "the set of blocked signals was "),
    (&["-DALWAYS=\"limit\""], "process", "the limit \"Max core file size\" was "),
    (&["-DALWAYS=\"leak-file\""], "process", "is left behind: \"/dev/null\""),
    (&["-DALWAYS=\"hang\""], "authorization: 64 KiB", "not answered in time"),
    (&["-DALWAYS=\"silent\""], "authorization: not UTF-8", "has not called `complete`"),
    (&["-DALWAYS=\"pending\""], "concurrency", "64 calls were failed"),
    (&["-DALWAYS=\"garbage-decision\""], "latency", "has decided 77, which this relay does not know"),
    (&["-DALWAYS=\"critical-access\""], "authorization: empty", "has set access bit 18"),
    (&["-DALWAYS=\"critical-attribute\""], "authorization: NUL", "has the critical attribute `!limit.publish`"),
    (&["-DALWAYS=\"attribute-twice\""], "authorization: empty", "the attribute `claim.role` is there twice"),
    (&["-DALWAYS=\"too-long-pattern\""], "authorization: empty", "pattern has 256 bytes"),
    (&["-DALWAYS=\"ttl 1h\""], "authorization: empty", "no number of milliseconds"),
    (&["-DALWAYS=\"not-utf8-pattern\""], "authorization: empty", "pattern is not UTF-8"),
    (&["-DALWAYS=\"too-many-permissions\""], "authorization: empty", "permissions_len is 1025"),
    (&["-DALWAYS=\"too-long-reason\""], "authorization: empty", "has 65537 bytes"),
    (&["-DALWAYS=\"null-verdict\""], "authorization: empty", "malformed verdict: it is NULL"),
    (&["-DALWAYS=\"wrong-size\""], "authorization: empty", "struct_size is 8"),
    (&["-DALWAYS=\"twice\""], "concurrency", "answered again"),
    (&["-DALWAYS=\"panic\""], "late completion", "it has panicked"),
    (&["-DALWAYS=\"leak-memory\""], "leaks", "memory has grown"),
    (&["-DALWAYS=\"leak-file\""], "leaks", "open files are left behind"),
];

#[test]
fn each_bad_plugin_fails_for_its_own_reason() {
    // Most of the time goes into waiting for those that hang.
    std::thread::scope(|scope| {
        for part in BAD.chunks(BAD.len().div_ceil(4)) {
            scope.spawn(|| part.iter().for_each(|(switches, check, reason)| fails_for(switches, check, reason)));
        }
    });
}

fn fails_for(switches: &[&str], check: &str, reason: &str) {
    let dir = PluginsDir::empty();
    let file = bad_plugin(&dir, switches);
    let patience: &[&str] = match switches {
        // Every check waits for the deadline of its calls.
        ["-DALWAYS=\"hang\""] => &["--call-timeout", "100ms"],
        ["-DCREATE_HANGS" | "-DDESTROY_HANGS"] => &["--check-timeout", "3s"],
        _ => &[],
    };
    let finished = tested(&file, "", patience);
    let text = finished.stdout.clone();
    finished.fails_saying(&[check, "has failed"]);
    let failure = text.split_once(&format!("FAILED  {check} ")).unwrap_or_else(|| panic!("no {check} in\n{text}")).1;
    let failure = failure.split_once("expected: ").unwrap().0;
    assert!(failure.contains(reason), "{switches:?}: {check} does not say {reason:?} but\n{failure}\nof\n{text}");
}

#[test]
fn options_that_are_none_of_the_plugins_are_named() {
    let text = tested(&password_plugin(), "pasword: secret\n", &[]);
    assert!(text.stdout.contains("did you mean `passwords`?") && !text.stdout.contains("secret"), "{}", text.stdout);
    text.fails_saying(&["file"]);
}

/// A folder with settings for the scripted fixture.
fn settings(plugins: &PluginsDir) -> PathBuf {
    let file = plugins.path().join("settings.yaml");
    let text = format!("authenticator: ScriptedAuthenticator\nplugins_dir: {:?}\n", plugins.path());
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn authorize_explains_a_decision() {
    let plugins = PluginsDir::with([scripted_plugin()]);
    let config = settings(&plugins);
    let authorize = |more: &[&str]| {
        let mut command = pusud(&["authorize", "--log-level", "warn", "--config"]);
        command.arg(&config).args(more);
        command
    };
    let script = ["--authorization", "read=news.* both=*.1"];
    let text = run(authorize(&script).args(["--channel", "news.1", "--channel", "other"])).succeeds();
    for part in
        ["ScriptedAuthenticator 1.0.0", "granted", "never", "took", "yes, by `news.*`", "yes, by `*.1`", "no: no"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let value: Value = serde_json::from_str(
        &run(authorize(&["--json", "--channel", "x.1"]).env("PUSU_AUTHORIZATION", "write=*.1")).succeeds(),
    )
    .unwrap();
    assert_eq!(value["decision"], "granted");
    assert_eq!(value["channels"], json!([{"channel": "x.1", "read_by": null, "write_by": "*.1"}]));
    let file = plugins.path().join("authorization");
    fs::write(&file, "refuse=because\n").unwrap();
    let refused = run(authorize(&["--authorization-file"]).arg(&file));
    assert!(refused.stdout.contains("because"), "{}", refused.stdout);
    refused.fails_saying(&["the authorization is refused"]);
    let undecided = run_with_input(&mut authorize(&["--authorization-file", "-"]), "unavailable");
    undecided.fails_saying(&["could not decide"]);
    run(&mut authorize(&[])).fails_saying(&["--authorization-file", "PUSU_AUTHORIZATION", "other users"]);
}
