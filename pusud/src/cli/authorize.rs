//! `pusud authorize`: asks the configured authenticator about one authorization, and explains what it answers.
//!
//! **Invariant:** the authorization itself is never printed.

use super::attribute_args::AttributeArgs;
use super::authorization_args::AuthorizationArgs;
use super::plugins::printable;
use super::{SettingsArgs, channel_name, print};
use anyhow::{Context as _, bail};
use pusud::authenticator::{Asked, Authenticator, Grant, Request, Verdict, reason_or_none};
use pusud::config::Config;
use pusud::control::{Explained, decides};
use pusud::protocol::Access;
use pusud::system;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud authorize --config settings.yaml                        ask for the authorization, show what it gives
  pusud authorize --authorization-file token --channel news.1   may it read and write this channel, and why?
  pusud authorize --authorization '' --attribute-file http.header.cookie=cookie    what does this cookie give?
  print-a-token | pusud authorize --authorization-file - --json for programs";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
    #[command(flatten)]
    authorization: AuthorizationArgs,
    /// Say which permission decides about this channel; may be given several times
    #[arg(long = "channel", value_name = "CHANNEL", value_parser = channel_name)]
    channels: Vec<String>,
    /// The client's address, for authenticators that look at it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1")]
    peer: SocketAddr,
    #[command(flatten)]
    attributes: AttributeArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was answered, for people.
struct Answer(Explained);

/// # Errors
/// The authenticator does not start, or does not grant anything; its answer is printed all the same.
pub(super) fn authorize(args: Args) -> anyhow::Result<()> {
    system::start_logging(args.settings.log_format, args.settings.log_level, system::Output::Explained)?;
    let (config, warnings) = Config::load(args.settings.config.as_deref(), &args.settings.overrides())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let authorization = args.authorization.given_or_asked()?;
    let attributes = args.attributes.given()?;
    let authenticator = Authenticator::start(&config.authenticator, config.limits.authorize_call_timeout)?;
    let peer = args.peer.to_string();
    let request = Request { authorization, peer, encrypted: false, again: false, recheck: false, attributes };
    let runtime = super::client_runtime().context("cannot start a runtime")?;
    let asked = Instant::now();
    let (verdict, entries) = runtime.block_on(authenticator.explain(request));
    let explained = Explained { authenticator: authenticator.identity(), verdict, entries, took: asked.elapsed() };
    let answer = Answer(explained);
    authenticator.stop();
    print(&if args.json {
        format!("{:#}\n", answer.0.as_json(&args.channels))
    } else {
        answer.readable(&args.channels, SystemTime::now())
    })?;
    match answer.0.verdict {
        Verdict::Grant(_) => Ok(()),
        Verdict::Refuse(_) => bail!("the authorization is refused"),
        Verdict::Unavailable(_) => bail!("the authenticator could not decide"),
    }
}

impl Answer {
    fn readable(&self, channels: &[String], now: SystemTime) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", format!("{name:<16} {value}").trim_end());
        };
        row("authenticator", &printable(&format!("{} {}", self.0.authenticator.id, self.0.authenticator.version)));
        for Asked { name, id, decision, detail } in &self.0.entries {
            let whose = if name == id { id.clone() } else { format!("{name} ({id})") };
            // Of one alone the decision follows.
            if self.0.entries.len() > 1 {
                row("  entry", &printable(&format!("{whose}: {decision}")));
            }
            if !detail.is_empty() {
                row("  says", &printable(detail));
            }
        }
        let grant = match &self.0.verdict {
            Verdict::Grant(grant) => grant,
            Verdict::Refuse(reason) => {
                row("decision", "refused");
                row("reason", &printable(reason_or_none(reason)));
                row("took", &format!("{:.1?}", self.0.took));
                return text;
            }
            Verdict::Unavailable(reason) => {
                row("decision", "could not decide (the client may try again)");
                row("reason", &printable(reason_or_none(reason)));
                row("took", &format!("{:.1?}", self.0.took));
                return text;
            }
        };
        row("decision", "granted");
        row("subject", &printable(&grant.subject));
        row("expires", &expiry(grant, now));
        row("took", &format!("{:.1?}", self.0.took));
        row("permissions", if grant.permissions.is_empty() { "none" } else { "" });
        for permission in &grant.permissions {
            row(&format!("  {}", permission.access), &printable(&permission.pattern));
        }
        for channel in channels {
            row("channel", channel);
            for (name, access) in [("  read", Access::READ), ("  write", Access::WRITE)] {
                match decides(grant, access, channel) {
                    Some(permission) => row(name, &format!("yes, by `{}`", printable(&permission.pattern))),
                    None => row(name, "no: no pattern that gives it matches"),
                }
            }
        }
        text
    }
}

