//! The daemon's end of a plugin's process: calls go out, answers come in, and when the process ends it is started again.
//!
//! One thread (`pusu-auth-proc`) starts the process, reads what it says, and starts the next one. A process that says what
//! breaks the rules is ended like one that has crashed.
//! **Invariant:** no call is lost: whatever becomes of the process, each caller gets a status or [`Gone`], and each
//! ticket that waits for a later answer gets one.
//! **Invariant:** the lock is never held while something is written or read.
// Longer than 300 lines: all that takes the one lock stands together, and so does the life of a process.

use super::Limits;
use super::asking::{Ask, Told};
use super::calls::Calls;
use super::child::Process;
use super::confinement::{limit_hint, memory_hint};
use super::deadline::Deadline;
use super::end::End;
use super::guest::CALLS_WAIT;
use super::message::{Start, TO_DAEMON_BYTES_MAX, ToDaemon, ToGuest, read};
use crate::authenticator::creation;
use crate::authenticator::decider::{Condition, Decider, Gone, Offers};
use crate::authenticator::facts::DESTROY_TIME;
use crate::authenticator::grants::Heard;
use crate::authenticator::host::Host;
use crate::authenticator::image::Image;
use crate::authenticator::verdict::Request;
use anyhow::{Context, Result, bail};
use pusu_plugin_abi as abi;
use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the process gets for calls to come back and to destroy the instance, which it bounds itself, and to end. Then it
/// is ended.
const STOP_WAIT: Duration = CALLS_WAIT.saturating_add(DESTROY_TIME).saturating_add(Duration::from_secs(1));
/// From here on an instance that is not there counts as lost: a reload makes a new one.
const DOWN_TIME_MAX: Duration = Duration::from_secs(5);
/// How long is waited before the process is started again: doubles up to the maximum, and begins anew when one has run
/// for [`STEADY`].
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
const STEADY: Duration = Duration::from_secs(60);

/// An instance in a process of its own. Dropping it ends the process.
pub(super) struct Remote(Arc<Shared>);

struct Shared {
    host: Arc<Host>,
    image: Image,
    start: Start,
    limits: Limits,
    may_pend: bool,
    /// The instance is there to be asked.
    up: AtomicBool,
    state: Mutex<State>,
    /// The thread has ended, or is to stop.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    process: Option<Process>,
    link: Option<Arc<Link>>,
    calls: Calls,
    /// Who waits for the answer to a call that is about no request, by its number.
    asked: HashMap<u64, SyncSender<Result<Told, Gone>>>,
    asks: u64,
    offers: Offers,
    /// Since when no instance is there.
    down_since: Option<Instant>,
    stopping: bool,
    ended: bool,
}

/// The socket, and the right to write a whole message to it.
struct Link {
    stream: UnixStream,
    writing: Mutex<()>,
}

impl Link {
    fn write(&self, frame: &[u8]) -> std::io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        (&self.stream).write_all(frame)
    }
}

impl Remote {
    /// Starts the process and waits until the instance is made in it.
    ///
    /// # Errors
    /// It cannot be started, or there is no instance in it, in the plugin's words.
    pub(super) fn start(image: Image, start: Start, limits: Limits, flags: u32, host: Arc<Host>) -> Result<Self> {
        let may_pend = flags & abi::F_ASYNC != 0;
        let (up, state) = (AtomicBool::new(false), Mutex::default());
        let shared = Arc::new(Shared { host, image, start, limits, may_pend, up, state, changed: Condvar::new() });
        let (first, outcome) = sync_channel(1);
        let its_own = Arc::clone(&shared);
        // The process is tied to the thread that starts it, so that thread lives as long as any process may.
        thread::Builder::new().name("pusu-auth-proc".into()).spawn(move || {
            its_own.supervise(&first);
            its_own.lock().ended = true;
            its_own.changed.notify_all();
        })?;
        outcome.recv().context("the thread that starts the plugin's process has died")??;
        Ok(Self(shared))
    }
}

