//! Health: whether the relay lives, and whether it is ready for clients.

use super::answers::{Answer, TEXT, answer};
use hyper::StatusCode;

/// One check: its name, and why it fails, if it does.
pub(super) type Check = (&'static str, Option<String>);

/// The answer to a probe of this name. Each check is listed where that is asked for, or where one fails.
pub(super) fn report(probe: &str, checks: &[Check], verbose: bool) -> Answer {
    let fails = checks.iter().any(|(_, fault)| fault.is_some());
    let status = if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    if !fails && !verbose {
        return answer(status, TEXT, "ok\n");
    }
    let line = |(name, fault): &Check| match fault {
        None => format!("[+]{name} ok\n"),
        Some(why) => format!("[-]{name} failed: {why}\n"),
    };
    let lines: String = checks.iter().map(line).collect();
    let word = if fails { "failed" } else { "passed" };
    answer(status, TEXT, format!("{lines}{probe} check {word}\n"))
}
