//! Tasks that wait for one thing: each stands in the set once, however often it is polled meanwhile.

use std::collections::HashMap;
use std::task::{RawWakerVTable, Waker};

/// The tasks, by what tells their wakers apart.
#[derive(Default)]
pub(crate) struct WakerSet(HashMap<(usize, usize), Waker>);

impl WakerSet {
    /// Has the task of `waker` woken with the others.
    pub(crate) fn insert(&mut self, waker: &Waker) {
        let vtable: *const RawWakerVTable = waker.vtable();
        self.0.entry((waker.data().addr(), vtable.addr())).or_insert_with(|| waker.clone());
    }

    /// Wakes all of them.
    pub(crate) fn wake(self) {
        self.0.into_values().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn each_task_is_woken_once() {
        let tasks = [Arc::new(Wakes::default()), Arc::new(Wakes::default())];
        let mut set = WakerSet::default();
        for waker in tasks.iter().cloned().map(Waker::from) {
            set.insert(&waker);
            set.insert(&waker);
            set.insert(&waker.clone());
        }
        assert_eq!(set.0.len(), 2);
        set.wake();
        assert!(tasks.iter().all(|task| task.0.load(Ordering::SeqCst) == 1));
    }
}