fn expiry(grant: &Grant, now: SystemTime) -> String {
    let Some(expires) = grant.ends(now) else { return "never".to_owned() };
    let left = expires.duration_since(now).unwrap_or_default();
    let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
    // Beyond the year 9999 there is no text for it.
    let beyond = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800);
    if expires >= beyond {
        return format!("after the year 9999 (in {left})");
    }
    format!("{} (in {left})", humantime::format_rfc3339_seconds(expires))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusud::authenticator::Identity;
    use pusud::protocol::Permission;
    use serde_json::{Value, json};

    fn answer(verdict: Verdict) -> Answer {
        let authenticator =
            Identity { id: "A".into(), version: "1.2".into(), sha256: "ab".into(), path: Some("/a.so".into()) };
        Answer(Explained { authenticator, verdict, entries: Vec::new(), took: Duration::from_micros(1500) })
    }

    fn grant(expires: Option<SystemTime>) -> Verdict {
        let permissions = vec![
            Permission::new("news.*", Access::READ),
            Permission::new("*.1", Access::READ_WRITE),
            Permission::new("\u{1b}[31m", Access::WRITE),
        ];
        Verdict::Grant(Grant { permissions, subject: "alice".into(), expires, generation: 1, ..Grant::default() })
    }

    #[test]
    fn a_grant_is_explained() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let text = answer(grant(Some(now + Duration::from_secs(3600)))).readable(&["news.1".into(), "x".into()], now);
        let expected = "\
authenticator    A 1.2
decision         granted
subject          alice
expires          2001-09-09T02:46:40Z (in 1h)
took             1.5ms
permissions
  read           news.*
  read and write *.1
  write          \u{fffd}[31m
channel          news.1
  read           yes, by `news.*`
  write          yes, by `*.1`
channel          x
  read           no: no pattern that gives it matches
  write          no: no pattern that gives it matches
";
        assert_eq!(text, expected);
    }

    #[test]
    fn each_entry_is_named_with_what_it_says_and_one_alone_only_says_it() {
        let asked = |name: &str, decision, detail: &str| Asked {
            name: name.into(),
            id: "A".into(),
            decision,
            detail: detail.into(),
        };
        let lines = |entries: Vec<Asked>| {
            let answer = Answer(Explained { entries, ..answer(grant(None)).0 });
            let text = answer.readable(&[], SystemTime::now());
            let json = answer.0.as_json(&[])["entries"].clone();
            (
                text.lines().skip(1).take_while(|line| line.starts_with("  ")).map(str::to_owned).collect::<Vec<_>>(),
                json,
            )
        };
        let (text, json) = lines(vec![asked("A", "granted", "rule 1 gives read on news.*")]);
        assert_eq!(text, ["  says           rule 1 gives read on news.*"]);
        assert_eq!(json[0]["detail"], "rule 1 gives read on news.*");
        let (text, json) = lines(vec![asked("A", "abstained", ""), asked("b", "granted", "by password 2")]);
        assert_eq!(
            text,
            ["  entry          A: abstained", "  entry          b (A): granted", "  says           by password 2"]
        );
        assert_eq!((&json[0]["detail"], &json[1]["name"]), (&json!(""), &json!("b")));
    }

    #[test]
    fn a_refusal_gives_its_reason_and_json_has_it_all() {
        let text = answer(Verdict::Refuse("not you".into())).readable(&[], SystemTime::now());
        assert!(text.contains("decision         refused\nreason           not you"), "{text}");
        let text = answer(Verdict::Unavailable(String::new())).readable(&[], SystemTime::now());
        assert!(text.contains("(the client may try again)\nreason           no reason given\ntook"), "{text}");
        let value = answer(Verdict::Unavailable("later".into())).0.as_json(&["a".into()]);
        assert_eq!((&value["decision"], &value["reason"]), (&json!("unavailable"), &json!("later")));
        assert_eq!(value["channels"], json!([{"channel": "a", "read_by": null, "write_by": null}]));
        let value = answer(grant(None)).0.as_json(&["news.1".into()]);
        assert_eq!(value["permissions"][0], json!({"pattern": "news.*", "read": true, "write": false}));
        assert_eq!(value["channels"][0]["write_by"], "*.1");
        assert_eq!((&value["expires_unix_seconds"], &value["took_microseconds"]), (&Value::Null, &json!(1500)));
    }

    #[test]
    fn an_expiry_past_all_calendars_is_no_panic() {
        let Verdict::Grant(grant) = grant(SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1 << 40))) else {
            unreachable!("is a grant")
        };
        assert!(expiry(&grant, SystemTime::now()).starts_with("after the year 9999"));
    }
}
