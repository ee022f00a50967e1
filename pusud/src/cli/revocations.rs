//! `pusud revocations`: lists what a relay of this machine has revoked, and lifts a revocation.

use super::print;
use super::relay_socket::RelaySocketArgs;
use super::revoke::{say, shown_time};
use anyhow::Context as _;
use pusud::control::{self, Revocation};
use pusud::revocation::{AuthorizationHash, Whom};
use std::fmt::Write as _;

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud revocations                               all that hold
  pusud revocations --lift --subject alice        alice may come back, everywhere
  pusud revocations --json                        for programs";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    /// That of this subject
    #[arg(long, value_name = "SUBJECT", conflicts_with = "authorization_hash")]
    subject: Option<String>,
    /// That of the authorization with this hash
    #[arg(long, value_name = "HASH")]
    authorization_hash: Option<AuthorizationHash>,
    /// Lift it, here and on all linked relays
    #[arg(long)]
    lift: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn revocations(args: Args) -> anyhow::Result<()> {
    let Args { relay, subject, authorization_hash, lift, json } = args;
    let whom = subject.map(Whom::Subject).or(authorization_hash.map(Whom::AuthorizationHash));
    if lift {
        let whom = whom.context("which one? `--lift --subject SUBJECT` or `--lift --authorization-hash HASH`")?;
        let what = format!("{whom} is no longer revoked");
        return say(&control::lift(&relay.find()?, whom)?, json, &what, "");
    }
    let mut list = control::revocations(&relay.find()?)?;
    list.retain(|revocation| whom.as_ref().is_none_or(|whom| revocation.whom == *whom));
    if !json {
        return print(&describe(&list));
    }
    let lines = list.iter().map(|revocation| serde_json::to_string(revocation).map(|line| line + "\n"));
    print(&lines.collect::<Result<String, _>>().context("cannot write the answer as JSON")?)
}

fn describe(list: &[Revocation]) -> String {
    if list.is_empty() {
        return "nothing is revoked\n".to_owned();
    }
    let mut text = format!("{:<21} {:<21} whom\n", "since", "until");
    for Revocation { whom, since_ms, until_ms, is_void } in list {
        let until = if *until_ms == 0 { "it is lifted".to_owned() } else { shown_time(*until_ms) };
        let void = if *is_void { " (void: made under a key that is no longer there)" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<21} {until:<21} {whom}{void}", shown_time(*since_ms));
    }
    text
}