impl Decider for Remote {
    fn authorize(&self, ticket: u64, left: Duration, request: &Request) -> Result<abi::Status, Gone> {
        let (sender, status) = sync_channel(1);
        let mut state = self.0.lock();
        let link = state.link.clone().ok_or(Gone)?;
        state.calls.begin(ticket, sender);
        drop(state);
        if link.write(&ToGuest::call(ticket, left, request)).is_err() {
            // The reader is about to find out; where it has already, nobody would answer.
            drop(self.0.lock().calls.end(ticket));
            return Err(Gone);
        }
        status.recv().unwrap_or(Err(Gone))
    }

    /// Also where the plugin has nothing to cancel: the other end has a list of tickets to keep short.
    fn can_cancel(&self) -> bool {
        true
    }

    fn cancel(&self, ticket: u64) {
        let mut state = self.0.lock();
        state.calls.forget_pending(ticket);
        let link = state.link.clone();
        drop(state);
        if let Some(link) = link {
            // If it cannot be written the process is ending, and the ticket with it.
            let _ = link.write(&ToGuest::cancel(ticket));
        }
    }

    fn offers(&self) -> Offers {
        self.0.lock().offers
    }

    fn reload(&self) -> Result<(), String> {
        match self.0.ask(&Ask::Reload, None) {
            Ok(Told { status: abi::OK, .. }) => Ok(()),
            Ok(Told { why, .. }) => Err(why),
            Err(Gone) => Err("its process has ended".to_owned()),
        }
    }

    fn health(&self) -> Result<Condition, Gone> {
        self.0.ask(&Ask::Health, None).map(|told| Condition::of(told.status, told.why))
    }

    fn hear(&self, epoch: u64, heard: &Heard) -> Result<(), Gone> {
        self.0.ask(&Ask::Hear(heard.clone()), Some(epoch)).map(drop)
    }

    fn is_up(&self) -> bool {
        self.0.up.load(Ordering::Relaxed)
    }

    fn can_renew(&self) -> bool {
        true
    }

    fn renew(&self, why: &str, calls: &[u64]) {
        let state = self.0.lock();
        // In a process that has come up meanwhile they are not.
        if state.calls.has_running(calls) {
            self.0.give_up(&state, why);
        }
    }

    fn give_up(&self, why: &str, epoch: u64) {
        let state = self.0.lock();
        if self.0.host.epoch() == epoch {
            self.0.give_up(&state, why);
        }
    }

    fn is_lost(&self) -> bool {
        let state = self.0.lock();
        state.ended || state.down_since.is_some_and(|since| since.elapsed() >= DOWN_TIME_MAX)
    }

