//! One thread's view of the logs: which channels it has looked up.

use super::log::Log;
use super::logs::Logs;
use std::collections::HashMap;
use std::sync::Arc;

/// Names that a view remembers; past it the view is emptied, so that publishing to ever new names costs no memory.
const VIEW_CHANNELS_MAX: usize = 4096;

/// A view of all logs.
pub struct LogsView {
    logs: Arc<Logs>,
    seen: HashMap<Box<str>, Option<Arc<Log>>>,
}

impl LogsView {
    /// Nothing was looked up yet.
    pub fn new(logs: Arc<Logs>) -> Self {
        Self { logs, seen: HashMap::new() }
    }

    /// The logs themselves.
    pub fn logs(&self) -> &Arc<Logs> {
        &self.logs
    }

    /// The log of a channel; `None`: it has no history.
    pub fn log(&mut self, channel: &str) -> Option<Arc<Log>> {
        if let Some(log) = self.seen.get(channel) {
            return log.clone();
        }
        if self.seen.len() >= VIEW_CHANNELS_MAX {
            self.seen.clear();
        }
        let log = self.logs.log(channel, self.logs.now());
        self.seen.insert(channel.into(), log.clone());
        log
    }

    /// The log that it gave was forgotten: the next one is another.
    pub fn forget(&mut self, channel: &str) {
        self.seen.remove(channel);
    }
}
