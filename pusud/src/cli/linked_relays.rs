//! Lines about what has become of an order at the linked relays, and the exit code that follows.

use anyhow::bail;
use pusud::control::AtRelay;

/// Whether the order is known to be done at all of them.
///
/// # Errors
/// It is not, and where.
pub(super) fn all_done(relays: &[AtRelay]) -> anyhow::Result<()> {
    let problem = |at: &AtRelay| at.problem.as_ref().map(|problem| format!("{} {problem}", at.relay));
    let problems: Vec<String> = relays.iter().filter_map(problem).collect();
    if !problems.is_empty() {
        bail!("not known to be done everywhere: {}", problems.join("; "));
    }
    Ok(())
}

/// How many relays, in words.
pub(super) fn counted(relays: &[AtRelay]) -> String {
    match relays.iter().filter(|at| at.problem.is_none()).count() {
        0 => "no other relay".to_owned(),
        1 => "1 linked relay".to_owned(),
        more => format!("{more} linked relays"),
    }
}
