//! The two formats of metrics, and which of them a scraper wants.

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// The text format 0.0.4 of Prometheus, which everybody reads.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// How much of a media type is wanted, by the range that names it most exactly.
#[derive(Default)]
struct Wish {
    exactness: u8,
    quality: f32,
}

impl Wish {
    fn hear(&mut self, exactness: u8, quality: f32) {
        if exactness > self.exactness {
            *self = Self { exactness, quality };
        } else if exactness == self.exactness {
            self.quality = self.quality.max(quality);
        }
    }
}

impl Format {
    /// What the header `Accept` asks for (RFC 9110, section 12.5.1). OpenMetrics only where it is named and no less wanted
    /// than the other; whoever asks for neither gets that of Prometheus.
    pub(super) fn from_accept(accept: &str) -> Self {
        let (mut open_metrics, mut text) = (Wish::default(), Wish::default());
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut quality, mut version) = (1.0, None);
            for (key, value) in parts.filter_map(|part| part.split_once('=')) {
                match key.trim_end().to_ascii_lowercase().as_str() {
                    "q" => quality = value.trim().parse().unwrap_or(0.0),
                    "version" => version = Some(value.trim().trim_matches('"')),
                    _ => {}
                }
            }
            match name.as_str() {
                "application/openmetrics-text" if version.is_none_or(|version| version == "1.0.0") => {
                    open_metrics.hear(3, quality);
                }
                "text/plain" if version.is_none_or(|version| version == "0.0.4") => text.hear(3, quality),
                "text/*" => text.hear(2, quality),
                "*/*" => text.hear(1, quality),
                _ => {}
            }
        }
        let is_wanted = open_metrics.quality > 0.0 && open_metrics.quality >= text.quality;
        if is_wanted { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The media type of what is written.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_prefers_open_metrics_gets_it_and_everybody_else_what_everybody_reads() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for accept in [
            prometheus_2,
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8",
            "text/plain;q=0.3, application/openmetrics-text;q=0.4",
            "*/*;q=0.9, application/openmetrics-text;q=0.9",
        ] {
            assert_eq!(Format::from_accept(accept), Format::OpenMetrics, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/plain",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=x",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;q=0.5, text/plain;q=0.8",
            "application/openmetrics-text;q=0.5, */*;q=0.8",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
            ";;;,,,=;q",
        ] {
            assert_eq!(Format::from_accept(accept), Format::Prometheus, "{accept}");
        }
    }
}
