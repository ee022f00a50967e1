//! A gate: what runs behind it can be stopped as a process is by a signal, with all of its tasks and timers.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::task::LocalSet;
use tokio::time::Instant;

#[derive(Default)]
pub(super) struct Gate {
    is_closed: bool,
    waker: Option<Waker>,
    /// How often something was run since the clock has moved.
    runs: (Option<Instant>, u32),
}

/// More often than that nothing runs at one moment, unless it goes round in circles.
const RUNS_MAX: u32 = 1000;

pub(super) type SharedGate = Rc<RefCell<Gate>>;

impl Gate {
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn open(&mut self) {
        self.is_closed = false;
        self.waker.take().into_iter().for_each(Waker::wake);
    }
}

/// Runs `work` and the tasks that it spawns while the gate is open.
pub(super) async fn behind<F: Future>(gate: SharedGate, work: F) -> F::Output {
    let tasks = LocalSet::new();
    let mut running = std::pin::pin!(tasks.run_until(work));
    std::future::poll_fn(|cx| poll(&gate, running.as_mut(), cx)).await
}

fn poll<F: Future>(gate: &SharedGate, running: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    {
        let mut gate = gate.borrow_mut();
        gate.waker = Some(cx.waker().clone());
        if gate.is_closed {
            return Poll::Pending;
        }
        let now = Some(Instant::now());
        gate.runs = if gate.runs.0 == now { (now, gate.runs.1 + 1) } else { (now, 0) };
        assert!(gate.runs.1 < RUNS_MAX, "it takes the processor for nothing");
    }
    running.poll(cx)
}
