//! `pusud decisions`: shows what the authenticator of a relay of this machine has decided last.

use super::print;
use super::relay_socket::RelaySocketArgs;
use super::revoke::shown_time;
use anyhow::{Context as _, ensure};
use pusud::authenticator::{Decision, Filter, reason_or_none};
use pusud::control::{self, Found};
use std::fmt::Write as _;

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud decisions --refused                       who was refused lately, and why?
  pusud decisions --address 203.0.113.0/24        everybody who came from there
  pusud decisions --subject alice --last 1        what has alice got last?
  pusud decisions --json | jq .reason             for programs";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    /// Those about clients from an address or a network (203.0.113.0/24), or about one connection (ADDRESS:PORT)
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Those about this subject
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Those that granted nothing
    #[arg(long)]
    refused: bool,
    /// The last so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: usize,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn decisions(args: Args) -> anyhow::Result<()> {
    let Args { relay, address, subject, refused, last, json } = args;
    let found = control::decisions(&relay.find()?, Filter { address, subject, refused, last })?;
    ensure!(found.is_on, "this relay remembers no decisions: its settings say `remembered_decisions: 0`");
    if !json {
        return print(&describe(&found));
    }
    let lines = found.decisions.iter().map(|decision| serde_json::to_string(decision).map(|line| line + "\n"));
    print(&lines.collect::<Result<String, _>>().context("cannot write the answer as JSON")?)
}

fn describe(found: &Found) -> String {
    let mut text = String::new();
    for decision in &found.decisions {
        describe_one(&mut text, decision);
    }
    let shown = found.decisions.len();
    // Writing to a String cannot fail.
    let _ = match found.count {
        0 => writeln!(text, "no such decision is remembered"),
        count if count > shown => writeln!(text, "the last {shown} of {count}; --last N shows more"),
        _ => Ok(()),
    };
    text
}

fn describe_one(text: &mut String, decision: &Decision) {
    let Decision { time_ms, address, entry, verdict, occasion, subject, reason, took_us, authorization, .. } = decision;
    let address = if address.is_empty() { "unix" } else { address };
    let occasion = if occasion == "first" { String::new() } else { format!(" ({occasion})") };
    let milliseconds = *took_us as f64 / 1000.0;
    let _ = write!(text, "{}  {address}  {verdict}{occasion} by {entry} in {milliseconds:.1} ms", shown_time(*time_ms));
    if !subject.is_empty() {
        let _ = write!(text, ", subject {subject:?}");
    }
    if verdict != "granted" {
        let _ = write!(text, ": {}", reason_or_none(reason));
    }
    text.push('\n');
    if !decision.detail.is_empty() {
        let _ = writeln!(text, "    detail: {}", decision.detail);
    }
    if let Some(authorization) = authorization {
        let _ = writeln!(text, "    authorization {authorization}");
    }
    if !decision.permissions.is_empty() || decision.permissions_left_out > 0 {
        let more = match decision.permissions_left_out {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let _ = writeln!(text, "    {}{more}", decision.permissions.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_why() {
        let decision = Decision {
            time_ms: 1000,
            address: "192.0.2.1:7".into(),
            entry: "A".into(),
            verdict: "refused".into(),
            occasion: "again".into(),
            subject: String::new(),
            reason: "expired".into(),
            detail: "exp: two days ago".into(),
            permissions: Vec::new(),
            permissions_left_out: 0,
            took_us: 1500,
            authorization: None,
        };
        let granted = Decision {
            verdict: "granted".into(),
            subject: "alice".into(),
            detail: String::new(),
            permissions: vec!["read a.*".into()],
            permissions_left_out: 3,
            ..decision.clone()
        };
        let text = describe(&Found { is_on: true, count: 9, decisions: vec![decision, granted] });
        assert_eq!(
            text,
            "1970-01-01T00:00:01Z  192.0.2.1:7  refused (again) by A in 1.5 ms: expired\n    detail: exp: two days ago\n\
             1970-01-01T00:00:01Z  192.0.2.1:7  granted (again) by A in 1.5 ms, subject \"alice\"\n    \
             read a.* and 3 more\nthe last 2 of 9; --last N shows more\n"
        );
        let none = describe(&Found { is_on: true, ..Found::default() });
        assert_eq!(none, "no such decision is remembered\n");
    }
}
