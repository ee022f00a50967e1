//! `TokenFileAuthenticator`: tokens stand in a file, one a line: the token, who it belongs to, a pattern of channels.
//!
//! ```yaml
//! authenticator: TokenFileAuthenticator
//! authenticator_options:
//!   file: tokens
//! ```
//!
//! The example of extensions: a reload reads the file again and ends the grants of those who stand there no more,
//! `pusud check` reads it without an instance, open grants are counted, and lines of the log carry the ticket. What
//! the relay lacks of this is done without, but for `pusu.grants/1`. Build it with `cargo build --release --example
//! token_file`; a plugin of your own has `crate-type = ["cdylib"]` in its Cargo.toml.
//!
//! **Invariant:** whoever may read something stands in the file as it was read last, once the reload has succeeded.

use pusu_plugin_api::options::Place;
use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{
    Authenticator, Check, CreateError, Ended, GRANTS, Gauge, Grants, GrantsHandle, Host, Level, Pattern, Permission,
    Reload, Request, Ticket, Verdict, export_authenticator,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

export_authenticator! {
    TokenFileAuthenticator: Reload + Check + Grants,
    id: "TokenFileAuthenticator",
    description: "Tokens in a file, which is read again at a reload",
    options: &["file"],
    flags: GRANTS,
    needs: &["pusu.grants/1"],
}

#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct Options {
    /// Relative paths start at the folder of the settings.
    file: PathBuf,
}

struct Token {
    /// A secret: a real plugin wipes it (`zeroize`).
    secret: String,
    owner: String,
    permission: Permission,
}

struct TokenFileAuthenticator {
    file: PathBuf,
    /// Replaced as a whole by a reload.
    tokens: RwLock<Vec<Token>>,
    host: Host,
    grants: GrantsHandle,
    open_grants: Gauge,
}

const GONE: &str = "the token is no longer good";

/// Where the file is.
fn place(options: Options, host: &Host) -> PathBuf {
    match host.facts().and_then(|facts| facts.settings_dir) {
        Some(folder) => folder.join(options.file),
        None => options.file,
    }
}

/// Errors name the line, and nothing that stands in it.
fn read(file: &PathBuf) -> Result<Vec<Token>, CreateError> {
    let wrong = |text: String| Place::option("file").error(text);
    let text = fs::read_to_string(file).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
    let mut tokens = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [secret, owner, pattern] = words[..] else {
            return Err(wrong(format!("line {number}: expected a token, its owner and a pattern")));
        };
        let pattern: Pattern = pattern.parse().map_err(|error| wrong(format!("line {number}: {error}")))?;
        let permission = Permission::read_write(&pattern);
        tokens.push(Token { secret: secret.to_owned(), owner: owner.to_owned(), permission });
    }
    Ok(tokens)
}

/// Compares in a time that does not tell how much of a guess was right. (A real plugin takes the `subtle` crate.)
fn equal(token: &str, guess: &[u8]) -> bool {
    let difference = token.bytes().zip(guess).fold(0, |difference, (a, b)| difference | (a ^ b));
    token.len() == guess.len() && std::hint::black_box(difference) == 0
}

impl Authenticator for TokenFileAuthenticator {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        let file = place(options, &host);
        let tokens = RwLock::new(read(&file)?);
        let grants = host.grants().ok_or_else(|| CreateError::unsupported("this relay does not know pusu.grants/1"))?;
        let open_grants = host.gauge("open_grants", "Grants that hold now.", &[]);
        Ok(Self { file, tokens, host, grants, open_grants })
    }

    fn authorize(&self, request: &Request<'_>) -> Verdict {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let guess = request.authorization().as_bytes();
        // Looks at every token, also behind the one that has fitted.
        let known =
            tokens.iter().fold(None, |known, token| if equal(&token.secret, guess) { Some(token) } else { known });
        let Some(token) = known else { return Verdict::refuse("unknown token") };
        self.host.log_about(Level::Debug, request.ticket(), "knows a token", &[("owner", &token.owner)]);
        // Counted before the answer, since `ended` may come before it has arrived.
        self.open_grants.add(1.0);
        Verdict::grant([token.permission.clone()]).with_subject(&token.owner)
    }
}

impl Reload for TokenFileAuthenticator {
    /// On an error everything is as it was before: the next reload then tries the same again.
    fn reload(&self) -> Result<(), CreateError> {
        let fresh = read(&self.file)?;
        // Held until the grants have been ended, so that nobody who has gone is let in meanwhile.
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let owners = |tokens: &[Token]| tokens.iter().map(|token| token.owner.clone()).collect::<BTreeSet<_>>();
        for owner in owners(&tokens).difference(&owners(&fresh)) {
            self.grants.revoke_subject(owner, GONE).map_err(|error| {
                CreateError::failed(format!("not all grants could be ended ({error}): reload once more"))
            })?;
        }
        *tokens = fresh;
        Ok(())
    }
}

