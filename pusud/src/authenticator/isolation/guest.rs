//! The other end: what runs in the process of a plugin. Loads the library, makes the instance, and does calls for the
//! daemon, each on a thread of its own.
//!
//! It decides nothing: how many calls there are, how long they may take and what an answer means is the daemon's to say.
//! **Invariant:** the process ends when the daemon closes the socket, whatever the plugin does.

use super::asking::Ask;
use super::confinement::{confine, limit_memory};
use super::daemon_link::DaemonLink;
use super::message::{Purpose, REASON_BYTES_MAX, Start, TO_GUEST_BYTES_MAX, ToDaemon, ToGuest, read};
use super::process;
use crate::authenticator::callbacks::Callbacks;
use crate::authenticator::decider::{Decider, Gone, Offers};
use crate::authenticator::exit::forbid_exit;
use crate::authenticator::facts::DESTROY_TIME;
use crate::authenticator::library::{Instance, Plugin};
use crate::authenticator::manifest::Manifest;
use crate::authenticator::verdict::{Request, beginning};
use crate::authenticator::worker::STACK_BYTES;
use anyhow::{Context, Result, bail};
use pusu_plugin_abi as abi;
use rustix::fd::{AsRawFd, OwnedFd};
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Most threads. The daemon never has so many calls here at once.
const THREADS_MAX: usize = 64;
/// How often the daemon hears what the plugin has counted.
const METRICS_EVERY: Duration = Duration::from_secs(1);
/// How long calls may take to come back once the daemon has said goodbye.
pub(super) const CALLS_WAIT: Duration = Duration::from_secs(5);

/// Is the process of a plugin, until the daemon ends it. Standard input is a socket from the daemon.
///
/// # Errors
/// This process was not started by the daemon, or the daemon sends a malformed message.
pub fn serve() -> Result<()> {
    let (stream, image) = process::take_socket()?;
    // Part of it is inherited by the threads that are started from here on, and by no others.
    confine()?;
    // The first thread has as much stack as the system's limits say, and a plugin is promised more than that may be.
    let thread = thread::Builder::new().name("pusu-auth-main".into()).stack_size(STACK_BYTES);
    let thread = thread.spawn(move || run(stream, image))?;
    thread.join().unwrap_or_else(|_| bail!("the process of a plugin has panicked"))
}

fn run(mut stream: UnixStream, image: Option<OwnedFd>) -> Result<()> {
    let Some(ToGuest::Start(start)) = receive(&mut stream)? else {
        bail!("expected the start message of the daemon, found another or none")
    };
    if let Some(bytes) = start.memory_bytes_max {
        limit_memory(bytes)?;
    }
    let manifest = Manifest::check(&start.manifest)?;
    let daemon = DaemonLink::new(&start, manifest.has(abi::F_ASYNC), &stream).context("cannot speak to the daemon")?;
    // Its status says enough.
    forbid_exit(|_| {});
    let loaded = load(&start, &manifest, image);
    let callbacks: Arc<dyn Callbacks> = daemon.clone();
    if start.purpose != Purpose::Serve {
        let tried = match start.purpose {
            Purpose::Check => loaded.and_then(|plugin| plugin.try_options(callbacks, &start.options)),
            _ => loaded.map(drop),
        };
        // How much memory it says to take.
        daemon.hand_on_metrics();
        daemon.say(&tried.map_or_else(failed, |()| ToDaemon::Ready(Offers::default())));
        // It is the daemon that says goodbye.
        while receive(&mut stream)?.is_some() {}
        return end(&daemon);
    }
    let calls = match loaded.and_then(|plugin| plugin.create(callbacks, &start.options)) {
        Ok(instance) => Arc::new(Calls::new(instance, Arc::clone(&daemon), manifest.has(abi::F_SERIAL))),
        Err(error) => {
            daemon.say(&failed(error));
            daemon.finish();
            return Ok(());
        }
    };
    drop(start);
    // Before it takes the place of another, so that counters go on where they were.
    daemon.hand_on_metrics();
    daemon.say(&ToDaemon::Ready(calls.offers()));
    hand_on_metrics_always(&daemon)?;
    while let Some(message) = receive(&mut stream)? {
        match message {
            ToGuest::Call { ticket, left, request } => {
                daemon.begin(ticket, left);
                calls.push(Job::Call { ticket, left, request })?;
            }
            ToGuest::Cancel(ticket) => {
                daemon.end(ticket);
                calls.push(Job::Cancel(ticket))?;
            }
            ToGuest::Ask(number, ask) => calls.push(Job::Ask(number, ask))?,
            ToGuest::Start(_) => bail!("a second start message from the daemon"),
        }
    }
    calls.stop();
    end(&daemon)
}

