//! The relay as a service of systemd: what it tells the service manager, and the unit in `config/pusud.service`.

use crate::harness::{DEADLINE, Daemon, PluginsDir, Setup, bad_plugin, not_run, pusud, root, run};
use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A service manager that listens, and does nothing else.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { socket, folder }
    }

    /// Starts a relay as its service; `watchdog` is how often it wants to hear from it.
    fn start(&self, setup: Setup, watchdog: Option<Duration>) -> Daemon {
        let setup = setup.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        match watchdog {
            Some(period) => setup.env("WATCHDOG_USEC", period.as_micros().to_string()).start(),
            None => setup.start(),
        }
    }

    /// The next notification, if one comes within `wait`.
    fn next_within(&self, wait: Duration) -> Option<String> {
        let mut datagram = [0; 4096];
        self.socket.set_read_timeout(Some(wait)).unwrap();
        let length = self.socket.recv(&mut datagram).ok()?;
        Some(String::from_utf8(datagram[..length].to_vec()).unwrap())
    }

    /// The next notification with this line in it; others are passed over.
    fn wait_for(&self, line: &str) -> String {
        let began = Instant::now();
        while let Some(left) = DEADLINE.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            let Some(notification) = self.next_within(left) else { break };
            if notification.lines().any(|found| found == line) {
                return notification;
            }
        }
        panic!("waited in vain for {line}");
    }
}

#[test]
fn the_service_manager_is_told_of_start_reload_and_stop() {
    let manager = Manager::new();
    let mut daemon = manager.start(Setup::on_shards(1), None);
    let ready = manager.wait_for("READY=1");
    assert!(ready.contains(&format!("STATUS=serving clients on {}\n", daemon.address())), "{ready}");
    for settings in ["# nothing new\n", "nonsense: 1\n"] {
        daemon.edit_settings(|text| text + settings);
        daemon.reload();
        let reloading = manager.wait_for("RELOADING=1");
        assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
        manager.wait_for("READY=1");
    }
    daemon.terminate();
    let stopping = manager.wait_for("STOPPING=1");
    assert!(stopping.contains("EXTEND_TIMEOUT_USEC=10000000\n"), "{stopping}");
    assert_eq!(daemon.wait().code(), Some(0));
}

/// A plugin that is never done with making its instance does not leave the relay reloading for ever.
#[test]
fn a_reload_that_hangs_ends_for_the_service_manager_too() {
    for isolation in ["thread", "process"] {
        let (manager, plugins, other) = (Manager::new(), PluginsDir::empty(), PluginsDir::empty());
        bad_plugin(&plugins, &[]);
        let settings = format!("isolation: {isolation}\nauthenticator_create_timeout: 1s");
        let setup = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings);
        let daemon = manager.start(setup, None);
        manager.wait_for("READY=1");
        let library = bad_plugin(&other, &["-DCREATE_HANGS"]);
        daemon.plugins().replace(library.file_name().unwrap().to_str().unwrap(), &library);
        assert!(daemon.reload().contains("is not loaded and created within 1s"));
        manager.wait_for("RELOADING=1");
        manager.wait_for("READY=1");
    }
}

#[test]
fn the_watchdog_is_fed_as_long_as_the_relay_lives() {
    let manager = Manager::new();
    let mut daemon = manager.start(Setup::on_shards(3), Some(Duration::from_millis(400)));
    (0..5).for_each(|_| drop(manager.wait_for("WATCHDOG=1")));
    daemon.terminate();
    manager.wait_for("STOPPING=1");
    assert_eq!(daemon.wait().code(), Some(0));
}

/// A thread that a debugger has stopped hangs as well as one that never comes back.
#[cfg(target_os = "linux")]
#[test]
fn the_watchdog_is_not_fed_while_a_shard_hangs() {
    const PERIOD: Duration = Duration::from_secs(4);
    let manager = Manager::new();
    let mut daemon = manager.start(Setup::on_shards(3), Some(PERIOD));
    manager.wait_for("WATCHDOG=1");
    let hanging = match crate::harness::stop_thread(daemon.pid(), "pusu-shard-1") {
        Ok(hanging) => hanging,
        Err(reason) => return not_run("a watchdog over a shard that hangs", reason),
    };
    daemon.log().wait_for("the shard to be missed", |line| line.contains("shards do not answer").then_some(()));
    while let Some(notification) = manager.next_within(Duration::from_millis(1)) {
        assert!(notification.contains("WATCHDOG=1") || notification.contains("READY=1"), "{notification}");
    }
    assert_eq!(manager.next_within(PERIOD), None, "the service manager hears nothing for the whole period");
    let began = Instant::now();
    loop {
        let status = daemon.status();
        if status["hanging_shards"] == serde_json::json!([1]) {
            break;
        }
        // The others may not have had their turn, if the machine stood still.
        assert!(began.elapsed() < DEADLINE, "{status}");
    }
    drop(hanging);
    manager.wait_for("WATCHDOG=1");
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
}

