//! Lines about what has become of an order at the linked relays, and the exit code that follows.

use anyhow::bail;
use pusud::control::AtRelay;
use std::fmt::Write as _;

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

/// A line for this relay, and one for each other that has answered: how many `connections` there were, in the words of `said`.
pub(super) fn by_relay(connections: Option<u64>, relays: &[AtRelay], said: impl Fn(u64) -> String) -> String {
    let mut text = connections.map_or_else(String::new, |count| said(count) + "\n");
    for at in relays {
        if let Some(count) = at.connections {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}: {}", at.relay, said(count));
        }
    }
    text
}