/// Ends this process, once all that was said has been written. No destructor of the plugin's has a say in that.
fn end(daemon: &DaemonLink) -> Result<()> {
    daemon.finish();
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

/// Why there is no instance, at the length that the daemon takes.
fn failed(error: anyhow::Error) -> ToDaemon {
    ToDaemon::Failed(beginning(&format!("{error:#}"), REASON_BYTES_MAX).to_owned())
}

fn load(start: &Start, manifest: &Manifest, image: Option<OwnedFd>) -> Result<Plugin> {
    let path = match &image {
        Some(memory) => PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd())),
        None => PathBuf::from(OsStr::from_bytes(&start.path)),
    };
    Plugin::load(&path, manifest)
}

/// Calls and the threads that do them. Threads are started as they are needed and stay.
struct Calls {
    daemon: Arc<DaemonLink>,
    /// A SERIAL plugin has one thread, for whatever is called.
    threads_max: usize,
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
    /// Threads that are in the plugin for a call.
    busy: usize,
}

enum Job {
    Call { ticket: u64, left: Duration, request: Request },
    Cancel(u64),
    Ask(u64, Ask),
}

impl Calls {
    fn new(instance: Instance, daemon: Arc<DaemonLink>, serial: bool) -> Self {
        let instance = Some(Arc::new(instance));
        let state = State { instance, queue: VecDeque::new(), idle: 0, threads: 0, busy: 0 };
        let threads_max = if serial { 1 } else { THREADS_MAX };
        Self { daemon, threads_max, state: Mutex::new(state), work: Condvar::new(), ended: Condvar::new() }
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
            && state.threads < self.threads_max
            && let Some(instance) = state.instance.clone()
        {
            let calls = Arc::clone(self);
            let name = format!("pusu-auth-{}", state.threads);
            let spawned = thread::Builder::new().name(name).stack_size(STACK_BYTES).spawn(move || {
                calls.work_on(&instance);
                // The last one destroys the instance, before it counts as ended.
                drop(instance);
                calls.lock().threads -= 1;
                calls.ended.notify_all();
            });
            match spawned {
                Ok(_) => state.threads += 1,
                // Memory is scarce: one of those that there are takes the job when it is done.
                Err(_) if state.threads > 0 => {}
                Err(error) => return Err(error.into()),
            }
        }
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    fn work_on(&self, instance: &Instance) {
        let mut busy = false;
        while let Some(job) = self.next(std::mem::replace(&mut busy, true)) {
            match job {
                Job::Cancel(ticket) => instance.cancel(ticket),
                Job::Ask(number, ask) => {
                    let told = ask.put_to(instance);
                    self.daemon.hand_on_metrics();
                    self.daemon.say(&ToDaemon::Answered(number, told));
                }
                Job::Call { ticket, left, request } => {
                    let returned = instance.authorize(ticket, left, &request);
                    // Wipes the authorization.
                    drop(request);
                    let Ok(status) = returned else {
                        unreachable!("an instance in its own process does not go: {Gone:?}")
                    };
                    if status != abi::PENDING || !self.daemon.may_pend() {
                        self.daemon.end(ticket);
                    }
                    self.daemon.say(&ToDaemon::Returned { ticket, status });
                }
            }
        }
    }

    /// The thread that is `busy` has done its job, and waits for another.
    fn next(&self, busy: bool) -> Option<Job> {
        let mut state = self.lock();
        state.busy -= usize::from(busy);
        loop {
            if state.instance.is_none() {
                // All is to end.
                self.ended.notify_all();
                return None;
            }
            if let Some(job) = state.queue.pop_front() {
                state.busy += 1;
                return Some(job);
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Waits for calls to come back, and then for the instance to be destroyed.
    fn stop(&self) {
        let mut state = self.lock();
        let Some(instance) = state.instance.take() else { return };
        if state.threads == 0 {
            // Nobody has called it, and nobody will.
            drop(state);
            return destroy(instance);
        }
        // Every thread has its own still: it is the last of them that destroys it.
        drop(instance);
        self.work.notify_all();
        let waited = self.ended.wait_timeout_while(state, CALLS_WAIT, |state| state.busy > 0);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.busy == 0 {
            drop(self.ended.wait_timeout_while(state, DESTROY_TIME, |state| state.threads > 0));
        }
    }
}

/// Destroys an instance that no thread has, within its time.
fn destroy(instance: Arc<Instance>) {
    let (done, destroyed) = sync_channel(1);
    let body = move || {
        drop(instance);
        let _ = done.send(());
    };
    if thread::Builder::new().name("pusu-auth-end".into()).stack_size(STACK_BYTES).spawn(body).is_ok() {
        // Past it the process ends, and the instance with it.
        let _ = destroyed.recv_timeout(DESTROY_TIME);
    }
}
