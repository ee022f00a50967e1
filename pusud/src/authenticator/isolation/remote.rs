//! The daemon's end of a plugin's process: the instance in it as its callers see it. Calls go out, and answers come in.
//!
//! Starting the process, and starting it again, is supervisor.rs.

use super::Limits;
use super::asking::{Ask, Told};
use super::guest::CALLS_WAIT;
use super::message::{Start, ToGuest};
use super::supervisor::Supervisor;
use crate::authenticator::decider::{Condition, Decider, Gone, Offers};
use crate::authenticator::facts::DESTROY_TIME;
use crate::authenticator::grants::Heard;
use crate::authenticator::host::Host;
use crate::authenticator::image::Image;
use crate::authenticator::verdict::Request;
use anyhow::{Context, Result};
use pusu_plugin_abi as abi;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// How long the process gets for calls to come back and to destroy the instance, which it bounds itself, and to end. Then it
/// is ended.
const STOP_WAIT: Duration = CALLS_WAIT.saturating_add(DESTROY_TIME).saturating_add(Duration::from_secs(1));
/// From here on an instance that is not there counts as lost: a reload makes a new one.
const DOWN_TIME_MAX: Duration = Duration::from_secs(5);

/// An instance in a process of its own. Dropping it ends the process.
pub(super) struct Remote(Arc<Supervisor>);

impl Remote {
    /// Starts the process and waits until the instance is made in it.
    ///
    /// # Errors
    /// It cannot be started, or there is no instance in it, in the plugin's words.
    pub(super) fn start(image: Image, start: Start, limits: Limits, flags: u32, host: Arc<Host>) -> Result<Self> {
        let may_pend = flags & abi::F_ASYNC != 0;
        let supervisor = Arc::new(Supervisor::new(host, image, start, limits, may_pend));
        let (first, outcome) = sync_channel(1);
        let its_own = Arc::clone(&supervisor);
        // The process is tied to the thread that starts it, so that thread lives as long as any process may.
        thread::Builder::new().name("pusu-auth-proc".into()).spawn(move || {
            its_own.supervise(&first);
            its_own.lock().ended = true;
            its_own.changed.notify_all();
        })?;
        outcome.recv().context("the thread that starts the plugin's process has died")??;
        Ok(Self(supervisor))
    }

    /// Makes a call that is about no request, and waits until it has returned. `epoch`: it is for the process with this
    /// number among those that hear of grants, and no other.
    fn ask(&self, ask: &Ask, epoch: Option<u64>) -> Result<Told, Gone> {
        let (sender, told) = sync_channel(1);
        let mut state = self.0.lock();
        let link = state.link.clone().ok_or(Gone)?;
        // A process has its number before there is a link to it.
        if epoch.is_some_and(|epoch| epoch != self.0.host.epoch()) {
            return Err(Gone);
        }
        state.asks += 1;
        let number = state.asks;
        state.asked.insert(number, sender);
        drop(state);
        if link.write(&ToGuest::ask(number, ask)).is_err() {
            self.0.lock().asked.remove(&number);
            return Err(Gone);
        }
        told.recv().unwrap_or(Err(Gone))
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
        match self.ask(&Ask::Reload, None) {
            Ok(Told { status: abi::OK, .. }) => Ok(()),
            Ok(Told { why, .. }) => Err(why),
            Err(Gone) => Err("its process has ended".to_owned()),
        }
    }

    fn health(&self) -> Result<Condition, Gone> {
        self.ask(&Ask::Health, None).map(|told| Condition::of(told.status, told.why))
    }

    fn hear(&self, epoch: u64, heard: &Heard) -> Result<(), Gone> {
        self.ask(&Ask::Hear(heard.clone()), Some(epoch)).map(drop)
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
        let supervisor = Arc::clone(&self.0);
        let waiter = thread::Builder::new().name("pusu-auth-end".into()).spawn(move || {
            if !supervisor.wait_for_end(STOP_WAIT) {
                supervisor.kill();
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
