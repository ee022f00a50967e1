//! The pool of threads, with a stand-in for a plugin that does as the test says.

use super::*;
use crate::authenticator::answer::Answer;
use crate::authenticator::decider::{Decider, Gone};
use crate::authenticator::facts::Facts;
use crate::authenticator::host::Host;
use crate::authenticator::lasting::Lasting;
use crate::authenticator::pool::{OPEN_MAX, QUEUE_MAX, STUCK_MAX};
use crate::authenticator::verdict::Decision;
use crate::authenticator::workers::Workers;
use pusu_plugin_abi as abi;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

/// Blocks every call while it is shut, then grants.
struct Gate {
    host: Arc<Host>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    open: Mutex<bool>,
    opened: Condvar,
    inside: AtomicUsize,
    inside_max: AtomicUsize,
    calls: AtomicUsize,
    cancelled: AtomicUsize,
    destroyed: AtomicBool,
}

impl Seen {
    fn set(&self, open: bool) {
        *self.open.lock().unwrap() = open;
        self.opened.notify_all();
    }

    fn inside(&self) -> usize {
        self.inside.load(Ordering::SeqCst)
    }
}

impl Decider for Gate {
    fn authorize(&self, ticket: u64, _left: Duration, _request: &Request) -> Result<abi::Status, Gone> {
        self.seen.calls.fetch_add(1, Ordering::SeqCst);
        let inside = self.seen.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen.inside_max.fetch_max(inside, Ordering::SeqCst);
        drop(self.seen.opened.wait_while(self.seen.open.lock().unwrap(), |open| !*open).unwrap());
        self.seen.inside.fetch_sub(1, Ordering::SeqCst);
        self.host.complete(ticket, || Ok(Answer { decision: abi::GRANT, ..Answer::default() }));
        Ok(abi::OK)
    }

    fn can_cancel(&self) -> bool {
        true
    }

    fn cancel(&self, _ticket: u64) {
        self.seen.cancelled.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.seen.destroyed.store(true, Ordering::SeqCst);
    }
}

fn start(flags: u32, timeout: Duration) -> (Arc<Workers>, Arc<Seen>) {
    let (host, seen) = (Host::new("Gate", Facts::default(), Lasting::default()), Arc::new(Seen::default()));
    let gate = Gate { host: Arc::clone(&host), seen: Arc::clone(&seen) };
    (Arc::new(Workers::start(Arc::new(gate), host, flags, timeout).unwrap()), seen)
}

fn ask(workers: &Arc<Workers>) -> tokio::task::JoinHandle<Decision> {
    let workers = Arc::clone(workers);
    tokio::spawn(async move { workers.ask(request("secret")).await })
}

fn granted(verdict: &Decision) -> bool {
    matches!(verdict, Decision::Grant(_))
}

#[tokio::test]
async fn a_full_queue_turns_away_at_once_and_keeps_its_order() {
    let (workers, seen) = start(0, PATIENCE);
    let running: Vec<_> = (0..4).map(|_| ask(&workers)).collect();
    until("all four threads are busy", || seen.inside() == 4).await;
    let queued: Vec<_> = (0..QUEUE_MAX).map(|_| ask(&workers)).collect();
    until("the queue is full", || !workers.ready()).await;
    assert_eq!(ask(&workers).await.unwrap(), Decision::Unavailable("too many authorizations are waiting".into()));
    assert_eq!(workers.counts().turned_away, 1);
    seen.set(true);
    for task in running.into_iter().chain(queued) {
        assert!(granted(&task.await.unwrap()));
    }
    assert_eq!(seen.inside_max.load(Ordering::SeqCst), 4);
    assert!(workers.ready());
}

#[tokio::test]
async fn hanging_threads_are_replaced_up_to_the_limit() {
    let (workers, seen) = start(0, Duration::from_millis(30));
    for stuck in 1..=STUCK_MAX {
        assert!(workers.ready(), "after {stuck}");
        assert!(matches!(ask(&workers).await.unwrap(), Decision::Unavailable(_)));
        until("the thread is found to hang", || workers.counts().stuck_threads == stuck).await;
    }
    assert!(!workers.ready());
    assert_eq!(ask(&workers).await.unwrap(), Decision::Unavailable("the authenticator hangs".into()));
    assert_eq!(seen.inside(), STUCK_MAX);
    until("every call was cancelled", || seen.cancelled.load(Ordering::SeqCst) == STUCK_MAX).await;
    seen.set(true);
    until("the threads have come back", || workers.counts().stuck_threads == 0).await;
    assert_eq!(workers.counts().late, STUCK_MAX as u64);
    assert!(granted(&ask(&workers).await.unwrap()));
}

