//! The status, gathered once for all who ask at about the same time, so that no number of questions costs clients anything.

use crate::control::{Status, StatusGatherer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How old a status may be that is given again.
const AGE_MAX: Duration = Duration::from_millis(250);

/// The status of a relay that serves.
pub(super) struct SharedStatus {
    gatherer: Arc<StatusGatherer>,
    last: Mutex<Option<(Instant, Arc<Status>)>>,
}

impl SharedStatus {
    pub(super) fn new(gatherer: Arc<StatusGatherer>) -> Self {
        Self { gatherer, last: Mutex::default() }
    }

    /// The status of now. Takes a second where a shard hangs.
    pub(super) async fn get(&self) -> Arc<Status> {
        // Whoever comes meanwhile waits here, and is given the same.
        let mut last = self.last.lock().await;
        if let Some((at, status)) = &*last
            && at.elapsed() < AGE_MAX
        {
            return status.clone();
        }
        let status = Arc::new(self.gatherer.gather().await);
        *last = Some((Instant::now(), status.clone()));
        status
    }
}
