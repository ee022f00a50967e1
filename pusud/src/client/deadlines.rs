//! Deadlines of a shard's clients: one timer for all of them on each of two clocks.
//!
//! What a client has to do in time goes by a clock that stands still while the machine sleeps, for a client can do
//! nothing then. Authorizations end by one that runs on. Owns the alarms that are set, and wakes the tasks that set
//! them. The tasks know what there is to do then. Clients without an alarm cost nothing here.
//! **Invariant:** an alarm never rings early, and late only by what the runtime's timer and the other tasks take.

use super::uptime::{Timer, Uptime};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// The timer is set anew at least so often: far ends need not fit into what it can hold.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// What deadlines go by.
pub trait Clock: Copy + Ord {
    /// What waiting needs, made once.
    type Timer: Default;

    /// This moment.
    fn now() -> Self;

    /// Returns when it is `self`, or sooner.
    fn wait(self, timer: &mut Self::Timer) -> impl Future<Output = ()>;
}

impl Clock for Instant {
    type Timer = ();

    fn now() -> Self {
        Self::now()
    }

    async fn wait(self, (): &mut ()) {
        sleep_until(self.min(Self::now() + WAIT_MAX).into()).await;
    }
}

impl Clock for Uptime {
    type Timer = Timer;

    fn now() -> Self {
        Self::now()
    }

    async fn wait(self, timer: &mut Timer) {
        Self::wait(self, timer).await;
    }
}

/// The alarms of one shard on one clock.
pub struct Deadlines<C> {
    alarms: RefCell<Alarms<C>>,
    /// There is an earlier alarm than before.
    earlier: Notify,
}

struct Alarms<C> {
    by_time: BTreeMap<(C, u64), Waker>,
    set: u64,
    /// How many have rung that their tasks have not looked at since.
    rung: usize,
}

impl<C> Default for Deadlines<C> {
    fn default() -> Self {
        Self { alarms: RefCell::new(Alarms { by_time: BTreeMap::new(), set: 0, rung: 0 }), earlier: Notify::default() }
    }
}

impl<C: Clock> Deadlines<C> {
    /// Wakes `waker` at `at`, unless the alarm is dropped before.
    pub fn set(self: &Rc<Self>, at: C, waker: Waker) -> Alarm<C> {
        let mut alarms = self.alarms.borrow_mut();
        alarms.set += 1;
        let key = (at, alarms.set);
        alarms.by_time.insert(key, waker);
        if alarms.by_time.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.earlier.notify_one();
        }
        Alarm { deadlines: self.clone(), key }
    }

    /// Wakes whoever is due, for ever.
    pub async fn run(&self) {
        let mut timer = C::Timer::default();
        loop {
            match self.wake_due(C::now()) {
                // Whichever it is, the next step is the same.
                Some(next) => tokio::select! {
                    () = next.wait(&mut timer) => {}
                    () = self.earlier.notified() => {}
                },
                None => self.earlier.notified().await,
            }
        }
    }

    /// Wakes whoever is due by `now`; returns when the next one is.
    fn wake_due(&self, now: C) -> Option<C> {
        let mut alarms = self.alarms.borrow_mut();
        while let Some(first) = alarms.by_time.first_entry() {
            if first.key().0 > now {
                return Some(first.key().0);
            }
            first.remove().wake();
            alarms.rung += 1;
        }
        None
    }

    /// Whether there is a task that has something due to do. Wakes it if it is asleep. Where no alarm is set this reads no
    /// clock.
    pub fn any_due(&self) -> bool {
        if !self.alarms.borrow().by_time.is_empty() {
            self.wake_due(C::now());
        }
        self.alarms.borrow().rung > 0
    }
}

/// An alarm that is set, or has rung. Dropping it takes it back.
pub struct Alarm<C: Clock> {
    deadlines: Rc<Deadlines<C>>,
    key: (C, u64),
}

impl<C: Clock> Alarm<C> {
    /// When it rings.
    pub fn at(&self) -> C {
        self.key.0
    }
}

impl<C: Clock> Drop for Alarm<C> {
    fn drop(&mut self) {
        let mut alarms = self.deadlines.alarms.borrow_mut();
        if alarms.by_time.remove(&self.key).is_none() {
            alarms.rung -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Rings(AtomicUsize);

    impl Wake for Rings {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn rings_what_is_due_and_nothing_else() {
        let (deadlines, start, second) =
            (Rc::new(Deadlines::<Instant>::default()), Instant::now(), Duration::from_secs(1));
        let rings: Vec<Arc<Rings>> = (0..4).map(|_| Arc::default()).collect();
        // Two at one time, one later, one taken back.
        let at = [start, start, start + second, start];
        let mut alarms: Vec<_> =
            at.iter().zip(&rings).map(|(at, rings)| deadlines.set(*at, rings.clone().into())).collect();
        drop(alarms.pop());
        assert_eq!(deadlines.wake_due(start - second / 1000), Some(start));
        assert_eq!(deadlines.wake_due(start), Some(start + second));
        let counts = || rings.iter().map(|rings| rings.0.load(Ordering::Relaxed)).collect::<Vec<_>>();
        assert_eq!(counts(), [1, 1, 0, 0]);
        assert_eq!(deadlines.wake_due(start + second), None);
        assert_eq!(counts(), [1, 1, 1, 0]);
        assert_eq!(alarms[2].at(), start + second);
        assert!(deadlines.any_due(), "nobody has looked at those that have rung");
        drop(alarms);
        assert!(!deadlines.any_due());
        assert!(deadlines.alarms.borrow().by_time.is_empty());
    }

    /// On one of the clocks.
    async fn an_earlier_alarm_does_not_wait<C: Clock>(after: impl Fn(Duration) -> C) {
        let deadlines = Rc::new(Deadlines::default());
        let (later, sooner) = (Arc::<Rings>::default(), Arc::<Rings>::default());
        let _later = deadlines.set(after(Duration::from_secs(3600)), later.clone().into());
        let rung = async {
            tokio::task::yield_now().await;
            let _sooner = deadlines.set(after(Duration::from_millis(5)), sooner.clone().into());
            while sooner.0.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = deadlines.run() => unreachable!("it runs for ever"),
            rung = tokio::time::timeout(Duration::from_secs(20), rung) => rung.expect("it rings"),
        }
        assert_eq!(later.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn an_earlier_alarm_does_not_wait_for_a_later_one() {
        an_earlier_alarm_does_not_wait(|time| Instant::now() + time).await;
    }

    #[tokio::test]
    async fn nor_does_one_on_the_clock_that_runs_while_the_machine_sleeps() {
        an_earlier_alarm_does_not_wait(|time| Uptime::now() + time).await;
    }
}