    /// The process reads the end of the socket, destroys the instance, and ends; or is ended.
    fn end(&self) {
        let mut state = self.0.lock();
        if std::mem::replace(&mut state.stopping, true) {
            return;
        }
        if let Some(link) = &state.link {
            // Where that fails the process has ended.
            let _ = link.stream.shutdown(Shutdown::Write);
        }
        drop(state);
        self.0.changed.notify_all();
        let shared = Arc::clone(&self.0);
        let waiter = thread::Builder::new().name("pusu-auth-end".into()).spawn(move || {
            if !shared.wait_for_end(STOP_WAIT) {
                shared.kill();
            }
        });
        if waiter.is_err() {
            self.0.kill();
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.end();
        // The plugin may still write to the log.
        self.0.wait_for_end(STOP_WAIT);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No change of the state is left half made, so a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call that is about no request, and waits until it has returned. `epoch`: it is for the process with this
    /// number among those that hear of grants, and no other.
    fn ask(&self, ask: &Ask, epoch: Option<u64>) -> Result<Told, Gone> {
        let (sender, told) = sync_channel(1);
        let mut state = self.lock();
        let link = state.link.clone().ok_or(Gone)?;
        // A process has its number before there is a link to it.
        if epoch.is_some_and(|epoch| epoch != self.host.epoch()) {
            return Err(Gone);
        }
        state.asks += 1;
        let number = state.asks;
        state.asked.insert(number, sender);
        drop(state);
        if link.write(&ToGuest::ask(number, ask)).is_err() {
            self.lock().asked.remove(&number);
            return Err(Gone);
        }
        told.recv().unwrap_or(Err(Gone))
    }

    fn kill(&self) {
        if let Some(process) = &self.lock().process {
            process.kill();
        }
    }

    /// Ends the process, for another to be started.
    fn give_up(&self, state: &State, why: &str) {
        if self.up.swap(false, Ordering::Relaxed) {
            tracing::warn!(plugin = self.host.plugin, "killing the plugin's process: {why}");
        }
        if let Some(process) = &state.process {
            process.kill();
        }
    }

    fn wait_for_end(&self, at_most: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), at_most, |state| !state.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// Runs one process after the other, until the first cannot be started or the instance is dropped. `first` is sent the
    /// result of the first start.
    fn supervise(&self, first: &SyncSender<Result<()>>) {
        let plugin = self.host.plugin.as_str();
        let mut backoff = BACKOFF_MIN;
        let mut is_first = true;
        loop {
            let mut steady_from = None;
            match self.launch() {
                Ok(mut stream) => {
                    steady_from = Instant::now().checked_add(STEADY);
                    if std::mem::replace(&mut is_first, false) {
                        // Whoever waited for it may have gone; the process then ends as it would be dropped.
                        let _ = first.send(Ok(()));
                    } else {
                        self.host.restarted();
                        tracing::info!(plugin, "the plugin's process is running again");
                    }
                    let why = self.listen(&mut stream);
                    if let Some(why) = why.filter(|_| !self.lock().stopping) {
                        tracing::error!(plugin, "malformed message from the plugin's process: {why}");
                    }
                }
                Err(error) if is_first => {
                    self.reap();
                    let _ = first.send(Err(error));
                    return;
                }
                Err(_) if self.lock().stopping => {}
                Err(error) => tracing::error!(plugin, "cannot restart the plugin's process: {error:#}"),
            }
            let end = self.reap();
            if self.lock().stopping {
                return;
            }
            if !self.limits.restarts {
                tracing::error!(
                    plugin,
                    "the plugin's process has exited ({end}) and is not started again (`authenticator_restart: false`): \
                     nobody can be authorized until the daemon makes a new instance (SIGHUP) or is restarted"
                );
                return;
            }
            backoff = if steady_from.is_some_and(|from| Instant::now() >= from) { BACKOFF_MIN } else { backoff };
            tracing::warn!(plugin, "the plugin's process has exited ({end}), restarting in {backoff:?}");
            let waited = self.changed.wait_timeout_while(self.lock(), backoff, |state| !state.stopping);
            if waited.unwrap_or_else(PoisonError::into_inner).0.stopping {
                return;
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// Starts a process, and waits until the instance is made in it.
    fn launch(&self) -> Result<UnixStream> {
        let until = Instant::now() + self.limits.create_timeout;
        let (process, stream) = Process::start(&self.image, &self.host.plugin)?;
        self.lock().process = Some(process);
        let reader = stream.try_clone().context("its socket cannot be used twice")?;
        let link = Arc::new(Link { stream, writing: Mutex::new(()) });
        let mut within = Deadline { stream: &reader, until };
        match within.write_all(&ToGuest::start(&self.start)) {
            Err(error) if error.kind() == ErrorKind::TimedOut => bail!(creation::too_slow(self.limits.create_timeout)),
            // It has ended, and may have said why.
            Ok(()) | Err(_) => {}
        }
        loop {
            let frame = match read(&mut within, TO_DAEMON_BYTES_MAX) {
                Ok(Some(frame)) => frame,
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    bail!(creation::too_slow(self.limits.create_timeout))
                }
                Ok(None) | Err(_) => {
                    let end = self.reap();
                    // Who calls `exit` has memory enough to say why it does.
                    let hint = if end.is_exit() { String::new() } else { limit_hint(self.start.memory_bytes_max) };
                    bail!("ended its process while it was loaded and created: {end}{hint}")
                }
            };
            match ToDaemon::parse(&frame) {
                Some(ToDaemon::Ready(offers)) => {
                    self.lock().offers = offers;
                    break;
                }
                Some(ToDaemon::Failed(why)) => bail!("{why}{}", memory_hint(&why, self.start.memory_bytes_max)),
                // `create` may call the host already.
                Some(
                    said @ (ToDaemon::Log(_) | ToDaemon::Order(_) | ToDaemon::Metrics(_) | ToDaemon::Completed { .. }),
                ) => {
                    self.heard(said);
                }
                _ => bail!("sent a malformed message from its process before it was ready"),
            }
        }
        let unlimited = link.stream.set_read_timeout(None).and_then(|()| link.stream.set_write_timeout(None));
        unlimited.context("its socket keeps its timeout")?;
        let mut state = self.lock();
        if state.stopping {
            bail!("is being stopped already");
        }
        // Before it is asked anything, so that it adopts nothing that it gives itself.
        self.host.go_on_hearing(state.offers);
        state.link = Some(link);
        state.down_since = None;
        drop(state);
        self.up.store(true, Ordering::Relaxed);
        Ok(reader)
    }

    /// Does what the process says until it says no more; gives what was wrong with that, if anything.
    fn listen(&self, stream: &mut UnixStream) -> Option<String> {
        loop {
            match read(stream, TO_DAEMON_BYTES_MAX) {
                Ok(Some(frame)) => match ToDaemon::parse(&frame) {
                    Some(said) => {
                        if !self.heard(said) {
                            return Some("what is said once, a second time".to_owned());
                        }
                    }
                    None => return Some(format!("a message of {} bytes", frame.len())),
                },
                Ok(None) => return None,
                Err(error) if error.kind() == ErrorKind::InvalidData => return Some(error.to_string()),
                // Ended in the middle of a message.
                Err(_) => return None,
            }
        }
    }

    /// Does what the process says; `false` if that is nothing it may say now.
    fn heard(&self, said: ToDaemon) -> bool {
        match said {
            ToDaemon::Log(line) => self.host.log(&line),
            ToDaemon::Answered(number, told) => {
                if let Some(asker) = self.lock().asked.remove(&number) {
                    // Who has asked may have given up.
                    let _ = asker.send(Ok(told));
                }
            }
            ToDaemon::Order(order) => {
                // Ordered in that process under the same rules; where they differ by now, it is not done.
                let _ = self.host.grant_book().map(|grants| grants.order_in_turn(&order));
            }
            ToDaemon::Metrics(json) => self.host.merge_metrics(&json),
            ToDaemon::Completed { ticket, answer, is_taken } => {
                self.lock().calls.forget_pending(ticket);
                let is_grant = answer.as_ref().is_ok_and(|answer| answer.decision == abi::GRANT);
                let told = self.host.complete(ticket, || answer.map(|answer| *answer));
                if is_grant && is_taken && told == abi::LATE {
                    self.host.never_arrived(ticket, abi::ENDED_CLOSED);
                }
            }
            ToDaemon::Returned { ticket, status } => {
                let mut state = self.lock();
                let returned = state.calls.end(ticket);
                if status == abi::PENDING && self.may_pend && returned.is_some() {
                    state.calls.insert_pending(ticket, &self.host);
                }
                if status == abi::ERR_PANIC {
                    self.give_up(&state, "it has panicked");
                }
                drop(state);
                if let Some(thread) = returned {
                    let _ = thread.send(Ok(status));
                }
            }
            // Said once, before.
            ToDaemon::Ready(_) | ToDaemon::Failed(_) => return false,
        }
        true
    }

    /// Makes sure that the process is gone, ends the calls that were in it, and says how it ended.
    fn reap(&self) -> End {
        self.up.store(false, Ordering::Relaxed);
        let mut state = self.lock();
        state.link = None;
        // Whoever waits for one of these finds its sender gone.
        state.asked.clear();
        state.down_since.get_or_insert_with(Instant::now);
        let (process, calls) = (state.process.take(), std::mem::take(&mut state.calls));
        drop(state);
        calls.lose(&self.host);
        // It has ended, or closed its socket, or broken the rules: nobody asks it any more.
        process.map_or(End::NeverRan, Process::reap)
    }
}
