//! The report: the progress of a run, and what came out of it, as a table, as JSON and as a plot.

mod amounts;
mod figures;
pub(super) mod plot;
mod progress;
mod table;
mod tally;

pub(super) use figures::{Beside, Figures};
pub(super) use progress::Progress;
pub(super) use table::{headline, table};
pub(super) use tally::{Tally, Times};
