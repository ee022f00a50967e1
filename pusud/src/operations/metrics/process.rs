//! Metrics of the process, called as everybody calls them. What the system does not tell is left out.

use super::names::{self, Metric};
use super::writer::Writer;
use crate::control::Status;
use crate::system::ProcessFigures;

pub(super) fn write(writer: &mut Writer, status: &Status, figures: &ProcessFigures) {
    let count = |count: Option<u64>| count.map(|count| count as f64);
    let all: [(&Metric, Option<f64>); 7] = [
        (&names::CPU, figures.cpu_seconds),
        (&names::RESIDENT, count(figures.resident_bytes)),
        (&names::VIRTUAL, count(figures.virtual_bytes)),
        (&names::OPEN_FILES, count(status.open_files.used)),
        (&names::MAX_FILES, count(status.open_files.max)),
        (&names::PROCESS_START, figures.start_time),
        (&names::THREADS, count(figures.threads)),
    ];
    for (metric, value) in all {
        if let Some(value) = value {
            writer.one(metric, value);
        }
    }
}
