//! What one client may do, and what each of its messages leads to. No socket, no waiting: a function from requests to
//! effects.

use crate::authenticator::{Authorization, Grant};
use crate::disconnect::Disconnect;
use crate::message::{Malformed, Reply, Request};
use crate::permission::{Access, Permission};
use std::borrow::Cow;
use std::collections::HashSet;

/// So few patterns are matched faster than a name is hashed.
const FEW_PERMISSIONS_MAX: usize = 4;
/// Channel names whose write permission is remembered; past it all are forgotten and looked up again.
const WRITABLE_CHANNELS_MAX: usize = 1024;

/// One client's authorization.
#[derive(Default)]
pub struct Session {
    /// Permissions of all verdicts so far: they add up.
    permissions: Vec<Permission>,
    authorized: bool,
    /// `None` for the many that only listen, and where there are few permissions.
    writable: Option<Box<Writable>>,
}

/// The verdict cache: channels that have been found writable.
#[derive(Default)]
struct Writable(HashSet<Box<str>>);

/// What the client's task has to do.
#[derive(Debug)]
pub enum Effect<'a> {
    /// Ask the authenticator, and tell the session what it granted.
    Authorize {
        /// What the client sent.
        authorization: Authorization,
        /// Whether the client is authorized already.
        again: bool,
    },
    /// Subscribe and confirm.
    Subscribe(Cow<'a, str>),
    /// Unsubscribe.
    Unsubscribe(Cow<'a, str>),
    /// Publish.
    Publish {
        /// The channel, which the client may write.
        channel: Cow<'a, str>,
        /// JSON text.
        content: &'a str,
    },
    /// Send the reply (JSON text) and end the connection.
    End(Vec<u8>, Disconnect),
}

impl Session {
    /// Decides what a message leads to.
    pub fn handle<'a>(&mut self, request: Result<Request<'a>, Malformed>) -> Effect<'a> {
        match request {
            Ok(Request::Authorize(authorization)) => Effect::Authorize {
                authorization: Authorization::new(authorization.into_owned()),
                again: self.authorized,
            },
            Ok(Request::Subscribe(channel)) if self.allows(Access::READ, &channel) => Effect::Subscribe(channel),
            Ok(Request::Subscribe(channel)) => denied(&channel, self.why_not("read")),
            Ok(Request::Unsubscribe(channel)) => Effect::Unsubscribe(channel),
            Ok(Request::Publish { channel, content }) if self.may_write(&channel) => {
                Effect::Publish { channel, content }
            }
            Ok(Request::Publish { channel, .. }) => denied(&channel, self.why_not("write")),
            Err(Malformed { reason, channel }) => {
                let reply = Reply::UnknownMessageReceived { channel: channel.as_deref(), reason: &reason };
                Effect::End(reply.to_json(), Disconnect::UnknownMessage)
            }
        }
    }

    /// Adds what a verdict gave.
    pub fn granted(&mut self, grant: Grant) {
        self.authorized = true;
        if self.permissions.is_empty() {
            self.permissions = grant.permissions;
        } else {
            self.permissions.extend(grant.permissions);
        }
        self.permissions.shrink_to_fit();
    }

    fn allows(&self, access: Access, channel: &str) -> bool {
        self.permissions.iter().any(|permission| permission.allows(access, channel))
    }

    fn may_write(&mut self, channel: &str) -> bool {
        if self.permissions.len() <= FEW_PERMISSIONS_MAX {
            return self.allows(Access::WRITE, channel);
        }
        if self.writable.as_ref().is_some_and(|writable| writable.0.contains(channel)) {
            return true;
        }
        if !self.allows(Access::WRITE, channel) {
            return false;
        }
        let writable = &mut self.writable.get_or_insert_default().0;
        if writable.len() >= WRITABLE_CHANNELS_MAX {
            writable.clear();
        }
        writable.insert(channel.into());
        true
    }

    fn why_not(&self, access: &'static str) -> &'static str {
        match (self.authorized, access) {
            (false, _) => "not authorized yet: send authorize first",
            (true, "read") => "no permission to read this channel",
            (true, _) => "no permission to write this channel",
        }
    }
}

fn denied(channel: &str, reason: &str) -> Effect<'static> {
    Effect::End(Reply::PermissionDenied { channel, reason }.to_json(), Disconnect::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(permissions: &[(&str, Access)]) -> Grant {
        let permissions = permissions.iter().map(|&(pattern, access)| Permission::new(pattern, access)).collect();
        Grant { permissions, ..Grant::default() }
    }

    fn publishes(session: &mut Session, channel: &str) -> bool {
        let request = Request::Publish { channel: channel.into(), content: "1" };
        matches!(session.handle(Ok(request)), Effect::Publish { .. })
    }

    fn subscribes(session: &mut Session, channel: &str) -> bool {
        matches!(session.handle(Ok(Request::Subscribe(channel.into()))), Effect::Subscribe(_))
    }

    #[test]
    fn nothing_is_allowed_before_a_grant() {
        let mut session = Session::default();
        assert!(!subscribes(&mut session, "a"));
        assert!(!publishes(&mut session, "a"));
    }

    #[test]
    fn grants_add_up() {
        let mut session = Session::default();
        session.granted(grant(&[("a.*", Access::READ)]));
        assert!(subscribes(&mut session, "a.1") && !publishes(&mut session, "a.1"));
        session.granted(grant(&[("a.1", Access::WRITE)]));
        assert!(subscribes(&mut session, "a.2") && publishes(&mut session, "a.1") && !publishes(&mut session, "a.2"));
    }

    #[test]
    fn remembered_channels_are_bounded() {
        let mut session = Session::default();
        session.granted(grant(&[("x", Access::READ); FEW_PERMISSIONS_MAX]));
        session.granted(grant(&[("*", Access::WRITE)]));
        for n in 0..2 * WRITABLE_CHANNELS_MAX + 1 {
            assert!(publishes(&mut session, &n.to_string()));
            assert!(session.writable.as_ref().is_some_and(|writable| writable.0.len() <= WRITABLE_CHANNELS_MAX));
        }
    }
}
