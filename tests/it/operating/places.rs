//! The place of the control socket where nobody has named one, and where there is no folder for such things.

use crate::harness::{Daemon, Finished, PluginsDir, ReservedPort, Setup, not_run, pusud, run, scripted_plugin};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A user that nobody has, with a number of the test's own: several tests may run at a time.
fn some_user() -> u32 {
    3_000_000 + std::process::id()
}

/// A command that becomes what is appended to it, as `user`, where /run is empty and cannot be written.
fn without_run(user: u32) -> Vec<OsString> {
    let script = format!(
        "mount -t tmpfs -o ro none /run && exec env -u XDG_RUNTIME_DIR -u RUNTIME_DIRECTORY setpriv --reuid {user} --regid \
         {user} --clear-groups \"$0\" \"$@\""
    );
    ["unshare", "--mount", "sh", "-c", &script].map(OsString::from).into()
}

/// Whether this user may do all that; an error: what is missing.
fn may() -> Result<(), String> {
    let runner = without_run(some_user());
    let probe = run(Command::new(&runner[0]).args(&runner[1..]).arg("true"));
    if probe.status.success() { Ok(()) } else { Err(probe.stderr) }
}

/// A relay that `user` runs, and the settings with its port.
fn relay_of(user: u32, port: u16, public: &Path) -> (Daemon, PathBuf) {
    let plugins = PluginsDir::with([scripted_plugin()]);
    fs::set_permissions(plugins.path(), Permissions::from_mode(0o755)).unwrap();
    let mut runner = without_run(user);
    // The settings lie in a folder that is this user's alone, and are read as another one.
    let script = runner.pop().unwrap().into_string().unwrap();
    let open = "for last; do :; done; chmod -R a+rX \"$(dirname \"$last\")\" && ";
    runner.push((open.to_owned() + &script).into());
    let daemon = Setup::on_shards(1)
        .authenticator("ScriptedAuthenticator", plugins)
        .port(port)
        .settings("# control_socket: where there is a place for it")
        .run_by(runner)
        .start();
    let settings = public.join("settings.yaml");
    fs::write(&settings, format!("authenticator: None\nclient_port: {port}\n")).unwrap();
    (daemon, settings)
}

/// A folder that every user may read.
fn public() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    dir
}

/// `pusud COMMAND` as `user`.
fn ask(user: u32, command: &str, settings: &Path) -> Finished {
    let [program, arguments @ ..] = &without_run(user)[..] else { unreachable!("it has words") };
    let asks = pusud(&[command, "--config"]);
    run(Command::new(program).args(arguments).arg(asks.get_program()).args(asks.get_args()).arg(settings))
}

fn folder_of(user: u32) -> PathBuf {
    format!("/tmp/pusud-{user}").into()
}

/// Serves, is found by both commands, and tidies up.
fn is_found(user: u32) {
    let (port, public) = (ReservedPort::new(), public());
    let (mut daemon, settings) = relay_of(user, port.port(), public.path());
    assert!(ask(user, "health", &settings).succeeds().contains("is healthy"));
    assert!(ask(user, "status", &settings).succeeds().contains(&daemon.address().to_string()));
    let mode = fs::metadata(folder_of(user)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "{mode:o}");
    daemon.terminate();
    daemon.wait();
    ask(user, "health", &settings).fails_saying(&["no relay is running with client port", "pusud-"]);
    // Another relay of the same user may be using it.
    let _ = fs::remove_dir(folder_of(user));
}

#[test]
fn root_without_a_run_directory_is_found() {
    match may() {
        Ok(()) => is_found(0),
        Err(missing) => not_run("the control socket of root without /run/pusud", missing),
    }
}

#[test]
fn so_is_another_user_and_nobody_elses_folder_is_believed() {
    let user = some_user();
    if let Err(missing) = may() {
        return not_run("the control socket of a user without a folder", missing);
    }
    is_found(user);
    // Another user has been there before.
    let (port, public) = (ReservedPort::new(), public());
    let theirs = folder_of(user);
    fs::create_dir(&theirs).unwrap();
    let socket = theirs.join(format!("pusud-{}.sock", port.port()));
    let listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(&theirs, Permissions::from_mode(0o755)).unwrap();
    chown(&theirs, Some(user + 1), None).unwrap();
    let (daemon, settings) = relay_of(user, port.port(), public.path());
    daemon.client().subscribe("it serves all the same");
    let why = format!("belongs to user {}, and not to this one ({user})", user + 1);
    let told = daemon.log().text();
    assert!(
        told.contains("no control socket") && told.contains(&why) && told.contains("`control_socket: PATH`"),
        "{told}"
    );
    for command in ["health", "status"] {
        ask(user, command, &settings).fails_saying(&["no relay is running with client port", &why]);
    }
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody has asked the other user's socket");
    fs::remove_dir_all(theirs).unwrap();
}
