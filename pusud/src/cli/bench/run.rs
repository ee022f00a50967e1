//! One run, from the first connection to the figures: starts the threads, and waits for one phase after the other.
//!
//! Connect and subscribe everybody; let the sources send; wait for what is still on its way; let everybody leave. Quiet
//! pairs beside it are a run of their own, on threads of their own, which begins with it and sends for as long as it does.

use super::interrupts::Interrupts;
use super::load::{Sent, crew, sources};
use super::plan::{Extent, Pace, Plan};
use super::report::{Beside, Figures, Progress, Tally};
use super::stage::Stage;
use crate::cli::connection_args::Target;
use anyhow::Context as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot::{Receiver, error::TryRecvError};
use tokio::time::{MissedTickBehavior, interval};

/// How often the phases are looked at.
const TICK: Duration = Duration::from_millis(20);

/// Runs a plan. After an interruption what was sent so far counts.
///
/// # Errors
/// Why a connection could not be made, or why the relay ended a source's. What went wrong with messages is in the
/// figures.
pub(super) async fn run(
    plan: &Plan,
    target: &Arc<Target>,
    progress: &Progress,
    interrupts: &Interrupts,
) -> anyhow::Result<Figures> {
    let beside = match plan.of_the_pairs() {
        Some(pairs) => Some(Arc::new(Stage::new(pairs, target.clone(), None).await?)),
        None => None,
    };
    let stage = Arc::new(Stage::new(plan.clone(), target.clone(), beside.clone()).await?);
    let figures = perform(&stage, beside.as_ref(), progress, interrupts).await;
    if figures.is_err() {
        [Some(&stage), beside.as_ref()].into_iter().flatten().for_each(|stage| stage.finish(&[]));
    }
    figures
}

/// The threads of a stage.
struct Cast {
    stage: Arc<Stage>,
    crews: Vec<Receiver<Tally>>,
    sources: Receiver<Sent>,
}

async fn perform(
    stage: &Arc<Stage>,
    beside: Option<&Arc<Stage>>,
    progress: &Progress,
    interrupts: &Interrupts,
) -> anyhow::Result<Figures> {
    let begun = stage.clock.now();
    let mut load = Cast::start(stage)?;
    let mut pairs = beside.map(Cast::start).transpose()?;
    connect(stage, progress, interrupts).await?;
    let connect_time = stage.subscribed_at.load(Ordering::Relaxed) - begun;
    if let Some(beside) = beside {
        connect(beside, progress, interrupts).await?;
        beside.begin();
    }
    stage.begin();

    let sent = load.publish(progress, interrupts).await?;
    let sent_beside = match &mut pairs {
        Some(pairs) => Some(pairs.publish(progress, interrupts).await?),
        None => None,
    };
    let tally = load.leave(&sent, progress, interrupts).await?;
    let mut figures = figures(stage, connect_time, &sent, tally);
    if let (Some(pairs), Some(sent)) = (pairs, sent_beside) {
        let messages = pairs.stage.measured.load(Ordering::Relaxed);
        let tally = pairs.leave(&sent, progress, interrupts).await?;
        figures.foreign += tally.foreign;
        figures.faults.merge(tally.faults);
        figures.beside = Some(Beside { messages, latency: tally.latency, lateness: sent.lateness });
    }
    Ok(figures)
}

impl Cast {
    fn start(stage: &Arc<Stage>) -> anyhow::Result<Self> {
        let mut crews = Vec::new();
        for thread in 0..stage.plan.threads {
            crews.push(crew::start(stage.clone(), thread).context("cannot start a thread of listeners")?);
        }
        let sources = sources::start(stage.clone()).context("cannot start the thread of the sources")?;
        Ok(Self { stage: stage.clone(), crews, sources })
    }

    async fn publish(&mut self, progress: &Progress, interrupts: &Interrupts) -> anyhow::Result<Sent> {
        publish(&self.stage, &mut self.sources, progress, interrupts).await
    }

