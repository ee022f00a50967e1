//! The writer of metrics: families with their series, in either format.
//!
//! It knows nothing of relays. **Invariant:** whatever a label says, no line but its own is changed by it.

use super::format::Format;
use super::names::{Kind, Metric};
use std::fmt::Write as _;

/// Labels of a series: names and values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// What is written so far.
pub(super) struct Writer {
    out: String,
    format: Format,
}

impl Writer {
    pub(super) fn new(format: Format) -> Self {
        Self { out: String::with_capacity(16 * 1024), format }
    }

    /// Everything, with its end.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    /// Begins a family. All of its series come before the next one begins.
    pub(super) fn family(&mut self, metric: &Metric) -> Family<'_> {
        let Metric { name, kind, help, .. } = *metric;
        self.described(name, kind, help)
    }

    /// The same of a name that is known only now. That of a counter is without its `_total`.
    pub(super) fn described(&mut self, name: &str, kind: Kind, help: &str) -> Family<'_> {
        let is_open = self.format == Format::OpenMetrics;
        let shown = match kind {
            Kind::Counter if !is_open => format!("{name}_total"),
            Kind::Info if !is_open => format!("{name}_info"),
            _ => name.to_owned(),
        };
        let word = match kind {
            Kind::Counter => "counter",
            Kind::Info if is_open => "info",
            Kind::Gauge | Kind::Info => "gauge",
            Kind::Histogram => "histogram",
        };
        self.out.push_str("# HELP ");
        self.out.push_str(&shown);
        self.out.push(' ');
        escape(&mut self.out, help, is_open);
        // Writing to a String cannot fail.
        let _ = write!(self.out, "\n# TYPE {shown} {word}\n");
        if is_open && let Some(unit) = unit(name) {
            let _ = writeln!(self.out, "# UNIT {shown} {unit}");
        }
        let suffix = match kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        Family { out: &mut self.out, name: format!("{name}{suffix}") }
    }
}

/// A family that has begun.
pub(super) struct Family<'a> {
    out: &'a mut String,
    name: String,
}

impl Family<'_> {
    /// One series.
    pub(super) fn series(&mut self, labels: Labels<'_>, value: f64) {
        self.line("", labels, None, value);
    }

    /// A series whose value is a count.
    pub(super) fn count(&mut self, labels: Labels<'_>, value: u64) {
        // Exact up to 2^53, as far as whoever reads it counts.
        self.series(labels, value as f64);
    }

    /// A series that is 1 where that is so, else 0.
    pub(super) fn is(&mut self, labels: Labels<'_>, holds: bool) {
        self.count(labels, holds.into());
    }

    /// The series of a histogram: how many there were up to each bound that are above the one before it, and beyond the
    /// last.
    pub(super) fn histogram(&mut self, labels: Labels<'_>, bounds: &[f64], counts: &[u64], sum: f64) {
        let mut up_to = 0_u64;
        let ends = bounds.iter().copied().chain([f64::INFINITY]);
        for (bound, count) in ends.zip(counts) {
            up_to = up_to.saturating_add(*count);
            self.line("_bucket", labels, Some(bound), up_to as f64);
        }
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, up_to as f64);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<f64>, value: f64) {
        self.out.push_str(&self.name);
        self.out.push_str(suffix);
        let bound = bound.map(|bound| match number(bound) {
            // As OpenMetrics has it, in both: it is a label, and a series must be one and the same in either.
            whole if whole.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => whole + ".0",
            other => other,
        });
        let bound = bound.as_deref().map(|bound| ("le", bound));
        for (n, (name, value)) in labels.iter().copied().chain(bound).enumerate() {
            self.out.push(if n == 0 { '{' } else { ',' });
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(self.out, value, true);
            self.out.push('"');
        }
        if !labels.is_empty() || bound.is_some() {
            self.out.push('}');
        }
        self.out.push(' ');
        self.out.push_str(&number(value));
        self.out.push('\n');
    }
}

/// The unit in a name, which is its last word.
fn unit(name: &str) -> Option<&'static str> {
    ["seconds", "bytes"].into_iter().find(|unit| name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
}

fn escape(out: &mut String, text: &str, quotes: bool) {
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(write: impl Fn(&mut Writer)) -> [String; 2] {
        [Format::Prometheus, Format::OpenMetrics].map(|format| {
            let mut writer = Writer::new(format);
            write(&mut writer);
            writer.finish()
        })
    }

    #[test]
    fn counters_and_infos_are_named_as_each_format_wants_it() {
        let [text, open] = both(|writer| {
            writer.described("sent_bytes", Kind::Counter, "So \"much\".").count(&[], 3);
            writer.described("built", Kind::Info, "What.").is(&[("version", "1")], true);
        });
        let lines = "# HELP sent_bytes_total So \"much\".\n# TYPE sent_bytes_total counter\nsent_bytes_total 3\n\
                     # HELP built_info What.\n# TYPE built_info gauge\nbuilt_info{version=\"1\"} 1\n";
        assert_eq!(text, lines);
        let lines = "# HELP sent_bytes So \\\"much\\\".\n# TYPE sent_bytes counter\n# UNIT sent_bytes bytes\n\
                     sent_bytes_total 3\n# HELP built What.\n# TYPE built info\nbuilt_info{version=\"1\"} 1\n# EOF\n";
        assert_eq!(open, lines);
    }

    #[test]
    fn buckets_add_up_and_are_the_same_series_in_both() {
        let [text, open] = both(|writer| {
            let mut family = writer.described("took_seconds", Kind::Histogram, "Long.");
            family.histogram(&[("by", "a")], &[0.000_01, 1.0, 10.0], &[1, 2, 0, 4], 61.5);
        });
        let series = "took_seconds_bucket{by=\"a\",le=\"0.00001\"} 1\ntook_seconds_bucket{by=\"a\",le=\"1.0\"} 3\n\
                      took_seconds_bucket{by=\"a\",le=\"10.0\"} 3\ntook_seconds_bucket{by=\"a\",le=\"+Inf\"} 7\n\
                      took_seconds_sum{by=\"a\"} 61.5\ntook_seconds_count{by=\"a\"} 7\n";
        assert_eq!(text, format!("# HELP took_seconds Long.\n# TYPE took_seconds histogram\n{series}"));
        let head = "# HELP took_seconds Long.\n# TYPE took_seconds histogram\n# UNIT took_seconds seconds\n";
        assert_eq!(open, format!("{head}{series}# EOF\n"));
    }

    #[test]
    fn no_label_and_no_help_begins_another_line_or_label() {
        for text in both(|writer| {
            let mut family = writer.described("a", Kind::Gauge, "x\ny\\z");
            family.series(&[("b", "\"} 1\nevil 2\\"), ("c", "ü🦀")], f64::NAN);
            family.series(&[], f64::NEG_INFINITY);
        }) {
            let lines: Vec<&str> = text.lines().filter(|line| *line != "# EOF").collect();
            assert_eq!(lines[0], "# HELP a x\\ny\\\\z");
            assert_eq!(lines[2], "a{b=\"\\\"} 1\\nevil 2\\\\\",c=\"ü🦀\"} NaN");
            assert_eq!(lines[3..], ["a -Inf"]);
        }
    }

    #[test]
    fn numbers_have_no_exponent_and_lose_nothing() {
        for (value, text) in [(0.0, "0"), (1e-9, "0.000000001"), (9_007_199_254_740_992.0, "9007199254740992")] {
            assert_eq!(number(value), text);
        }
    }
}
