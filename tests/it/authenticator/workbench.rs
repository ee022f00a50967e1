//! The tools for plugin authors and operators: `plugins inspect`, `plugins test`, `authorize`.

use crate::harness::{
    Finished, PluginsDir, bad_plugin, example_c_plugin, library_name, password_plugin, patched_copy, pusud, run,
    run_kit, run_with_input, scripted_plugin,
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
    assert_eq!(seen["manifest"]["options"], json!(["passwords", "passwords_file", "allow_read_by_default"]));
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
fn inspect_shows_what_a_plugin_needs_and_that_it_takes_other_options() {
    let dir = PluginsDir::empty();
    let file = bad_plugin(&dir, &["-DOPTIONS=\"text,*\"", "-DNEEDS=\"pusu.grants/1,pusu.host/1\"", GRANTS]);
    let manifest = &inspected(&file)["manifest"];
    assert_eq!(manifest["options"], json!(["text"]));
    assert_eq!(manifest["takes_other_options"], true);
    assert_eq!(manifest["needs"], json!(["pusu.grants/1", "pusu.host/1"]));
    let text = run(pusud(&["plugins", "inspect"]).arg(&file)).succeeds();
    assert!(text.contains("text, *") && text.contains("pusu.grants/1, pusu.host/1"), "{text}");
    let listed = run(pusud(&["plugins", "list"]).arg(dir.path())).succeeds();
    assert!(listed.contains("text, *"), "{listed}");
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

fn tested(file: &Path, options: &str, more: &[&str]) -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("options.yaml");
    fs::write(&path, options).unwrap();
    run_kit(pusud(&["plugins", "test"]).arg(file).arg("--options").arg(path).args(more))
}

const GRANTS: &str = "-DFLAGS=PUSU_F_GRANTS";

/// The switch that makes the fixture bad, the check that it has to fail, and what is said of it.
const BAD: &[(&[&str], &str, &str)] = &[
    (&["-DNO_MANIFEST"], "file", "exports no `pusu_plugin_manifest`"),
    (&["-DBAD_MAGIC"], "file", "begins with"),
    (&["-DABI_MAJOR=2u"], "file", "plugin ABI 2.0"),
    (&["-DMANIFEST_SIZE=1024u"], "file", "from before ABI 1.0"),
    (&["-DFLAGS=(1u<<16)"], "file", "has flag bit 16, which this relay does not know"),
    (&["-DNEEDS=\"com.example.x/1\""], "file", "needs `com.example.x/1`, which this relay does not have"),
    (&["-DRESERVED=7"], "reserved", "byte 0 of `reserved` in the manifest is 0x07"),
    (&["-DEXTENSION_CRASHES"], "extensions", "in the middle of the check"),
    (&["-DEXTENSION_CHANGES"], "extensions", "gives another table for `pusu.grants/1` from call to call"),
    (&["-DEXTENSION_ALWAYS"], "extensions", "gives a table for ``, which nobody has defined"),
    (&["-DHEALTH_TABLE={8,0,NULL}"], "extensions", "its table `pusu.health/1` has the struct_size 8, expected is 16"),
    (&["-DHEALTH_TABLE={16,0,NULL}"], "extensions", "its table `pusu.health/1` has no function `health`: it is NULL"),
    (&["-DHEALTH_TABLE={16,7,NULL}"], "extensions", "its table `pusu.health/1` has 7 in `reserved`"),
    (&["-DHEARS"], "extensions", "offers `pusu.grants/1` without PUSU_F_GRANTS"),
    (&["-DCHECK_STATUS=PUSU_ERR"], "pusu.check", "refuses these options, which `create` takes: failed in `check`"),
    (
        &["-DCHECKS", "-DCREATE_WANTS_TEXT"],
        "pusu.check",
        "takes no options, of which `create` says that they are wrong",
    ),
    (&["-DCHECK_LEAVES=leave_file"], "pusu.check", "is left behind: \"/dev/null\""),
    (&["-DCHECK_LEAVES=leave_port"], "pusu.check", "is left behind: \"socket:"),
    (&["-DCHECK_LEAVES=leave_thread"], "pusu.check", "thread "),
    (&["-DMETRIC=\"asked\""], "pusu.metrics", "the metric `asked` is not taken: its name"),
    (&["-DHEARS_CRASHES", GRANTS], "pusu.grants", "in the middle of the check"),
    (&["-DHEARS_KEEPS", GRANTS], "pusu.grants", "memory has grown"),
    (&["-DHEALTH=2"], "pusu.health", "does not say why"),
    (&["-DHEALTH_HANGS"], "pusu.health", "`health` has not come back within 1s"),
    (&["-DRELOAD_SILENT"], "pusu.reload", "has not said why"),
    (&["-DRELOAD_FORGETS"], "pusu.reload", "before a reload that has failed, and is \"could not decide\" after it"),
    (&["-DRELOAD_LEAKS"], "pusu.reload", "100 open files are left behind after 100 times"),
    (&["-DRELOAD_CRASHES"], "pusu.reload", "in the middle of the check"),
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

/// The same for `--isolation process`, where the plugin takes another process along than that of the check.
const BAD_IN_A_PROCESS: &[(&[&str], &str, &str)] = &[
    (&["-DCREATE_ABORTS"], "create", "ended its process while it was loaded and created"),
    (&["-DCREATE_EXITS"], "create", "ended its process while it was loaded and created"),
    (&["-DALWAYS=\"leak-memory\""], "leaks", "memory has grown"),
    (&["-DALWAYS=\"abort\""], "authorization: empty", "its process has ended"),
    (&["-DALWAYS=\"panic\""], "concurrency", "its process has ended"),
    (&["-DALWAYS=\"wrong-size\""], "authorization: NUL", "struct_size is 8"),
    (&["-DALWAYS=\"twice\""], "concurrency", "answered again"),
    (&["-DHEARS_CRASHES", GRANTS], "pusu.grants", "its process has ended while it was told of a grant"),
    (&["-DHEALTH_HANGS"], "pusu.health", "`health` has not come back within 1s"),
    (&["-DRELOAD_FORGETS"], "pusu.reload", "before a reload that has failed, and is \"could not decide\" after it"),
    (&["-DRELOAD_LEAKS"], "pusu.reload", "open files are left behind"),
];

#[test]
fn each_bad_plugin_fails_for_its_own_reason() {
    each_fails(BAD, &[]);
}

#[test]
#[cfg(unix)]
fn each_bad_plugin_fails_in_a_process_of_its_own() {
    each_fails(BAD_IN_A_PROCESS, &["--isolation", "process"]);
}

fn each_fails(bad: &[(&[&str], &str, &str)], more: &[&str]) {
    // Most of the time goes into waiting for those that hang.
    std::thread::scope(|scope| {
        for part in bad.chunks(bad.len().div_ceil(4)) {
            scope.spawn(|| part.iter().for_each(|(switches, check, reason)| fails_for(switches, check, reason, more)));
        }
    });
}

fn fails_for(switches: &[&str], check: &str, reason: &str, more: &[&str]) {
    let dir = PluginsDir::empty();
    let file = bad_plugin(&dir, switches);
    let patience: &[&str] = match switches {
        // Every check waits for the deadline of its calls.
        ["-DALWAYS=\"hang\""] => &["--call-timeout", "100ms"],
        ["-DCREATE_HANGS" | "-DDESTROY_HANGS"] => &["--check-timeout", "3s"],
        _ => &[],
    };
    let options = if switches.contains(&"-DCREATE_WANTS_TEXT") { "text: good\n" } else { "" };
    let finished = tested(&file, options, &[patience, more].concat());
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
