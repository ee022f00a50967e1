//! The other end: what runs in the process of a plugin. Loads the library, makes the instance, and does calls for the
//! daemon, each on a thread of its own.
//!
//! It decides nothing: how many calls there are, how long they may take and what an answer means is the daemon's to say.
//! **Invariant:** the process ends when the daemon closes the socket, whatever the plugin does.

use super::asking::Ask;
use super::confinement::{confine, limit_memory};
use super::message::{Start, TO_GUEST_BYTES_MAX, ToDaemon, ToGuest, read};
use super::process;
use crate::authenticator::answer::{Answer, Fault};
use crate::authenticator::callbacks::{self, Callbacks, LastError, Number};
use crate::authenticator::decider::{Decider, Gone, Offers};
use crate::authenticator::exit::forbid_exit;
use crate::authenticator::facts::Facts;
use crate::authenticator::grants::{GrantOrders, Order};
use crate::authenticator::library::{Instance, Plugin};
use crate::authenticator::log_line::LogLine;
use crate::authenticator::manifest::Manifest;
use crate::authenticator::metrics::InstanceMetrics;
use crate::authenticator::verdict::Request;
use anyhow::{Context, Result, bail};
use pusu_plugin_abi as abi;
use rustix::fd::{AsRawFd, OwnedFd};
use std::collections::{HashSet, VecDeque};
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Most threads. The daemon never has so many calls here at once.
const THREADS_MAX: usize = 64;
/// As in the daemon: the stack of a thread that runs plugin code, in bytes.
const STACK_BYTES: usize = 4 * 1024 * 1024;
/// How often the daemon hears what the plugin has counted.
const METRICS_EVERY: Duration = Duration::from_secs(1);
/// How long destroying the instance may take once the daemon has said goodbye.
const STOP_WAIT: Duration = super::TIMES[1];

/// Is the process of a plugin, until the daemon ends it. Standard input is a socket from the daemon.
///
/// # Errors
/// This process was not started by the daemon, or the daemon sends a malformed message.
pub fn serve() -> Result<()> {
    let (mut stream, image) = process::take_socket()?;
    confine()?;
    let Some(ToGuest::Start(start)) = receive(&mut stream)? else {
        bail!("expected the start message of the daemon, found another or none")
    };
    if let Some(bytes) = start.memory_bytes_max {
        limit_memory(bytes)?;
    }
    let daemon = callbacks::numbered(|number| DaemonLink {
        plugin: start.plugin.clone(),
        facts: start.facts.clone(),
        number,
        stream: Mutex::new(stream.try_clone().ok()),
        open: Mutex::default(),
        error: LastError::default(),
        metrics: InstanceMetrics::default(),
        log_level: start.log_level,
        has_grants: start.has_grants,
        can_recheck: start.can_recheck,
    });
    // Its status says enough.
    forbid_exit(|_| {});
    let calls = match load(&start, image, &daemon) {
        Ok(instance) => Arc::new(Calls::new(instance, Arc::clone(&daemon))),
        Err(error) => {
            daemon.send(&ToDaemon::Failed(format!("{error:#}")));
            return Ok(());
        }
    };
    drop(start);
    // Before it takes the place of another, so that counters go on where they were.
    daemon.hand_on_metrics();
    daemon.send(&ToDaemon::Ready(calls.offers()));
    hand_on_metrics_always(&daemon)?;
    while let Some(message) = receive(&mut stream)? {
        match message {
            ToGuest::Call { ticket, left, request } => {
                daemon.open().insert(ticket);
                calls.push(Job::Call { ticket, left, request })?;
            }
            ToGuest::Cancel(ticket) => {
                daemon.open().remove(&ticket);
                calls.push(Job::Cancel(ticket))?;
            }
            ToGuest::Ask(number, ask) => calls.push(Job::Ask(number, ask))?,
            ToGuest::Start(_) => bail!("a second start message from the daemon"),
        }
    }
    calls.stop();
    // No destructor of the plugin's has a say in whether this process ends.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    Ok(())
}

/// From here on what is counted is handed on every second.
fn hand_on_metrics_always(daemon: &Arc<DaemonLink>) -> Result<()> {
    let daemon = Arc::downgrade(daemon);
    let hand_on = move || {
        while let Some(daemon) = daemon.upgrade() {
            daemon.hand_on_metrics();
            drop(daemon);
            thread::sleep(METRICS_EVERY);
        }
    };
    thread::Builder::new().name("pusu-metrics".into()).spawn(hand_on)?;
    Ok(())
}

fn receive(stream: &mut UnixStream) -> Result<Option<ToGuest>> {
    let Some(frame) = read(stream, TO_GUEST_BYTES_MAX).context("cannot read from the daemon")? else { return Ok(None) };
    ToGuest::parse(&frame).map(Some).context("malformed message from the daemon")
}

fn load(start: &Start, image: Option<OwnedFd>, daemon: &Arc<DaemonLink>) -> Result<Instance> {
    let manifest = Manifest::check(&start.manifest)?;
    let path = match &image {
        Some(memory) => PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd())),
        None => PathBuf::from(OsStr::from_bytes(&start.path)),
    };
    let callbacks: Arc<dyn Callbacks> = daemon.clone();
    Plugin::load(&path, &manifest)?.create(callbacks, &start.options)
}

/// Speaks to the daemon for the plugin: what it calls goes through the socket.
struct DaemonLink {
    plugin: String,
    facts: Facts,
    number: Number,
    /// `None`: it could not be doubled; then nothing is said, and the daemon takes this process for one that hangs.
    stream: Mutex<Option<UnixStream>>,
    /// Tickets that have no answer yet, as far as is known here.
    open: Mutex<HashSet<u64>>,
    error: LastError,
    metrics: InstanceMetrics,
    /// The most verbose level that the daemon writes.
    log_level: i32,
    has_grants: bool,
    can_recheck: bool,
}

