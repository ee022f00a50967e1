//! Network namespaces: relays and clients in one see its addresses and nothing of the machine's network.
//!
//! A namespace is held by a process that reads from a pipe of this one. So it is gone when the test is, however that
//! ends, and since it has no name, tests cannot take each other's.

use super::run_with_input;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

/// What operators are told to do: no outgoing connection may take the port of a relay that starts. Where the system does not let
/// us, it seldom happens.
const RESERVE: &str = "echo 55000-55029 2>/dev/null >/proc/sys/net/ipv4/ip_local_reserved_ports";

/// A network namespace; clones are the same one.
#[derive(Clone)]
pub(crate) struct Namespace(Arc<Holder>);

struct Holder(Child);

impl Namespace {
    /// Makes one, with nothing in it.
    ///
    /// # Errors
    /// Why the system does not let us.
    pub(crate) fn new() -> Result<Self, String> {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", &format!("{RESERVE}; echo ready && exec cat")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut said = String::new();
        let stdout = holder.stdout.take().expect("it is a pipe");
        let is_ready = BufReader::new(stdout).read_line(&mut said).is_ok_and(|_| said == "ready\n");
        let made = Self(Arc::new(Holder(holder)));
        if is_ready { Ok(made) } else { Err("this user may not make network namespaces".to_owned()) }
    }

    /// The process that holds it.
    pub(crate) fn pid(&self) -> u32 {
        self.0.0.id()
    }

    fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.pid())
    }

    /// The beginning of a command whose rest is run inside.
    pub(crate) fn runner(&self) -> [OsString; 3] {
        ["nsenter".into(), format!("--net={}", self.path()).into(), "--".into()]
    }

    /// Runs a command inside to its end, with something on its standard input.
    ///
    /// # Errors
    /// What it said when it failed.
    pub(crate) fn run(&self, words: &[&str], input: &str) -> Result<String, String> {
        let [program, arguments @ ..] = self.runner();
        let finished = run_with_input(Command::new(program).args(arguments).args(words), input);
        if finished.status.success() {
            return Ok(finished.stdout);
        }
        Err(format!("{}: {} {}", words.join(" "), finished.status, finished.stderr))
    }

    /// Does something inside: sockets that are made meanwhile stay there.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let done = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                enter(&self.path());
                work()
            });
            thread.join()
        });
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes the calling thread into a namespace.
#[cfg(target_os = "linux")]
fn enter(path: &str) {
    use rustix::fd::AsFd as _;
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    let namespace = std::fs::File::open(path).unwrap();
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

/// Elsewhere [`Namespace::new`] has failed.
#[cfg(not(target_os = "linux"))]
fn enter(_: &str) {
    unreachable!("only Linux has network namespaces");
}
