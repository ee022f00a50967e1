//! Deadlines of a shard's clients: one timer for all of them.
//!
//! Owns the alarms that are set, and wakes the tasks that set them. The tasks know what there is to do then. Clients
//! without an alarm cost nothing here.
//! **Invariant:** an alarm never rings early, and late only by what the runtime's timer and the other tasks take.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout_at;

/// The timer is set anew at least so often: far ends need not fit into what it can hold.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// The alarms of one shard.
#[derive(Default)]
pub struct Deadlines {
    alarms: RefCell<Alarms>,
    /// There is an earlier alarm than before.
    earlier: Notify,
}

#[derive(Default)]
struct Alarms {
    by_time: BTreeMap<(Instant, u64), Waker>,
    set: u64,
}

impl Deadlines {
    /// Wakes `waker` at `at`, unless the alarm is dropped before.
    pub fn set(self: &Rc<Self>, at: Instant, waker: Waker) -> Alarm {
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
        loop {
            match self.wake_due(Instant::now()) {
                // Elapsed or notified, the next step is the same.
                Some(next) => {
                    drop(timeout_at(next.min(Instant::now() + WAIT_MAX).into(), self.earlier.notified()).await)
                }
                None => self.earlier.notified().await,
            }
        }
    }

    /// Wakes whoever is due by `now`; returns when the next one is.
    fn wake_due(&self, now: Instant) -> Option<Instant> {
        let mut alarms = self.alarms.borrow_mut();
        while let Some(first) = alarms.by_time.first_entry() {
            if first.key().0 > now {
                return Some(first.key().0);
            }
            first.remove().wake();
        }
        None
    }
}

/// An alarm that is set, or has rung. Dropping it takes it back.
pub struct Alarm {
    deadlines: Rc<Deadlines>,
    key: (Instant, u64),
}

impl Alarm {
    /// When it rings.
    pub fn at(&self) -> Instant {
        self.key.0
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.deadlines.alarms.borrow_mut().by_time.remove(&self.key);
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
        let (deadlines, start, second) = (Rc::new(Deadlines::default()), Instant::now(), Duration::from_secs(1));
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
        drop(alarms);
        assert!(deadlines.alarms.borrow().by_time.is_empty());
    }

    #[tokio::test]
    async fn an_earlier_alarm_does_not_wait_for_a_later_one() {
        let deadlines = Rc::new(Deadlines::default());
        let (later, sooner) = (Arc::<Rings>::default(), Arc::<Rings>::default());
        let now = Instant::now();
        let _later = deadlines.set(now + Duration::from_secs(3600), later.clone().into());
        let rung = async {
            tokio::task::yield_now().await;
            let _sooner = deadlines.set(Instant::now() + Duration::from_millis(5), sooner.clone().into());
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
}
