//! Memory files, which plugins are loaded from, where the system wants to know whether code is run from them.

use crate::harness::{PluginsDir, Setup, bad_plugin, not_run, run};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// A command that becomes what is appended to it, in processes of their own with `vm.memfd_noexec` at `value`.
fn with_noexec(value: u32) -> Vec<OsString> {
    let script = format!("echo {value} > /proc/sys/vm/memfd_noexec && exec \"$0\" \"$@\"");
    ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script].map(OsString::from).into()
}

fn setup(settings: &str, value: u32) -> Setup {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(settings).run_by(with_noexec(value))
}

#[test]
fn plugins_load_where_memory_files_have_to_say_that_code_is_run_from_them() {
    let runner = with_noexec(1);
    let probe = run(Command::new(&runner[0]).args(&runner[1..]).arg("true"));
    if !probe.status.success() {
        return not_run("plugins under vm.memfd_noexec", probe.stderr);
    }
    for isolation in ["thread", "process"] {
        let daemon = setup(&format!("isolation: {isolation}"), 1).start();
        daemon.client_with("grant").subscribe("a.1");
        // With `process` the relay keeps the file for the next process. It says that code may be run from it; a file that
        // says nothing has lost these bits, and the kernel has warned.
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", daemon.pid())).unwrap();
        let relay = children.split_whitespace().next().expect("the relay is the child of unshare").to_owned();
        let files = fs::read_dir(format!("/proc/{relay}/fd")).unwrap().map(|file| file.unwrap().path());
        let is_image = |file: &std::path::PathBuf| {
            fs::read_link(file).is_ok_and(|target| target.to_string_lossy().contains("memfd:pusu-plugin"))
        };
        let modes: Vec<u32> =
            files.filter(is_image).map(|file| fs::metadata(file).unwrap().permissions().mode() & 0o111).collect();
        assert!(modes.iter().all(|mode| *mode == 0o111), "{modes:?}");
        assert_eq!(modes.is_empty(), isolation == "thread", "{modes:?}");
    }
    let starting = setup("", 2).spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(1), "{}", log.text());
    for part in ["vm.memfd_noexec is 2", "set it to 0 or 1", "$ORIGIN"] {
        assert!(log.text().contains(part), "{part} is not in:\n{}", log.text());
    }
}