    /// Has the listeners leave when they have what was sent; returns what they have seen.
    async fn leave(self, sent: &Sent, progress: &Progress, interrupts: &Interrupts) -> anyhow::Result<Tally> {
        drain(&self.stage, sent, progress, interrupts).await?;
        self.stage.finish(&sent.by_source);
        let mut tally = Tally::default();
        for crew in self.crews {
            tally.merge(crew.await.context("a thread of listeners has died")?);
        }
        self.stage.check()?;
        Ok(tally)
    }
}

async fn connect(stage: &Stage, progress: &Progress, interrupts: &Interrupts) -> anyhow::Result<()> {
    let Plan { listeners, sources, .. } = stage.plan;
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        stage.check()?;
        let subscribed = stage.subscribed.load(Ordering::Acquire);
        if subscribed == listeners && stage.sources_connected.load(Ordering::Relaxed) == sources {
            return Ok(());
        }
        anyhow::ensure!(!interrupts.once(), "interrupted when {subscribed} of {listeners} listeners had subscribed");
        let done = f64::from(subscribed) / f64::from(listeners);
        progress.show("connecting", done, format!("{subscribed} of {listeners} listeners"));
    }
}

async fn publish(
    stage: &Stage,
    sent: &mut Receiver<Sent>,
    progress: &Progress,
    interrupts: &Interrupts,
) -> anyhow::Result<Sent> {
    let begun = stage.clock.now();
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        stage.check()?;
        match sent.try_recv() {
            Ok(sent) => return Ok(sent),
            Err(TryRecvError::Closed) => {
                stage.check()?;
                anyhow::bail!("the thread of the sources has died");
            }
            Err(TryRecvError::Empty) => {}
        }
        if interrupts.once() || stage.has_lost_a_pair() {
            stage.stop();
        }
        anyhow::ensure!(!interrupts.twice(), "interrupted before the relay had dealt with everything");
        let seconds = seconds(stage.clock.now() - begun);
        let done = match stage.plan.extent {
            Extent::Messages(count) => stage.measured.load(Ordering::Relaxed) as f64 / count as f64,
            Extent::Duration(duration) => seconds / (stage.plan.warm_up + duration).as_secs_f64(),
            Extent::Stopped => 1.0,
        };
        let rate = stage.received() as f64 / seconds.max(f64::MIN_POSITIVE);
        progress.show("publishing", done, format!("{rate:.0} deliveries/s"));
    }
}

/// Waits until every listener has everything, or nothing has come for as long as the plan is patient.
async fn drain(stage: &Stage, sent: &Sent, progress: &Progress, interrupts: &Interrupts) -> anyhow::Result<()> {
    let expected = stage.plan.deliveries(&sent.by_source);
    let (mut before, mut quiet) = (0, Duration::ZERO);
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        stage.check()?;
        let received = stage.received();
        quiet = if received == before { quiet + TICK } else { Duration::ZERO };
        before = received;
        if received >= expected || quiet > stage.plan.patience || interrupts.twice() {
            return Ok(());
        }
        progress.show("waiting for", received as f64 / expected as f64, format!("{received} of {expected} deliveries"));
    }
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn seconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64()
}

fn figures(stage: &Stage, connect_time: u64, sent: &Sent, tally: Tally) -> Figures {
    let measure_from = stage.measure_from();
    // The last message sent and the last one received end the time in which both were done.
    let measured_time = tally.last.max(sent.last).saturating_sub(measure_from);
    Figures {
        plan: stage.plan.clone(),
        tls: stage.tls.get().cloned(),
        connect_seconds: seconds(connect_time),
        seconds: seconds(measured_time),
        messages: stage.measured.load(Ordering::Relaxed),
        lateness: matches!(stage.plan.pace, Pace::Rate(_)).then(|| sent.lateness.clone()),
        beside: None,
        connect: tally.connect,
        latency: tally.latency,
        deliveries: tally.measured,
        foreign: tally.foreign,
        faults: tally.faults,
    }
}