impl DaemonLink {
    fn send(&self, what: &ToDaemon) {
        let frame = what.frame();
        if let Some(stream) = &mut *self.stream.lock().unwrap_or_else(PoisonError::into_inner) {
            // Where nobody listens any more, the end of the socket has come or is on its way.
            let _ = stream.write_all(&frame);
        }
    }

    /// Sends what has been counted since the last time.
    fn hand_on_metrics(&self) {
        let changes = self.metrics.take_changes();
        if !changes.is_empty() {
            let json = serde_json::to_vec(&changes).expect("names and numbers can be written as JSON");
            self.send(&ToDaemon::Metrics(json));
        }
    }

    fn open(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Callbacks for DaemonLink {
    fn plugin(&self) -> &str {
        &self.plugin
    }

    fn number(&self) -> Number {
        self.number
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn log(&self, line: LogLine) {
        self.send(&ToDaemon::Log(line));
    }

    fn is_logged(&self, level: i32) -> bool {
        // There is no other level: a line of one is written as the last.
        let level = if (1..=5).contains(&level) { level } else { 5 };
        level <= self.log_level
    }

    fn grants(&self) -> Option<&dyn GrantOrders> {
        self.has_grants.then_some(self)
    }

    fn metrics(&self) -> &InstanceMetrics {
        &self.metrics
    }

    /// Also passes on what is too late, for the daemon to count.
    fn complete(&self, ticket: u64, answer: &mut dyn FnMut() -> Result<Answer, Fault>) -> i32 {
        let answer = answer().and_then(|answer| answer.check().map(|()| Box::new(answer)));
        let told = match (self.open().remove(&ticket), &answer) {
            (false, _) => abi::LATE,
            (true, Ok(_)) => abi::TAKEN,
            (true, Err(fault)) => fault.status(),
        };
        self.send(&ToDaemon::Completed { ticket, answer, is_taken: told == abi::TAKEN });
        told
    }

    fn last_error(&self) -> &LastError {
        &self.error
    }
}

impl GrantOrders for DaemonLink {
    fn order(&self, order: Order) -> i32 {
        if matches!(order, Order::Recheck(_)) && !self.can_recheck {
            return abi::UNSUPPORTED;
        }
        self.send(&ToDaemon::Order(order));
        abi::TAKEN
    }
}

impl Drop for DaemonLink {
    fn drop(&mut self) {
        callbacks::forget(self.number);
    }
}

/// Calls and the threads that do them. Threads are started as they are needed and stay.
struct Calls {
    daemon: Arc<DaemonLink>,
    state: Mutex<State>,
    /// A job waits, or all is to end.
    work: Condvar,
    /// A thread has ended.
    ended: Condvar,
}

struct State {
    /// What new threads are given; `None` once all is to end.
    instance: Option<Arc<Instance>>,
    queue: VecDeque<Job>,
    idle: usize,
    threads: usize,
}

enum Job {
    Call { ticket: u64, left: Duration, request: Request },
    Cancel(u64),
    Ask(u64, Ask),
}

impl Calls {
    fn new(instance: Instance, daemon: Arc<DaemonLink>) -> Self {
        let state = State { instance: Some(Arc::new(instance)), queue: VecDeque::new(), idle: 0, threads: 0 };
        Self { daemon, state: Mutex::new(state), work: Condvar::new(), ended: Condvar::new() }
    }

    fn offers(&self) -> Offers {
        self.lock().instance.as_ref().map(|instance| instance.offers()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self: &Arc<Self>, job: Job) -> Result<()> {
        let mut state = self.lock();
        state.queue.push_back(job);
        if state.queue.len() > state.idle
            && state.threads < THREADS_MAX
            && let Some(instance) = state.instance.clone()
        {
            let calls = Arc::clone(self);
            let name = format!("pusu-auth-{}", state.threads);
            thread::Builder::new().name(name).stack_size(STACK_BYTES).spawn(move || {
                calls.work_on(&instance);
                // The last one destroys the instance, before it counts as ended.
                drop(instance);
                calls.lock().threads -= 1;
                calls.ended.notify_all();
            })?;
            state.threads += 1;
        }
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    fn work_on(&self, instance: &Instance) {
        while let Some(job) = self.next() {
            match job {
                Job::Cancel(ticket) => instance.cancel(ticket),
                Job::Ask(number, ask) => {
                    let told = ask.put_to(instance);
                    self.daemon.hand_on_metrics();
                    self.daemon.send(&ToDaemon::Answered(number, told));
                }
                Job::Call { ticket, left, request } => {
                    let returned = instance.authorize(ticket, left, &request);
                    // Wipes the authorization.
                    drop(request);
                    let Ok(status) = returned else {
                        unreachable!("an instance in its own process does not go: {Gone:?}")
                    };
                    if status != abi::PENDING {
                        self.daemon.open().remove(&ticket);
                    }
                    self.daemon.send(&ToDaemon::Returned { ticket, status });
                }
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            // Without an instance all is to end.
            state.instance.as_ref()?;
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Destroys the instance, unless calls hang in it for too long.
    fn stop(&self) {
        let mut state = self.lock();
        let instance = state.instance.take();
        drop(state);
        self.work.notify_all();
        drop(instance);
        let waited = self.ended.wait_timeout_while(self.lock(), STOP_WAIT, |state| state.threads > 0);
        drop(waited);
    }
}