#[tokio::test]
async fn a_serial_plugin_gets_one_call_at_a_time() {
    let (workers, seen) = start(abi::F_SERIAL, PATIENCE);
    let tasks: Vec<_> = (0..20).map(|_| ask(&workers)).collect();
    until("one is in", || seen.inside() == 1).await;
    seen.set(true);
    for task in tasks {
        assert!(granted(&task.await.unwrap()));
    }
    assert_eq!(seen.inside_max.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_serial_plugin_that_hangs_is_not_called_again_until_it_returns() {
    let (workers, seen) = start(abi::F_SERIAL, Duration::from_millis(30));
    assert!(matches!(ask(&workers).await.unwrap(), Decision::Unavailable(_)));
    until("the thread is found to hang", || workers.counts().stuck_threads == 1).await;
    assert_eq!(ask(&workers).await.unwrap(), Decision::Unavailable("the authenticator hangs".into()));
    seen.set(true);
    until("the thread has come back", || workers.ready()).await;
    assert!(granted(&ask(&workers).await.unwrap()));
    assert_eq!(seen.inside_max.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_question_that_is_dropped_is_cancelled_or_never_asked() {
    let (workers, seen) = start(abi::F_SERIAL | abi::F_ASYNC, PATIENCE);
    let (asked, queued) = (ask(&workers), ask(&workers));
    until("the first is in", || seen.inside() == 1).await;
    asked.abort();
    queued.abort();
    assert!(asked.await.unwrap_err().is_cancelled() && queued.await.unwrap_err().is_cancelled());
    seen.set(true);
    assert!(granted(&ask(&workers).await.unwrap()));
    until("the first is cancelled, when it has returned", || seen.cancelled.load(Ordering::SeqCst) == 1).await;
    assert_eq!(seen.calls.load(Ordering::SeqCst), 2, "the second was still in the queue");
    assert_eq!(seen.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn calls_that_wait_too_long_in_the_queue_never_reach_the_plugin() {
    let (workers, seen) = start(abi::F_SERIAL | abi::F_ASYNC, Duration::from_millis(50));
    let tasks: Vec<_> = (0..5).map(|_| ask(&workers)).collect();
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Decision::Unavailable(_)));
    }
    until("they are counted", || workers.counts().timed_out == 5).await;
    assert_eq!(seen.calls.load(Ordering::SeqCst), 1);
    assert_eq!(seen.cancelled.load(Ordering::SeqCst), 0, "while it is in the plugin");
    seen.set(true);
    until("the one that was asked is cancelled", || seen.cancelled.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn stopping_answers_everybody_and_destroys_the_instance() {
    let (workers, seen) = start(0, PATIENCE);
    seen.set(true);
    assert!(granted(&ask(&workers).await.unwrap()));
    workers.stop();
    assert!(seen.destroyed.load(Ordering::SeqCst), "before stop returns");
    assert!(matches!(ask(&workers).await.unwrap(), Decision::Unavailable(_)));
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever_for_a_call_that_hangs() {
    let (workers, seen) = start(0, PATIENCE);
    let tasks: Vec<_> = (0..6).map(|_| ask(&workers)).collect();
    until("four are in", || seen.inside() == 4).await;
    workers.stop();
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Decision::Unavailable(_)));
    }
    assert!(!seen.destroyed.load(Ordering::SeqCst), "while a call is in it");
    seen.set(true);
    until("the last thread to come back destroys it", || seen.destroyed.load(Ordering::SeqCst)).await;
    assert_eq!(seen.calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn dropping_the_pool_stops_it() {
    let (workers, seen) = start(0, PATIENCE);
    drop(workers);
    until("the instance is destroyed", || seen.destroyed.load(Ordering::SeqCst)).await;
}

/// Takes whatever it is asked for later.
struct Patient(Arc<Host>);

impl Decider for Patient {
    fn authorize(&self, _ticket: u64, _left: Duration, _request: &Request) -> Result<abi::Status, Gone> {
        Ok(abi::PENDING)
    }

    fn can_cancel(&self) -> bool {
        false
    }

    fn cancel(&self, _ticket: u64) {}
}

#[tokio::test]
async fn calls_that_are_answered_later_are_bounded() {
    let host = Host::new("Patient", Facts::default(), Lasting::default());
    let patient = Arc::new(Patient(Arc::clone(&host)));
    let workers = Arc::new(Workers::start(patient.clone(), host, abi::F_ASYNC, PATIENCE).unwrap());
    let mut waiting = Vec::new();
    while waiting.len() < OPEN_MAX {
        waiting.push(ask(&workers));
        if waiting.len() % (QUEUE_MAX / 2) == 0 {
            let taken = waiting.len();
            until("they are pending", || patient.0.tickets.len() == taken && workers.queued() == 0).await;
        }
    }
    assert_eq!(ask(&workers).await.unwrap(), Decision::Unavailable("too many authorizations are waiting".into()));
    assert_eq!(workers.counts().turned_away, 1);
    waiting.pop().unwrap().abort();
    until("there is room again", || workers.ready()).await;
}
