//! Ctrl-C: once ends the sending, and what was sent by then is measured; twice ends everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How often Ctrl-C was pressed.
#[derive(Clone, Default)]
pub(super) struct Interrupts(Arc<AtomicU32>);

impl Interrupts {
    /// Counts from now on. Where signals cannot be waited for, Ctrl-C ends the process as it always does.
    pub(super) fn watch() -> Self {
        let interrupts = Self::default();
        let counting = interrupts.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                counting.0.fetch_add(1, Ordering::Relaxed);
            }
        });
        interrupts
    }

    /// Nothing more shall be sent.
    pub(super) fn once(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Nothing more shall be waited for.
    pub(super) fn twice(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}
