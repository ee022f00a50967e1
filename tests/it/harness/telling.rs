//! What a run says of itself although its tests pass: figures that were seen, and what could not be run here.
//!
//! It goes past the test harness, which keeps what passing tests print; `.config/nextest.toml` names the tests whose
//! output nextest is to show, and `tidy` checks that each that leaves something out is among them.

use std::fmt::Display;
use std::io::Write as _;

/// Says something.
pub(crate) fn tell(line: impl Display) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Says that this was not run, and what this machine lacks for it.
pub(crate) fn not_run(what: &str, lacks: impl Display) {
    tell(format_args!("{what}: not run, {}", lacks.to_string().trim()));
}
