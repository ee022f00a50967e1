//! Decisions about tokens: what holds for all of them, and what one of them gives.
//!
//! **Invariant:** a payload gives nothing before its signature has been found good. The issuer that it names may be looked at
//! before, to leave a token to another authenticator: an authenticator that abstains gives nothing.

use crate::claims::{self, Accepted, Denied, Rules};
use crate::detail::Detail;
use crate::grants::{self, Given, Rule};
use crate::keys::Keys;
use crate::members::Members;
use crate::patterns::Allowed;
use crate::token::{Fault, TOKEN_BYTES_MAX, Token};
use pusu_plugin_api::abi::PERMISSIONS_MAX;
use pusu_plugin_api::{Access, Permission, Verdict};
use std::time::{SystemTime, UNIX_EPOCH};

/// What tokens are checked with, and what they may give at most.
pub(crate) struct Decider {
    pub(crate) keys: Keys,
    pub(crate) rules: Rules,
    pub(crate) grants: Vec<Rule>,
    pub(crate) allowed: Allowed,
    /// Another authenticator decides after this one.
    pub(crate) abstains: bool,
}

/// What can be said of a token now.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Verdict(Verdict),
    /// It has to wait for the key of this name.
    Later(String),
}

impl Decider {
    /// What a token gives at `now`.
    ///
    /// # Errors
    /// It gives nothing.
    pub(crate) fn decide(&self, token: &[u8], now: SystemTime) -> Result<Outcome, Denied> {
        if self.abstains && self.is_of_another(token) {
            return Ok(Outcome::Verdict(Verdict::abstain()));
        }
        let token = Token::take_apart(token)?;
        match self.keys.check_signature(&token) {
            Ok(()) => {}
            Err(Fault::Refused(refusal)) => return Err(refusal.into()),
            Err(Fault::Undecided(why)) => return Ok(Outcome::Verdict(Verdict::unavailable(why))),
            Err(Fault::Later) => return Ok(Outcome::Later(token.key_id.unwrap_or_default())),
        }
        let payload = token.payload()?;
        let members = Members::parse(&payload).map_err(|_| Denied::no_claims())?;
        let accepted = claims::check(&members, &self.rules, unix_ms(now))?;
        let given = grants::give(&self.grants, &members)?;
        self.verdict(accepted, given).map(Outcome::Verdict)
    }

    /// Whether an authorization is no token, or one of an issuer that nobody here knows: one that has the shape of a token and
    /// says nothing of its issuer is ours to refuse.
    fn is_of_another(&self, text: &[u8]) -> bool {
        if text.len() > TOKEN_BYTES_MAX || text.iter().filter(|&&byte| byte == b'.').count() != 2 {
            return true;
        }
        if !Token::has_header(text) {
            return true;
        }
        let Ok(token) = Token::take_apart(text) else { return false };
        let Ok(payload) = token.payload() else { return false };
        let Ok(members) = Members::parse(&payload) else { return false };
        let issuer = members.read::<String>("iss").ok().flatten();
        let known = &self.rules.issuers;
        issuer.is_some_and(|issuer| !known.is_empty() && !known.contains(&issuer))
    }

    fn verdict(&self, accepted: Accepted, given: Given) -> Result<Verdict, Denied> {
        let (mut read, mut write) = (accepted.read, accepted.write);
        let mut detail = Detail::default();
        if !self.grants.is_empty() {
            if let Some(claim) = self.rules.claim.as_ref().filter(|_| !read.is_empty() || !write.is_empty()) {
                detail.add(&format!("the claim `{claim}` gives its own patterns"));
            }
            given.explained.iter().for_each(|sentence| detail.add(sentence));
        }
        read.extend(given.read);
        write.extend(given.write);
        let (read, read_whole) = self.allowed.narrow(&read);
        let (write, write_whole) = self.allowed.narrow(&write);
        let permissions = merged(read, write);
        if permissions.is_empty() {
            let reason = if read_whole && write_whole {
                "the token gives access to no channel"
            } else {
                "nothing that the token gives is among the channels allowed here"
            };
            return Err(Denied { reason, detail: detail.text() });
        }
        if permissions.len() > PERMISSIONS_MAX {
            return Err(Denied { reason: "the token has too many patterns", detail: detail.text() });
        }
        if !(read_whole && write_whole) {
            detail.add("the token asks for more than allowed_channels");
        }
        let mut verdict = Verdict::grant(permissions).with_subject(accepted.subject).with_detail(detail.text());
        if let Some(expires) = accepted.expires_unix_ms {
            verdict = verdict.expires_unix_ms(expires);
        }
        Ok(verdict)
    }
}

impl From<Denied> for Verdict {
    fn from(denied: Denied) -> Self {
        Self::refuse(denied.reason).with_detail(denied.detail)
    }
}

/// One permission a pattern, with both kinds of access where a pattern stands in both lists.
fn merged(read: Vec<String>, write: Vec<String>) -> Vec<Permission> {
    let mut permissions: Vec<Permission> = read.into_iter().map(Permission::read).collect();
    for pattern in write {
        match permissions.iter_mut().find(|permission| permission.pattern == pattern) {
            Some(both) => both.access = Access::READ_WRITE,
            None => permissions.push(Permission::write(pattern)),
        }
    }
    permissions
}

/// Milliseconds since 1970 UTC; negative before.
pub(crate) fn unix_ms(time: SystemTime) -> i64 {
    let whole = |milliseconds: u128| i64::try_from(milliseconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since.as_millis()),
        Err(before) => -whole(before.duration().as_millis()),
    }
}
