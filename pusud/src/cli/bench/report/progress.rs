//! The progress bar, for a person at a terminal; where standard error is none, nothing is shown.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Steps of the bar.
const STEPS: u64 = 1000;

/// What is going on.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template("{prefix:>12} [{bar:30}] {msg}").expect("a constant template");
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        bar.set_style(style.progress_chars("=> "));
        Self(bar)
    }

    /// Shows how much of `what` is done, from 0 to 1.
    pub(crate) fn show(&self, what: &'static str, done: f64, detail: String) {
        self.0.set_prefix(what);
        self.0.set_position((done.clamp(0.0, 1.0) * STEPS as f64) as u64);
        self.0.set_message(detail);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
