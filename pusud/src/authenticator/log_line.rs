//! A line of a plugin's for the daemon's log.

use super::answer::printable;
use std::fmt::Write as _;

/// One line as the plugin wrote it, within the ABI's bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LogLine {
    /// 1 error, 2 warning, 3 info, 4 debug, 5 and above trace.
    pub(super) level: i32,
    /// The request or grant that it is about; 0: none.
    pub(super) ticket: u64,
    pub(super) text: Vec<u8>,
    /// Key and value.
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl LogLine {
    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.text.len() + self.attributes.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
    }

    /// Writes it to the log of `plugin`.
    pub(super) fn write(&self, plugin: &str) {
        let text = printable(&String::from_utf8_lossy(&self.text));
        let ticket = (self.ticket != 0).then_some(self.ticket);
        let attributes = (!self.attributes.is_empty()).then(|| self.attributes_text());
        match self.level {
            1 => tracing::error!(plugin, ticket, attributes, "{text}"),
            2 => tracing::warn!(plugin, ticket, attributes, "{text}"),
            3 => tracing::info!(plugin, ticket, attributes, "{text}"),
            4 => tracing::debug!(plugin, ticket, attributes, "{text}"),
            _ => tracing::trace!(plugin, ticket, attributes, "{text}"),
        }
    }

    fn attributes_text(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.attributes {
            let [key, value] = [key, value].map(|bytes| printable(&String::from_utf8_lossy(bytes)));
            let blank = if text.is_empty() { "" } else { " " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{blank}{key}={value}");
        }
        text
    }
}

/// Whether lines of this level are written now.
pub(super) fn is_enabled(level: i32) -> bool {
    use tracing::level_filters::LevelFilter;
    let filter = match level {
        1 => LevelFilter::ERROR,
        2 => LevelFilter::WARN,
        3 => LevelFilter::INFO,
        4 => LevelFilter::DEBUG,
        5.. => LevelFilter::TRACE,
        // There is no such level; a line of it is written as the last one.
        _ => LevelFilter::TRACE,
    };
    filter <= LevelFilter::current()
}
