//! Callbacks of plugins to their host: the functions of the host table, by the number that stands for `ctx`.
//!
//! **Invariant:** the table's `ctx` is a number that is looked up here, never a pointer: a plugin that calls after
//! `destroy`, or with garbage, finds nobody.

use super::answer::{Answer, Fault, printable};
use super::facts::Facts;
use super::grants::GrantOrders;
use super::log_line::LogLine;
use super::metrics::InstanceMetrics;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

static ALL: RwLock<BTreeMap<usize, Weak<dyn Callbacks>>> = RwLock::new(BTreeMap::new());
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// What one instance's calls lead to, once library.rs has copied their arguments out of the plugin's memory.
pub(super) trait Callbacks: Send + Sync {
    /// The plugin's id, for the log.
    fn plugin(&self) -> &str;
    /// What the plugin is told when it asks (`pusu.host/1`).
    fn facts(&self) -> &Facts;
    /// What stands for this across the border.
    fn number(&self) -> Number;
    /// The table's `log`: a line of the plugin's for the daemon's log.
    fn log(&self, line: LogLine);
    /// Whether lines of this level are written now.
    fn is_logged(&self, level: i32) -> bool;
    /// The table's `complete`. `answer` may be called once at most.
    fn complete(&self, ticket: u64, answer: &mut dyn FnMut() -> Result<Answer, Fault>) -> i32;
    /// Where the table's `set_error` puts its text.
    fn last_error(&self) -> &LastError;
    /// Where orders for grants go; `None`: the plugin has not the flag GRANTS.
    fn grants(&self) -> Option<&dyn GrantOrders>;
    /// The plugin's counters, gauges and histograms.
    fn metrics(&self) -> &InstanceMetrics;
}

/// Stands for an instance's callbacks across the border. Never 0, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(usize);

impl Number {
    /// As the table's `ctx` carries it.
    pub(super) fn get(self) -> usize {
        self.0
    }
}

/// Makes callbacks with a number of their own, and makes them known under it as long as they live.
pub(super) fn numbered<T: Callbacks + 'static>(make: impl FnOnce(Number) -> T) -> Arc<T> {
    let number = Number(NEXT.fetch_add(1, Ordering::Relaxed));
    let callbacks = Arc::new(make(number));
    let weak: Weak<T> = Arc::downgrade(&callbacks);
    ALL.write().unwrap_or_else(PoisonError::into_inner).insert(number.0, weak);
    callbacks
}

/// Whom a plugin means by `number`, if they live.
pub(super) fn find(number: usize) -> Option<Arc<dyn Callbacks>> {
    ALL.read().unwrap_or_else(PoisonError::into_inner).get(&number)?.upgrade()
}

/// To be called when callbacks are dropped.
pub(super) fn forget(number: Number) {
    ALL.write().unwrap_or_else(PoisonError::into_inner).remove(&number.0);
}

/// What a plugin said last about why `create` is about to fail.
#[derive(Default)]
pub(super) struct LastError(Mutex<Option<String>>);

impl LastError {
    /// Keeps the text, made printable; an empty one says nothing.
    pub(super) fn set(&self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let said = (!text.trim().is_empty()).then(|| printable(&text));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = said;
    }

    /// Gives the text away.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_create_said() {
        let error = LastError::default();
        assert_eq!(error.take(), None);
        error.set(b"bad\n\xff");
        assert_eq!(error.take().as_deref(), Some("bad\\n\u{fffd}"));
        error.set(b" \n");
        assert_eq!(error.take(), None, "nothing was said");
    }
}
