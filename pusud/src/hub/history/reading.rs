//! Reading a log without joining it.

use crate::history::{Joining, Start};
use crate::hub::Hub;

impl Hub {
    /// Whether a channel has history.
    pub fn has_history(&self, channel: &str) -> bool {
        let state = self.state.borrow();
        state.history.as_ref().is_some_and(|history| history.view.logs().settings().rule_of(channel).is_some())
    }

    /// What a listener would be sent first that begins at `start`; `None`: the channel has no history. Everything that this shard
    /// has accepted is in it.
    pub fn read_history(&self, channel: &str, start: Start) -> Option<Joining> {
        let state = &mut *self.state.borrow_mut();
        state.close_run();
        self.schedule_flush();
        let history = state.history.as_mut()?;
        let logs = history.view.logs();
        let now = logs.now();
        Some(logs.log_to_read(channel, now)?.read(start, now))
    }
}
