//! The conformance kit: what every plugin has to stand, one check after the other.
//!
//! Each check loads the library anew and misuses it the way clients and operators will. It runs in a process that may
//! die of it: `pusud plugins test` starts one for every check and judges from outside.

mod calls;
mod entry;
mod extensions;
mod health;
mod latency;
mod lifetime;
mod measure;
mod metrics;
mod news;
mod options;
mod process;
mod reload;
mod runtime;
mod subject;

pub use latency::Latency;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;
use subject::Subject;

/// One check.
pub struct Check {
    /// Its name in reports, which does not change.
    pub name: &'static str,
    /// What the plugin has to do, as one sentence.
    pub demands: &'static str,
    /// If it fails, the others cannot be made.
    pub required: bool,
    run: fn(&Job) -> Result<Passed>,
}

/// What a check is to be made of.
#[derive(Serialize, Deserialize)]
pub struct Job {
    /// The check's name.
    pub check: String,
    /// The library.
    pub file: PathBuf,
    /// The plugin's options, as below `authenticator_options` in the settings.
    pub options: Map<String, Value>,
    /// The time that one decision may take.
    pub call_timeout: Duration,
    /// Whether instances are made in processes of their own, as with `isolation: process`.
    pub in_process: bool,
}

/// What a check that was passed has to tell.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Passed {
    /// What was seen, as a short phrase.
    pub note: String,
    /// How long decisions took, where that was measured.
    pub latency: Option<Latency>,
}

/// All checks, in the order in which they are made.
pub const CHECKS: &[Check] = &[
    Check {
        name: "file",
        demands: "the file is a library for this machine with a manifest, and nobody else can write it",
        required: true,
        run: |job| Subject::read(job).map(|subject| Passed::saying(subject.summary())),
    },
    Check {
        name: "layout",
        demands: "it can be loaded, and its table and types have the ABI's layout",
        required: true,
        run: |job| Subject::read(job)?.load().map(|()| Passed::default()),
    },
    Check {
        name: "create",
        demands: "it makes an instance with these options, and destroys it",
        required: true,
        run: lifetime::create,
    },
    Check {
        name: "process",
        demands: "it changes nothing that belongs to the whole process, and leaves nothing behind in it",
        required: false,
        run: process::unchanged,
    },
    Check {
        name: "reserved",
        demands: "bytes that the ABI keeps for later are 0",
        required: false,
        run: |job| Subject::read(job)?.reserved_bytes().map(|()| Passed::default()),
    },
    Check {
        name: "extensions",
        demands: "it answers for its tables at any time, with the same constants each time, and they are whole",
        required: false,
        run: extensions::constant,
    },
    Check {
        name: "pusu.check",
        demands: "its check of options agrees with `create`, and leaves nothing behind",
        required: false,
        run: options::checked,
    },
    Check {
        name: "pusu.metrics",
        demands: "the metrics that it defines keep the rules of the ABI",
        required: false,
        run: metrics::taken,
    },
    Check {
        name: "pusu.entry",
        demands: "it makes an instance and answers wherever it stands in a list of authenticators",
        required: false,
        run: entry::anywhere,
    },
    Check {
        name: "authorization: empty",
        demands: "an empty authorization gets a well-formed answer",
        required: false,
        run: |job| calls::one(job, b""),
    },
    Check {
        name: "authorization: NUL",
        demands: "an authorization with NUL bytes gets a well-formed answer",
        required: false,
        run: |job| calls::one(job, b"\0conformance\0\0"),
    },
    Check {
        name: "authorization: 64 KiB",
        demands: "an authorization of 64 KiB gets a well-formed answer",
        required: false,
        run: |job| calls::one(job, &[b'.'; 64 * 1024]),
    },
    Check {
        name: "authorization: not UTF-8",
        demands: "an authorization that is not UTF-8 gets a well-formed answer",
        required: false,
        run: |job| calls::one(job, b"\xff\xfe\x80conformance\xc3"),
    },
    Check {
        name: "concurrency",
        demands: "64 concurrent calls are all answered, each once",
        required: false,
        run: calls::concurrent,
    },
    Check {
        name: "late completion",
        demands: "calls whose time is up or whose client has gone do no harm to those that follow",
        required: false,
        run: calls::late,
    },
    Check {
        name: "pusu.grants",
        demands: "it stands news of grants that it does not know, and leaves nothing behind",
        required: false,
        run: news::stood,
    },
    Check {
        name: "pusu.health",
        demands: "it says at once how it is, and why if it is not good",
        required: false,
        run: health::at_once,
    },
    Check {
        name: "pusu.reload",
        demands: "reloads leave nothing behind, and one that fails leaves everything as it was, and says why",
        required: false,
        run: reload::again,
    },
    Check {
        name: "lifetime",
        demands: "1000 instances are made and destroyed, and leave no memory, thread or open file behind",
        required: false,
        run: lifetime::many,
    },
    Check {
        name: "leaks",
        demands: "thousands of calls leave no memory, thread or open file behind",
        required: false,
        run: lifetime::leaks,
    },
    Check {
        name: "latency",
        demands: "every one of 1000 calls is answered in time",
        required: false,
        run: calls::latency,
    },
];

/// Makes one check, in this process, which may not survive it.
///
/// # Errors
/// What the plugin does wrong; or there is no check of this name.
pub fn run(job: &Job) -> Result<Passed> {
    let check = CHECKS.iter().find(|check| check.name == job.check);
    (check.with_context(|| format!("there is no check `{}`", job.check))?.run)(job)
}

/// What is said of a table that the plugin does not have.
const NOT_OFFERED: &str = "not offered";

impl Passed {
    fn saying(note: impl Into<String>) -> Self {
        Self { note: note.into(), latency: None }
    }
}
