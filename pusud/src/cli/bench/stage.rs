//! State that the threads of one run share: its plan, how far everybody is, and when to begin and to end.
//!
//! **Invariant:** once [`Stage::stop`] was called no source sends, and once [`Stage::finish`] was called every thread
//! ends by itself.

use super::checking::Form;
use super::clock::{Clock, nanoseconds};
use super::load::Window;
use super::plan::{Pace, Plan};
use crate::cli::connection_args::Target;
use crate::cli::http::Requests;
use anyhow::bail;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::watch;

/// What the threads of one run share.
pub(super) struct Stage {
    pub(super) plan: Plan,
    pub(super) target: Arc<Target>,
    /// What the target's host resolves to; none where it has no host.
    pub(super) addresses: Vec<SocketAddr>,
    /// What the first listener has agreed on with the relay, where it is TLS.
    pub(super) tls: OnceLock<String>,
    pub(super) clock: Clock,
    /// By channel.
    pub(super) forms: Vec<Form>,
    /// Where the pace is a window.
    pub(super) window: Option<Arc<Window>>,
    pub(super) sources_connected: AtomicU32,
    pub(super) subscribed: AtomicU32,
    /// When the last listener had subscribed.
    pub(super) subscribed_at: AtomicU64,
    /// By thread: deliveries, each message once a listener.
    pub(super) received: Vec<AtomicU64>,
    /// Messages sent after the warm-up.
    pub(super) measured: AtomicU64,
    /// From when on messages are measured.
    measure_from: AtomicU64,
    stopped: AtomicBool,
    failure: Mutex<Option<String>>,
    began: watch::Sender<bool>,
    /// How many messages each source has sent, once listening is over.
    finished: watch::Sender<Option<Arc<[u64]>>>,
    /// The quiet pairs, which go on for as long as the sources send.
    beside: Option<Arc<Stage>>,
}

impl Stage {
    /// Before anybody is connected. `beside` is the stage of the quiet pairs.
    ///
    /// # Errors
    /// When the relay's host cannot be resolved, or the authorization cannot be sent over HTTP where it has to.
    pub(super) async fn new(plan: Plan, target: Arc<Target>, beside: Option<Arc<Stage>>) -> anyhow::Result<Self> {
        let addresses = target.url.addresses().await?;
        let requests = plan.over_http.publish.then(|| Requests::new(&target)).transpose()?;
        let forms = plan.forms(requests.as_ref());
        let window = match plan.pace {
            Pace::Window(slots) => Some(Arc::new(Window::new(&plan, slots))),
            Pace::Rate(_) | Pace::Every(_) => None,
        };
        Ok(Self {
            target,
            addresses,
            tls: OnceLock::new(),
            clock: Clock::start(),
            forms,
            window,
            sources_connected: AtomicU32::new(0),
            subscribed: AtomicU32::new(0),
            subscribed_at: AtomicU64::new(0),
            received: (0..plan.threads).map(|_| AtomicU64::new(0)).collect(),
            measured: AtomicU64::new(0),
            measure_from: AtomicU64::new(u64::MAX),
            stopped: AtomicBool::new(false),
            failure: Mutex::new(None),
            began: watch::Sender::new(false),
            finished: watch::Sender::new(None),
            beside,
            plan,
        })
    }

    /// Everybody is connected: the sources begin to send.
    pub(super) fn begin(&self) {
        self.measure_from.store(self.clock.now() + nanoseconds(self.plan.warm_up), Ordering::Relaxed);
        self.began.send_replace(true);
    }

    /// Waits until everybody is connected; false if that will not be.
    pub(super) async fn began(&self) -> bool {
        let mut began = self.began.subscribe();
        let mut finished = self.finished.subscribe();
        // The senders are in this very object, so that neither can fail.
        tokio::select! {
            began = began.wait_for(|began| *began) => began.is_ok(),
            _ = finished.wait_for(Option::is_some) => false,
        }
    }

    /// From when on messages are measured; never before everybody is connected.
    pub(super) fn measure_from(&self) -> u64 {
        self.measure_from.load(Ordering::Relaxed)
    }

    /// Nobody has to send any more.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The sources have sent their last message, and with it the quiet pairs.
    pub(super) fn all_sent(&self) {
        if let Some(beside) = &self.beside {
            beside.stop();
        }
    }

    /// Whether the quiet pairs have stopped: before the sources have, that is because one was cut.
    pub(super) fn has_lost_a_pair(&self) -> bool {
        self.beside.as_ref().is_some_and(|beside| beside.is_stopped())
    }

    /// The run cannot go on. The first reason counts.
    pub(super) fn fail(&self, reason: impl FnOnce() -> String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(reason);
        self.stop();
    }

    /// # Errors
    /// The first reason why the run cannot go on, or that of the quiet pairs.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let Some(reason) = &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            bail!("{reason}");
        }
        self.beside.as_ref().map_or(Ok(()), |beside| beside.check())
    }

    /// The listeners shall leave; `sent` is by source.
    pub(super) fn finish(&self, sent: &[u64]) {
        self.stop();
        self.finished.send_replace(Some(sent.into()));
    }

    /// Waits until the listeners shall leave; returns what the sources have sent.
    pub(super) async fn finished(&self) -> Arc<[u64]> {
        let mut finished = self.finished.subscribe();
        let finished = finished.wait_for(Option::is_some).await.expect("the sender is in this very object");
        finished.clone().expect("was waited for")
    }

    /// Deliveries so far, each message once a listener.
    pub(super) fn received(&self) -> u64 {
        self.received.iter().map(|of_thread| of_thread.load(Ordering::Relaxed)).sum()
    }
}
