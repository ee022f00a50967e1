//! Metrics: the status of a relay as text for Prometheus and whoever else reads its formats.
//!
//! Functions from values to text. Values are those of the scrape; nothing here is kept from one to the next, and a shard that
//! does not answer is a 0 of its own and a hole in the sums.

mod authenticators;
mod clients;
mod format;
mod history;
mod links;
mod names;
mod nats;
mod plugins;
mod process;
mod relay;
mod writer;

use format::Format;

use super::answers::{self, Answer};
use crate::control::{Histogram, Status};
use crate::system::ProcessFigures;
use hyper::{HeaderMap, StatusCode, header};
use names::Metric;
use writer::Writer;

/// The answer to a scrape that came with these headers. `is_ready`: new clients may be sent here.
pub(super) fn answer(status: &Status, is_ready: bool, headers: &HeaderMap) -> Answer {
    let wishes: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let format = Format::from_accept(&wishes.join(","));
    let text = write(status, is_ready, &ProcessFigures::now(), format);
    answers::with(answers::answer(StatusCode::OK, format.content_type(), text), header::VARY, "accept")
}

/// All metrics of a relay with this status, which is ready for clients or not, in this process.
fn write(status: &Status, is_ready: bool, process: &ProcessFigures, format: Format) -> String {
    let mut writer = Writer::new(format);
    relay::write(&mut writer, status, is_ready);
    clients::write(&mut writer, status);
    status.history.iter().for_each(|kept| history::write(&mut writer, kept));
    authenticators::write(&mut writer, status);
    links::write(&mut writer, status);
    status.nats.iter().for_each(|nats| nats::write(&mut writer, nats));
    process::write(&mut writer, status, process);
    plugins::write(&mut writer, &status.authenticator);
    writer.finish()
}

impl Writer {
    /// A family of one series without labels.
    fn one(&mut self, metric: &Metric, value: f64) {
        self.family(metric).series(&[], value);
    }

    /// The same, of a histogram; left out where nobody counts in it.
    fn one_histogram(&mut self, metric: &Metric, histogram: &Histogram) {
        if !histogram.counts.is_empty() {
            self.family(metric).histogram(&[], &histogram.bounds, &histogram.counts, histogram.sum);
        }
    }
}

#[cfg(test)]
mod tests;