/// The journal takes a line for `info` unless it is told otherwise. It is a pipe here, and systemd says so.
#[test]
fn the_journal_is_told_how_serious_a_line_is() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.yaml");
    let check = |text: &str, format: &str, is_journal: bool| {
        std::fs::write(&settings, text).unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let pipe = std::fs::File::from(OwnedFd::from(writer));
        let file = pipe.metadata().unwrap();
        let inode = if is_journal { file.ino() } else { file.ino() + 1 };
        let mut command = pusud(&["check", "--log-format", format, "--config"]);
        command.arg(&settings).env("JOURNAL_STREAM", format!("{}:{inode}", file.dev())).stdout(Stdio::null());
        let mut running = command.stderr(pipe).spawn().unwrap();
        // It holds this end of the pipe, which would never end.
        drop(command);
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        (running.wait().unwrap().success(), said)
    };
    let (warned, failed) = ("authenticator: None\n", "authenticator: None\nnonsense: 1\n");

    let (succeeded, said) = check(warned, "text", true);
    assert!(succeeded && said.starts_with("<4> WARN "), "{said}");
    let (succeeded, said) = check(warned, "json", true);
    assert!(succeeded && said.starts_with("<4>{\"timestamp\":"), "{said}");
    let (succeeded, said) = check(warned, "text", false);
    assert!(succeeded && said.starts_with("20"), "{said}");

    let (succeeded, said) = check(failed, "text", true);
    assert!(!succeeded && said.starts_with("<3>pusud: error: "), "{said}");
    assert!(said.lines().all(|line| line.starts_with("<3>pusud: ")), "{said}");
    let (succeeded, said) = check(failed, "json", true);
    assert!(!succeeded && said.starts_with("<3>{"), "{said}");
    let (succeeded, said) = check(failed, "text", false);
    assert!(!succeeded && said.starts_with("pusud: error: "), "{said}");
}

/// systemd's own judgement: 0 is the safest, 10 the most exposed.
#[test]
fn the_unit_is_hardened() {
    let unit = root().join("config/pusud.service");
    let analysed = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--no-pager", "--threshold=20"])
        .arg(&unit)
        .output();
    match analysed {
        Ok(output) => {
            let report = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
            assert!(report.contains("Overall exposure level"), "{report}");
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            not_run("systemd's judgement of the unit", "systemd-analyze is not here");
        }
        Err(error) => panic!("systemd-analyze: {error}"),
    }
}

/// The relay, its plugin and the process of its plugin do all their work under the unit's rules about memory and system
/// calls.
#[cfg(target_os = "linux")]
#[test]
fn plugins_load_and_clients_are_served_under_the_rules_of_the_unit() {
    let script = root().join("tests/fixtures/under_unit_rules.py");
    let runner = vec!["python3".into(), script.into(), root().join("config/pusud.service").into()];
    let trial = run(Command::new(&runner[0]).args(&runner[1..]).arg("/bin/true"));
    if trial.status.code() == Some(77) {
        return not_run("a relay under the rules of the unit", trial.stderr);
    }
    trial.succeeds();
    for isolation in ["thread", "process"] {
        let setup = Setup::on_shards(2).settings(&format!("isolation: {isolation}")).run_by(runner.clone());
        let mut daemon = setup.start();
        let mut listener = daemon.client();
        listener.subscribe("a");
        daemon.client().publish("a", serde_json::json!(1));
        listener.expect_publish("a", serde_json::json!(1));
        let outcome = daemon.reload();
        assert!(outcome.contains("has taken over"), "{outcome}");
        assert_eq!(daemon.status()["state"], "serving");
        daemon.terminate();
        listener.expect_closed(1001);
        assert_eq!(daemon.wait().code(), Some(0));
    }
}

/// What the unit names is what `make install` puts there, also below another prefix.
#[test]
fn make_install_fits_the_unit() {
    let unit = std::fs::read_to_string(root().join("config/pusud.service")).unwrap();
    assert!(unit.contains("ExecStart=/usr/local/bin/pusud run "), "{unit}");
    // What is to outlast a restart of the machine: without this the operators' tokens would be in /run.
    assert!(unit.contains("\nStateDirectory=pusud\nStateDirectoryMode=0700\n"), "{unit}");
    let plan = run(Command::new("make").arg("--directory").arg(root()).args([
        "--dry-run",
        "--no-print-directory",
        "install",
        "PREFIX=/opt/pusu",
        "DESTDIR=/tmp/image",
    ]))
    .succeeds();
    for part in [
        "target/release/pusud /tmp/image/opt/pusu/bin/",
        "s|/usr/local/|/opt/pusu/|",
        "/tmp/image/opt/pusu/lib/systemd/system/pusud.service",
        "config/pusud.socket /tmp/image/opt/pusu/lib/systemd/system/",
        "config/kubernetes/pusud.yaml /tmp/image/opt/pusu/share/doc/pusud/kubernetes/",
    ] {
        assert!(plan.contains(part), "{part} is not in\n{plan}");
    }
}
