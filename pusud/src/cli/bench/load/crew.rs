//! A thread of listeners: connects them, some at a time, and lets each read when something has arrived for it.
//!
//! Everything in it belongs to the thread; other threads are told through the stage.

use super::super::checking::Ledger;
use super::super::report::Tally;
use super::super::stage::Stage;
use super::halves::WriteHalf;
use super::listener::{Listener, say_goodbye};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What is read of a listener's bytes in one go.
const BUFFER_BYTES: usize = 256 * 1024;
/// How long relays may take to answer the goodbyes, when nothing depends on it any more.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the tasks of the thread share.
struct Crew {
    stage: Arc<Stage>,
    state: RefCell<State>,
    goodbyes: RefCell<Vec<WriteHalf>>,
    leaving: Cell<bool>,
}

struct State {
    buffer: Box<[u8]>,
    ledger: Ledger,
}

/// Starts thread number `thread` of the listeners; the receiver gets what they have seen when they have left.
///
/// # Errors
/// When the system gives no thread or no files for it.
pub(crate) fn start(stage: Arc<Stage>, thread: u32) -> io::Result<oneshot::Receiver<Tally>> {
    // A runtime for `!Send` tasks cannot move, so it is made where it is used.
    let (done, tally) = oneshot::channel();
    let name = format!("pusud-{}-{thread}", if stage.plan.pairs { "beside" } else { "listen" });
    std::thread::Builder::new().name(name).spawn(move || {
        match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => {
                // Nobody waits for what a failed run has seen.
                done.send(runtime.block_on(work(stage, thread))).ok();
            }
            Err(error) => stage.fail(|| format!("cannot start a thread of listeners: {error}")),
        }
    })?;
    Ok(tally)
}

async fn work(stage: Arc<Stage>, thread: u32) -> Tally {
    let state = State { buffer: vec![0; BUFFER_BYTES].into(), ledger: Ledger::new(stage.clone(), thread) };
    let crew = Rc::new(Crew {
        stage: stage.clone(),
        state: RefCell::new(state),
        goodbyes: RefCell::default(),
        leaving: Cell::new(false),
    });
    let mut tasks = JoinSet::new();
    let permits = Arc::new(Semaphore::new(stage.plan.connects.div_ceil(stage.plan.threads) as usize));
    let sent = tokio::select! {
        sent = stage.finished() => sent,
        sent = async {
            for (at, number) in stage.plan.listeners_of_thread(thread).enumerate() {
                let permit = permits.clone().acquire_owned().await.expect("nobody closes it");
                let crew = crew.clone();
                tasks.spawn_local(async move {
                    // In a box, so that it is gone when it is done.
                    let connected = Box::pin(crew.connect(number, at)).await;
                    drop(permit);
                    if let Some(listener) = connected {
                        crew.listen(listener).await;
                    }
                });
            }
            stage.finished().await
        } => sent,
    };
    crew.leaving.set(true);
    // Over HTTP there is no goodbye but the end of the connection.
    if !stage.plan.over_http.events {
        crew.goodbyes.borrow().iter().for_each(say_goodbye);
        let all_gone = async { while tasks.join_next().await.is_some() {} };
        // A relay that does not answer is left without an answer.
        let _ = timeout(GOODBYE_TIMEOUT, all_gone).await;
    }
    tasks.shutdown().await;
    let crew = Rc::into_inner(crew).expect("the tasks are gone");
    crew.state.into_inner().ledger.close(&sent)
}

impl Crew {
    async fn connect(&self, number: u32, at: usize) -> Option<Listener> {
        let begun = self.stage.clock.now();
        match Listener::connect(&self.stage, number, at).await {
            Ok((listener, goodbye)) => {
                let now = self.stage.clock.now();
                self.state.borrow_mut().ledger.tally.connect.record(now - begun);
                self.goodbyes.borrow_mut().push(goodbye);
                self.stage.subscribed_at.fetch_max(now, Ordering::Relaxed);
                self.stage.subscribed.fetch_add(1, Ordering::Release);
                Some(listener)
            }
            Err(failure) => {
                self.stage.fail(|| format!("{} {number}: {failure}", self.stage.plan.who("listener")));
                None
            }
        }
    }

    async fn listen(&self, mut listener: Listener) {
        let ended = poll_fn(|cx| {
            let State { buffer, ledger } = &mut *self.state.borrow_mut();
            loop {
                match listener.poll_listen(cx, &self.stage, buffer, ledger) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(failure)) => return Poll::Ready(failure),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let failure = ended.await;
        if !self.leaving.get() {
            self.state.borrow_mut().ledger.cut(listener.at(), &failure);
            self.stage.stop();
        }
    }
}
