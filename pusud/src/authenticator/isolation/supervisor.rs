//! The life of a plugin's process: it is started, heard until it ends, and started again; the calls in it end with it.
//!
//! One thread (`pusu-auth-proc`) starts the process, reads what it says, and starts the next one. A process that says what
//! breaks the rules is ended like one that has crashed. Who asks it is remote.rs.
//! **Invariant:** no call is lost: whatever becomes of the process, each caller gets a status or [`Gone`], and each
//! ticket that waits for a later answer gets one.
//! **Invariant:** the lock is never held while something is written or read.

use super::Limits;
use super::asking::Told;
use super::calls::Calls;
use super::child::Process;
use super::confinement::{limit_hint, memory_hint};
use super::deadline::Deadline;
use super::end::End;
use super::message::{Start, TO_DAEMON_BYTES_MAX, ToDaemon, ToGuest, read};
use crate::authenticator::creation;
use crate::authenticator::decider::{Gone, Offers};
use crate::authenticator::host::Host;
use crate::authenticator::image::Image;
use anyhow::{Context, Result, bail};
use pusu_plugin_abi as abi;
use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long is waited before the process is started again: doubles up to the maximum, and begins anew when one has run
/// for [`STEADY`].
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
const STEADY: Duration = Duration::from_secs(60);

/// What the thread that starts processes shares with those who ask.
pub(super) struct Supervisor {
    pub(super) host: Arc<Host>,
    image: Image,
    start: Start,
    limits: Limits,
    may_pend: bool,
    /// The instance is there to be asked.
    pub(super) up: AtomicBool,
    state: Mutex<State>,
    /// The thread has ended, or is to stop.
    pub(super) changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    process: Option<Process>,
    pub(super) link: Option<Arc<Link>>,
    pub(super) calls: Calls,
    /// Who waits for the answer to a call that is about no request, by its number.
    pub(super) asked: HashMap<u64, SyncSender<Result<Told, Gone>>>,
    pub(super) asks: u64,
    pub(super) offers: Offers,
    /// Since when no instance is there.
    pub(super) down_since: Option<Instant>,
    pub(super) stopping: bool,
    pub(super) ended: bool,
}

/// The socket, and the right to write a whole message to it.
pub(super) struct Link {
    pub(super) stream: UnixStream,
    writing: Mutex<()>,
}

impl Link {
    pub(super) fn write(&self, frame: &[u8]) -> std::io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        (&self.stream).write_all(frame)
    }
}

impl Supervisor {
    /// Of a process that is not started yet.
    pub(super) fn new(host: Arc<Host>, image: Image, start: Start, limits: Limits, may_pend: bool) -> Self {
        let (up, state) = (AtomicBool::new(false), Mutex::default());
        Self { host, image, start, limits, may_pend, up, state, changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No change of the state is left half made, so a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn kill(&self) {
        if let Some(process) = &self.lock().process {
            process.kill();
        }
    }

    /// Ends the process, for another to be started.
    pub(super) fn give_up(&self, state: &State, why: &str) {
        if self.up.swap(false, Ordering::Relaxed) {
            tracing::warn!(plugin = self.host.plugin, "killing the plugin's process: {why}");
        }
        if let Some(process) = &state.process {
            process.kill();
        }
    }

    pub(super) fn wait_for_end(&self, at_most: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), at_most, |state| !state.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// Runs one process after the other, until the first cannot be started or the instance is dropped. `first` is sent the
    /// result of the first start.
    pub(super) fn supervise(&self, first: &SyncSender<Result<()>>) {
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
