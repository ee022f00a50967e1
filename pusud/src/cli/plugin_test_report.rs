//! The report of the conformance kit, for people and as JUnit XML for programs.

use super::plugins::printable;
use pusud::authenticator::{Check, Latency, Passed};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many lines of a process's log are shown with its failure.
const LOG_LINES_MAX: usize = 5;
/// The longest bar of a histogram, in characters.
const BAR_CHARS_MAX: usize = 40;

/// All checks of one library.
pub(super) struct Report {
    file: PathBuf,
    /// Whether the plugin ran in a process of its own.
    in_process: bool,
    /// So far.
    pub(super) tested: Vec<Tested>,
}

/// One check that was made or skipped.
pub(super) struct Tested {
    pub(super) check: &'static Check,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

/// How a check came out.
pub(super) enum Outcome {
    Passed(Passed),
    /// Why, in one or more lines.
    Failed(String),
    /// The name of the check that failed before.
    Skipped(&'static str),
}

impl Outcome {
    /// Adds to a failure the last lines that its process wrote.
    pub(super) fn with_log(self, log: &[String]) -> Self {
        let Self::Failed(mut why) = self else { return self };
        let lines = log.iter().filter(|line| !line.is_empty());
        for line in lines.skip(log.iter().filter(|line| !line.is_empty()).count().saturating_sub(LOG_LINES_MAX)) {
            // Writing to a String cannot fail.
            let _ = write!(why, "\nlog: {line}");
        }
        Self::Failed(why)
    }
}

impl Report {
    pub(super) fn new(file: &Path, in_process: bool) -> Self {
        Self { file: file.to_owned(), in_process, tested: Vec::new() }
    }

    pub(super) fn heading(&self) -> String {
        let isolation = if self.in_process { " with `isolation: process`" } else { "" };
        format!("conformance of {}{isolation}\n", self.file.display())
    }

    /// The failed check without which the others cannot be made, if there is one.
    pub(super) fn stopped_by(&self) -> Option<&'static str> {
        let fatal = |tested: &&Tested| tested.check.required && matches!(tested.outcome, Outcome::Failed(_));
        self.tested.iter().find(fatal).map(|tested| tested.check.name)
    }

    /// The names of the checks that have failed.
    pub(super) fn failed(&self) -> impl Iterator<Item = &'static str> {
        let failed = self.tested.iter().filter(|tested| matches!(tested.outcome, Outcome::Failed(_)));
        failed.map(|tested| tested.check.name)
    }

    /// As JUnit's XML, which continuous integration systems read.
    pub(super) fn junit(&self) -> String {
        let skipped = self.tested.iter().filter(|tested| matches!(tested.outcome, Outcome::Skipped(_))).count();
        let seconds: f64 = self.tested.iter().map(|tested| tested.took.as_secs_f64()).sum();
        let suite = format!(
            "name=\"pusud plugins test{}\" tests=\"{}\" failures=\"{}\" skipped=\"{skipped}\" time=\"{seconds:.3}\"",
            if self.in_process { " --isolation process" } else { "" },
            self.tested.len(),
            self.failed().count()
        );
        let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite {suite}>\n");
        for tested in &self.tested {
            text.push_str(&tested.junit(&self.file.display().to_string()));
        }
        text.push_str("</testsuite>\n</testsuites>\n");
        text
    }
}

impl Tested {
    /// One line, more where there is more to say.
    pub(super) fn readable(&self) -> String {
        let (mark, said) = match &self.outcome {
            Outcome::Passed(passed) => ("ok", passed.note.clone()),
            Outcome::Failed(why) => ("FAILED", why.clone()),
            Outcome::Skipped(earlier) => ("skipped", format!("since `{earlier}` has failed")),
        };
        let mut lines = said.lines();
        let first = lines.next().map(clean).unwrap_or_default();
        let mut text = format!("{mark:<8}{:<26}{first}", self.check.name).trim_end().to_owned() + "\n";
        for line in lines {
            let _ = writeln!(text, "        {}", clean(line));
        }
        if matches!(self.outcome, Outcome::Failed(_)) {
            let _ = writeln!(text, "        expected: {}", self.check.demands);
        }
        if let Outcome::Passed(Passed { latency: Some(latency), .. }) = &self.outcome {
            text.push_str(&histogram(latency));
        }
        text
    }

    fn junit(&self, file: &str) -> String {
        let name = format!("classname=\"{}\" name=\"{}\"", escaped(file), escaped(self.check.name));
        let inner = match &self.outcome {
            Outcome::Passed(passed) if passed.note.is_empty() => String::new(),
            Outcome::Passed(passed) => format!("<system-out>{}</system-out>", escaped(&passed.note)),
            Outcome::Failed(why) => {
                let first = why.lines().next().unwrap_or_default();
                format!("<failure message=\"{}\">{}</failure>", escaped(first), escaped(why))
            }
            Outcome::Skipped(earlier) => format!("<skipped message=\"`{}` has failed\"/>", escaped(earlier)),
        };
        format!("<testcase {name} time=\"{:.3}\">{inner}</testcase>\n", self.took.as_secs_f64())
    }
}

fn histogram(latency: &Latency) -> String {
    let most = latency.buckets.iter().map(|(_, calls)| *calls).max().unwrap_or(0).max(1);
    let mut text = String::new();
    for (bound, calls) in &latency.buckets {
        let bar = "#".repeat((calls * BAR_CHARS_MAX).div_ceil(most));
        let _ =
            writeln!(text, "{}", format!("        up to {:>8} {calls:>6} {bar}", format!("{bound:.0?}")).trim_end());
    }
    text
}

/// A line that neither steers the terminal nor is a dash for being empty.
fn clean(line: &str) -> String {
    if line.is_empty() { String::new() } else { printable(line) }
}

/// Text for XML, where most control characters may not stand at all.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusud::authenticator::CHECKS;

    fn tested(check: usize, outcome: Outcome) -> Tested {
        Tested { check: &CHECKS[check], outcome, took: Duration::from_millis(1500) }
    }

    fn report() -> Report {
        let failure = Outcome::Failed("is \"bad\" & <ugly>\u{1b}[31m".into());
        let log: Vec<String> = (0..9).map(|line| format!("line {line}")).collect();
        let mut report = Report::new(Path::new("/p/a.so"), false);
        report.tested = vec![
            tested(0, Outcome::Passed(Passed { note: "A 1.0".into(), latency: None })),
            tested(1, failure.with_log(&log)),
            tested(2, Outcome::Skipped(CHECKS[1].name)),
        ];
        report
    }

    #[test]
    fn people_read_why() {
        let report = report();
        assert_eq!(report.stopped_by(), Some("layout"));
        let lines: String = report.tested.iter().map(Tested::readable).collect();
        assert!(lines.starts_with("ok      file                      A 1.0\nFAILED  layout"), "{lines}");
        assert!(lines.contains("log: line 4") && !lines.contains("log: line 3"), "{lines}");
        assert!(lines.contains("expected: it can be loaded") && !lines.contains('\u{1b}'), "{lines}");
        assert!(lines.contains("skipped create"), "{lines}");
    }

    #[test]
    fn programs_read_junit() {
        let text = report().junit();
        assert!(text.contains("tests=\"3\" failures=\"1\" skipped=\"1\" time=\"4.500\""), "{text}");
        assert!(text.contains("message=\"is &quot;bad&quot; &amp; &lt;ugly&gt;\u{fffd}[31m\""), "{text}");
        assert_eq!(text.matches("<testcase ").count(), 3);
    }
}
