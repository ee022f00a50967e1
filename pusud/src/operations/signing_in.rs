//! Signing in: a token is shown, once for a session or with each request.

use super::answers::{Answer, bare, json, with};
use super::audit::audit;
use super::body::Body;
use super::caller::Caller;
use super::content::{self, Secret};
use super::door::{Asked, Door};
use super::fault::Fault;
use super::role::{Role, Who};
use super::sessions::LIFE_MAX;
use super::token_file::TokenFile;
use super::tokens::{self, TOKEN_BYTES_MAX};
use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use zeroize::Zeroizing;

/// What is sent to sign in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    token: Secret,
}

/// Who somebody is, and where.
#[derive(Serialize)]
struct SignedIn<'a> {
    role: Role,
    relay: &'a str,
}

impl Door {
    /// Who asks, by their session or their token, and the secret of the session.
    pub(super) async fn authenticate(
        &self,
        caller: Caller,
        headers: &HeaderMap,
    ) -> Result<(Who, Option<String>), Fault> {
        let tokens = self.tokens_for(caller)?;
        tokens.look().await;
        if let Some(token) = bearer(headers) {
            let (role, generation) = self.role_of(tokens, caller, token)?;
            return Ok((Who { role, generation, session: None }, None));
        }
        self.who_has_a_session(tokens, headers).ok_or_else(|| {
            let detail = "sign in, or send a token: `Authorization: Bearer TOKEN`";
            Fault::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, "Bearer")
        })
    }

    /// Whose session a request is of, and its secret.
    fn who_has_a_session(&self, tokens: &TokenFile, headers: &HeaderMap) -> Option<(Who, Option<String>)> {
        let secret = self.session_of(headers)?;
        let who = self.sessions.find(&secret).filter(|who| who.generation == tokens.generation(who.role))?;
        Some((who, Some(secret)))
    }

    /// Whose a request is that is refused whoever has sent it, if somebody has who is known: for the audit log alone.
    pub(super) fn known(&self, headers: &HeaderMap) -> Option<Who> {
        let tokens = self.tokens.as_ref()?;
        match bearer(headers) {
            Some(token) => {
                let (role, generation) = tokens.role_of(token)?;
                Some(Who { role, generation, session: None })
            }
            None => self.who_has_a_session(tokens, headers).map(|(who, _)| who),
        }
    }

    /// Whether somebody who was let in still is.
    pub(super) async fn is_still(&self, who: &Who, session: Option<&str>) -> bool {
        if let Some(tokens) = &self.tokens {
            tokens.look().await;
        }
        let holds = |tokens: &TokenFile| tokens.generation(who.role) == who.generation;
        self.tokens.as_ref().is_some_and(holds) && session.is_none_or(|session| self.sessions.find(session).is_some())
    }

    /// The tokens, where they may be shown: what comes from another machine without TLS was read by others on its way.
    fn tokens_for(&self, caller: Caller) -> Result<&TokenFile, Fault> {
        if !self.is_encrypted && !caller.is_here() && !self.parts.config.operations_plaintext {
            let port = self.address.port();
            let there = match self.address.ip().to_canonical() {
                any if any.is_unspecified() => format!("localhost:{port}"),
                address => SocketAddr::new(address, port).to_string(),
            };
            return Err(Fault::new(
                StatusCode::FORBIDDEN,
                format!(
                    "tokens are not taken from another machine without TLS: set `operations_tls`, or come through an SSH tunnel \
                     (`ssh -L {port}:{there} HOST`)"
                ),
            ));
        }
        self.tokens.as_ref().ok_or_else(|| {
            let detail = "this relay has no tokens: set `operations_token_file` in its settings";
            Fault::new(StatusCode::FORBIDDEN, detail)
        })
    }

    fn role_of(&self, tokens: &TokenFile, caller: Caller, token: &str) -> Result<(Role, u64), Fault> {
        let (address, digest) = (caller.peer.ip(), tokens::digest(token));
        if let Err(wait) = self.throttle.check(address, &digest) {
            let seconds = wait.as_secs() + 1;
            let detail = format!("too many wrong tokens: try again in {seconds} s");
            return Err(
                Fault::new(StatusCode::TOO_MANY_REQUESTS, detail).with(header::RETRY_AFTER, seconds.to_string())
            );
        }
        if let Some(role) = (token.len() <= TOKEN_BYTES_MAX).then(|| tokens.role_of(token)).flatten() {
            self.throttle.is_right(address, digest);
            return Ok(role);
        }
        if self.throttle.is_wrong(address, digest) {
            audit(&"nobody", caller, "show a token", None, "refused: it is wrong");
        }
        // Where that file is is nobody's to know who is elsewhere.
        let place = if caller.is_here() { tokens.path().display().to_string() } else { "a file there".to_owned() };
        let detail = format!("the token is wrong: {place} has those that are right");
        Err(Fault::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, "Bearer"))
    }

    /// Begins a session.
    pub(super) async fn sign_in(&self, asked: &Asked) -> Result<Answer, Fault> {
        let SignIn { token } = content::parse(&asked.body, true)?;
        let tokens = self.tokens_for(asked.caller)?;
        tokens.look().await;
        let (role, generation) = self.role_of(tokens, asked.caller, &token.0)?;
        // Whoever signs in anew is not who they were.
        asked.session.iter().for_each(|secret| self.sessions.end(secret));
        let begun = self.sessions.begin(role, generation);
        let (secret, who) = begun.map_err(|error| {
            Fault::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no session can be made: {error:#}"))
        })?;
        audit(&who, asked.caller, asked.action.word(), None, "signed in");
        let cookie = Zeroizing::new(self.cookie(&secret, LIFE_MAX.as_secs()));
        Ok(with(self.signed_in(&who), header::SET_COOKIE, &cookie))
    }

    /// Who somebody is.
    pub(super) fn signed_in(&self, who: &Who) -> Answer {
        json(&SignedIn { role: who.role, relay: &self.parts.config.name })
    }

    /// Ends a session.
    pub(super) fn sign_out(&self, asked: &Asked) -> Answer {
        asked.session.iter().for_each(|secret| self.sessions.end(secret));
        if let Some(who) = &asked.who {
            audit(who, asked.caller, asked.action.word(), None, "signed out");
        }
        with(bare(StatusCode::NO_CONTENT, Body::whole("")), header::SET_COOKIE, &self.cookie("", 0))
    }

    fn cookie(&self, secret: &str, seconds: u64) -> String {
        let secure = if self.is_encrypted { "; Secure" } else { "" };
        format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", self.cookie_name())
    }

    /// With the port in it: browsers send cookies to all ports of a host.
    fn cookie_name(&self) -> String {
        let prefix = if self.is_encrypted { "__Host-" } else { "" };
        format!("{prefix}pusud-{}", self.address.port())
    }

    /// The secret of the session in the cookies of a request.
    pub(super) fn session_of(&self, headers: &HeaderMap) -> Option<String> {
        let name = self.cookie_name();
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned());
        values.next()
    }
}

/// The token of a request. Credentials of another kind are somebody else's: of a proxy in front, say.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| value.to_str().ok());
    let mut tokens = values.filter_map(|value| {
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    tokens.next()
}