impl Check for TokenFileAuthenticator {
    fn check(options: Options, host: &Host) -> Result<(), CreateError> {
        read(&place(options, host)).map(drop)
    }
}

impl Grants for TokenFileAuthenticator {
    fn ended(&self, _ticket: Ticket, _why: Ended) {
        self.open_grants.add(-1.0);
    }

    /// The gauge of a new instance begins at 0, and takes the grants over that the one before has given. Since then the
    /// file may have changed.
    fn adopted(&self, ticket: Ticket, subject: &str, _expires: Option<SystemTime>) {
        self.open_grants.add(1.0);
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        if tokens.iter().any(|token| token.owner == subject) {
            return;
        }
        if let Err(error) = self.grants.revoke(ticket, GONE) {
            self.host.error(format_args!("a grant of somebody who has gone could not be ended: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusu_plugin_api::testing::{self, Asked, GrantCall, Line, Relay, ticket};
    use pusu_plugin_api::{Decision, NotTaken};

    /// A file with tokens, a relay, and the authenticator between them.
    struct Stage {
        file: tempfile::NamedTempFile,
        relay: Relay,
        authenticator: TokenFileAuthenticator,
    }

    fn options(file: &tempfile::NamedTempFile) -> String {
        format!(r#"{{"file":{:?}}}"#, file.path())
    }

    fn stage(tokens: &str) -> Stage {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), tokens).unwrap();
        let relay = Relay::new();
        let authenticator = relay.create(&options(&file)).unwrap();
        Stage { file, relay, authenticator }
    }

    impl Stage {
        fn decision(&self, token: &str) -> Decision {
            self.authenticator.authorize(&Asked::new(token.as_bytes()).ticket(ticket(7)).request()).decision()
        }
    }

    #[test]
    fn who_knows_a_token_is_let_in_and_counted() {
        let stage = stage("s1 alice a.*\n\ns2 bob b.*\n");
        assert_eq!(stage.decision("s1"), Decision::Grant);
        for wrong in ["", "s", "s11", "s3", "alice"] {
            assert_eq!(stage.decision(wrong), Decision::Refuse, "{wrong}");
        }
        let facts = vec![("owner".to_owned(), "alice".to_owned())];
        let line = Line { level: Level::Debug, ticket: Some(ticket(7)), text: "knows a token".into(), facts };
        assert_eq!(stage.relay.lines(), [line]);
        stage.authenticator.adopted(ticket(8), "bob", None);
        assert_eq!(stage.relay.metric("open_grants", &[]), Some(2.0));
        stage.authenticator.ended(ticket(8), Ended::Closed);
        assert_eq!(stage.relay.metric("open_grants", &[]), Some(1.0));
    }

    #[test]
    fn a_reload_ends_the_grants_of_who_has_gone_or_changes_nothing() {
        let stage = stage("s1 alice a.*\ns2 bob b.*\n");
        fs::write(stage.file.path(), "s1 alice a.*\n").unwrap();
        stage.relay.answer_grant_calls(Err(NotTaken::Full));
        assert!(stage.authenticator.reload().is_err());
        assert_eq!(stage.decision("s2"), Decision::Grant, "everything is as it was before");
        stage.relay.answer_grant_calls(Ok(()));
        assert_eq!(stage.authenticator.reload(), Ok(()));
        assert_eq!(stage.decision("s2"), Decision::Refuse);
        stage.authenticator.adopted(ticket(9), "bob", None);
        let calls = [GrantCall::RevokeSubject("bob".into(), GONE.into()), GrantCall::Revoke(ticket(9), GONE.into())];
        assert_eq!(stage.relay.grant_calls(), calls);
    }

    #[test]
    fn errors_name_the_line_and_no_token() {
        for (text, wanted) in [("s1 alice a.*\nhunter2 alice\n", "line 2: "), ("hunter2 alice \u{7f}", "line 1: ")] {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), text).unwrap();
            let error = testing::check::<TokenFileAuthenticator>(&options(&file)).unwrap_err();
            assert!(error.text().contains(wanted) && !error.text().contains("hunter2"), "{error}");
        }
        let error = testing::check::<TokenFileAuthenticator>(r#"{"file":"/nowhere/tokens"}"#).unwrap_err();
        assert!(error.text().starts_with("option `file`: /nowhere/tokens: "), "{error}");
    }
}
