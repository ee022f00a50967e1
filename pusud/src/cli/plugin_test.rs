//! `pusud plugins test`: the conformance kit, each check in a process of its own.
//!
//! A process that crashes or hangs is a failed check with its name, and nothing happens to this one. The job goes to it
//! through standard input, since options are secrets and arguments are not.

use super::plugin_test_report::{Outcome, Report, Tested};
use super::{note, print};
use anyhow::{Context as _, bail};
use pusud::authenticator::{self, CHECKS, Check, Job, Passed};
use pusud::{config, system};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud plugins test target/release/libmy_authenticator.so
  pusud plugins test target/release/libmy_authenticator.so --isolation process
  pusud plugins test libpassword_authenticator.so --options options.yaml --junit report.xml";

#[derive(clap::Args)]
pub(super) struct Args {
    /// The library
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A YAML file with the plugin's options, as they stand below `authenticator_options` in the settings
    #[arg(long, value_name = "FILE")]
    options: Option<PathBuf>,
    /// Also write the results to this file, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Where the plugin runs, as `isolation` in the settings: it has to pass with both
    #[arg(long, value_name = "WHERE", default_value = "thread")]
    isolation: Where,
    /// The time that one decision may take, as `limits.authorize_call_timeout` in the settings
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    call_timeout: Duration,
    /// The time that one check may take; one that takes longer has failed
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    check_timeout: Duration,
}

/// As `isolation` in the settings.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Where {
    /// On threads of the process of the check
    Thread,
    /// In a process of its own
    Process,
}

/// What the process of a check tells, in one line.
#[derive(Serialize, Deserialize)]
enum Told {
    Passed(Passed),
    Failed(String),
}

/// What the line begins with: the plugin may print lines of its own.
const TOLD: &str = "pusud check: ";
/// How often a process is looked at.
const POLL: Duration = Duration::from_millis(5);
/// How long the output of a process that has ended may stay open, in a grandchild's hands.
const OUTPUT_WAIT: Duration = Duration::from_secs(1);
/// How many of its last lines are kept, and how long a line may be.
const LINES_MAX: usize = 200;
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Makes all checks.
///
/// # Errors
/// A check was not passed, or could not be made at all.
pub(super) fn test(args: &Args) -> anyhow::Result<()> {
    let options = args.options.as_deref().map(config::load_options).transpose()?.unwrap_or_default();
    let file = std::path::absolute(&args.file).with_context(|| args.file.display().to_string())?;
    let mut report = Report::new(&args.file, args.isolation == Where::Process);
    print(&report.heading())?;
    for check in CHECKS {
        let tested = match report.stopped_by() {
            Some(earlier) => Tested { check, outcome: Outcome::Skipped(earlier), took: Duration::ZERO },
            None => tested(check, &file, &options, args)?,
        };
        print(&tested.readable())?;
        report.tested.push(tested);
    }
    if let Some(junit) = &args.junit {
        std::fs::write(junit, report.junit()).with_context(|| format!("cannot write {}", junit.display()))?;
    }
    let failed: Vec<&str> = report.failed().collect();
    if !failed.is_empty() {
        bail!("{} has failed {} of {} checks: {}", args.file.display(), failed.len(), CHECKS.len(), failed.join(", "));
    }
    print("all checks are passed\n")
}

/// The other end: makes the one check that standard input tells of, in this process.
///
/// # Errors
/// No job comes.
pub(super) fn run_check() -> anyhow::Result<()> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().read_to_string(&mut text).context("cannot read the job from standard input")?;
    let job: Job = serde_json::from_str(&text).context("standard input holds no job; this is not for people")?;
    system::start_logging(system::Format::Text, system::Level::Warn, system::Output::Direct)?;
    // An error means that nobody wants to know.
    authenticator::forbid_exit(|why| drop(tell(&Told::Failed(why.to_owned()))));
    tell(&match authenticator::run(&job) {
        Ok(passed) => Told::Passed(passed),
        Err(error) => Told::Failed(format!("{error:#}")),
    })
}

fn tell(told: &Told) -> anyhow::Result<()> {
    // Behind whatever the plugin has printed without ending the line.
    print(&format!("\n{TOLD}{}\n", serde_json::to_string(told).context("cannot write the outcome")?))
}

fn tested(check: &'static Check, file: &Path, options: &Map<String, Value>, args: &Args) -> anyhow::Result<Tested> {
    let job = Job {
        check: check.name.to_owned(),
        file: file.to_owned(),
        options: options.clone(),
        call_timeout: args.call_timeout,
        in_process: args.isolation == Where::Process,
    };
    let started = Instant::now();
    let mut process = Process::start(&job).context("cannot start the process of a check")?;
    let status = process.wait(args.check_timeout).context("cannot wait for the process of a check")?;
    let took = started.elapsed();
    let told = process.stdout.lines().iter().rev().find_map(|line| serde_json::from_str(line.strip_prefix(TOLD)?).ok());
    let outcome = match (told, status) {
        (_, None) => {
            Outcome::Failed(format!("did not end within {:?}: something in the plugin hangs", args.check_timeout))
        }
        (Some(Told::Failed(why)), _) => Outcome::Failed(why),
        (Some(Told::Passed(passed)), Some(status)) if status.success() => Outcome::Passed(passed),
        (Some(Told::Passed(_)), Some(status)) => Outcome::Failed(format!("its process did not end well: {status}")),
        (None, Some(status)) if status.success() => Outcome::Failed(format!(
            "its process ended in the middle of the check: {status}, as if by a call of `_exit`"
        )),
        (None, Some(status)) => Outcome::Failed(format!("its process ended in the middle of the check: {status}")),
    };
    Ok(Tested { check, outcome: outcome.with_log(&process.stderr.lines()), took })
}

/// The process of one check. Dropping it ends it.
struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    fn start(job: &Job) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["plugins", "run-check"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = Output::of(child.stdout.take());
        let stderr = Output::of(child.stderr.take());
        let stdin = child.stdin.take();
        let process = Self { child, stdout, stderr };
        let job = Zeroizing::new(serde_json::to_vec(job)?);
        if let Some(mut stdin) = stdin
            && let Err(error) = stdin.write_all(&job)
        {
            // A process that ends without reading is judged by how it ends.
            note(format_args!("a check does not take its job: {error}"));
        }
        Ok(process)
    }

    /// How the process has ended; `None`: it has not by the deadline, and is ended here.
    fn wait(&mut self, at_most: Duration) -> io::Result<Option<ExitStatus>> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if started.elapsed() >= at_most {
                self.child.kill()?;
                self.child.wait()?;
                return Ok(None);
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, except where something else went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process prints, collected while it runs.
struct Output(mpsc::Receiver<Vec<String>>);

impl Output {
    fn of(stream: Option<impl Read + Send + 'static>) -> Self {
        let (done, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut last = VecDeque::new();
            let mut reader = BufReader::new(
                stream.map(|stream| Box::new(stream) as Box<dyn Read>).unwrap_or_else(|| Box::new(io::empty())),
            );
            let mut line = Vec::new();
            while reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                last.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
                line.clear();
                if last.len() > LINES_MAX {
                    last.pop_front();
                }
            }
            // Nobody waits any more where the output stayed open for too long.
            let _ = done.send(last.into());
        });
        Self(lines)
    }

    /// The last lines of a process that has ended.
    fn lines(&self) -> Vec<String> {
        self.0.recv_timeout(OUTPUT_WAIT).unwrap_or_default()
    }
}
