//! The session of one client: its permissions, and a function from its requests to effects. No socket, no waiting.

use super::authorizations::{Added, Authorizations, Moment, Passed, ToAsk};
use super::shared_permissions::SharedPermissions;
use super::uptime::Uptime;
use super::writable::Writable;
use crate::authenticator::{Authorization, Grant, HeldGrant};
use crate::protocol::{Access, Disconnect, Malformed, Reply, Request, Since};
use crate::revocation::Standing;
use crate::routing::AuthorizedBy;
use std::borrow::Cow;
use std::rc::Rc;

/// One client's authorization.
#[derive(Default)]
pub(crate) struct Session {
    authorizations: Authorizations,
    writable: Writable,
}

/// What the client's task has to do.
#[derive(Debug)]
pub(crate) enum Effect<'a> {
    /// Ask the authenticator, and tell the session what it granted.
    Authorize {
        /// What the client sent.
        authorization: Authorization,
        /// Whether the client is authorized already.
        again: bool,
    },
    /// Subscribe and confirm.
    Subscribe {
        /// The channel, which the client may read.
        channel: Cow<'a, str>,
        /// Where it wants to begin.
        since: Since<'a>,
    },
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
    pub(crate) fn handle<'a>(&mut self, request: Result<Request<'a>, Malformed>) -> Effect<'a> {
        match request {
            Ok(Request::Authorize(authorization)) => Effect::Authorize {
                authorization: Authorization::new(authorization.into_owned()),
                again: self.is_authorized(),
            },
            Ok(Request::Subscribe { channel, since }) if self.may_read(&channel) => {
                Effect::Subscribe { channel, since }
            }
            Ok(Request::Subscribe { channel, .. }) => denied(&channel, self.why_not(Access::READ)),
            Ok(Request::Unsubscribe(channel)) => Effect::Unsubscribe(channel),
            Ok(Request::Publish { channel, content }) if self.may_write(&channel) => {
                Effect::Publish { channel, content }
            }
            Ok(Request::Publish { channel, .. }) => denied(&channel, self.why_not(Access::WRITE)),
            Err(Malformed { reason, channel, .. }) => {
                let reply = Reply::UnknownMessageReceived { channel: channel.as_deref(), reason: &reason };
                Effect::End(reply.to_json(), Disconnect::UnknownMessage)
            }
        }
    }

    /// Whether the client has an authorization that has not ended.
    pub(crate) fn is_authorized(&self) -> bool {
        !self.authorizations.is_empty()
    }

    /// Whether the client may read `channel`.
    pub(crate) fn may_read(&self, channel: &str) -> bool {
        self.authorizations.allow(Access::READ, channel)
    }

    /// Adds what a verdict gave, with what the client sent if the authenticator may have to be asked again.
    pub(crate) fn granted(&mut self, grant: Grant, kept: Option<Rc<Authorization>>, now: Moment) -> Added {
        self.authorizations.add(grant, kept, now)
    }

    /// Lets end what has ended by `now`.
    pub(crate) fn pass(&mut self, now: Uptime) -> Passed {
        let passed = self.authorizations.pass(now);
        if passed.ended {
            self.writable.forget();
        }
        passed
    }

    /// When [`Self::pass`] has next something to do, if ever.
    pub(crate) fn next_event(&self) -> Option<Uptime> {
        self.authorizations.next_event()
    }

    /// Whether the authenticator may have to be asked again about this client.
    pub(crate) fn any_kept(&self) -> bool {
        self.authorizations.any_kept()
    }

    /// Whether an authorization is to be asked about again; `current` is the generation of the authenticator.
    pub(crate) fn any_to_ask(&self, current: u32, now: Uptime) -> bool {
        self.authorizations.any_to_ask(current, now)
    }

    /// One of these, which is asked about from here on.
    pub(crate) fn ask(&mut self, current: u32, now: Uptime) -> Option<ToAsk> {
        self.authorizations.ask(current, now)
    }

    /// Whether the plugin keeps an eye on any authorization.
    pub(crate) fn any_held(&self) -> bool {
        self.authorizations.any_held()
    }

    /// Grants whose orders are not delivered to the client's mailbox yet.
    pub(crate) fn take_undelivered(&mut self) -> Vec<HeldGrant> {
        self.authorizations.take_undelivered()
    }

    /// The plugin ends the authorization of this ticket. False if it has ended already.
    pub(crate) fn revoke(&mut self, ticket: u64) -> bool {
        self.writable.forget();
        self.authorizations.revoke(ticket)
    }

    /// Ends every authorization that is revoked. False if none is.
    pub(crate) fn revoke_all(&mut self, is_revoked: impl Fn(&Standing) -> bool) -> bool {
        let any = self.authorizations.revoke_all(is_revoked);
        if any {
            self.writable.forget();
        }
        any
    }

    /// The numbers that revocations name its authorizations by.
    pub(crate) fn standing(&self) -> Standing {
        self.authorizations.standing()
    }

    /// The authorizations, as an operator is shown them.
    pub(crate) fn shown(&self, subject: impl Fn(u64) -> Option<String>) -> AuthorizedBy {
        self.authorizations.shown(subject)
    }

    /// Has the authorizations share their lists of permissions with whoever has the same.
    pub(crate) fn share_permissions(&mut self, shared: &SharedPermissions) {
        self.authorizations.share_permissions(shared);
    }

    /// The plugin wants to be asked about the authorization of this ticket again. False if it cannot be.
    pub(crate) fn recheck(&mut self, ticket: u64) -> bool {
        self.authorizations.recheck(ticket)
    }

    /// Puts in place what `kept` gives now; `None`: nothing. False if it has ended meanwhile.
    pub(crate) fn replace(&mut self, kept: &Rc<Authorization>, grant: Option<Grant>, now: Moment) -> bool {
        self.writable.forget();
        self.authorizations.replace(kept, grant, now)
    }

    /// Forgets what the client sent: nobody will be asked again.
    pub(crate) fn forget_kept(&mut self) {
        self.authorizations.forget_kept();
    }

    /// Whether the client may write `channel`.
    pub(crate) fn may_write(&mut self, channel: &str) -> bool {
        let authorizations = &self.authorizations;
        let allow = || authorizations.allow(Access::WRITE, channel);
        self.writable.may_write(channel, authorizations.permissions_len(), allow)
    }

    fn why_not(&self, access: Access) -> &'static str {
        if !self.is_authorized() {
            "not authorized yet: send authorize first"
        } else if access == Access::READ {
            "no permission to read this channel"
        } else {
            "no permission to write this channel"
        }
    }
}

fn denied(channel: &str, reason: &str) -> Effect<'static> {
    Effect::End(Reply::PermissionDenied { channel, reason }.to_json(), Disconnect::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Permission;
    use std::time::Duration;

    fn grant(permissions: &[(&str, Access)]) -> Grant {
        let permissions = permissions.iter().map(|&(pattern, access)| Permission::new(pattern, access)).collect();
        Grant { permissions, ..Grant::default() }
    }

    fn publishes(session: &mut Session, channel: &str) -> bool {
        let request = Request::Publish { channel: channel.into(), content: "1" };
        matches!(session.handle(Ok(request)), Effect::Publish { .. })
    }

    fn subscribes(session: &mut Session, channel: &str) -> bool {
        matches!(
            session.handle(Ok(Request::Subscribe { channel: channel.into(), since: Since::Now })),
            Effect::Subscribe { .. }
        )
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
        session.granted(grant(&[("a.*", Access::READ)]), None, Moment::now());
        assert!(subscribes(&mut session, "a.1") && !publishes(&mut session, "a.1"));
        session.granted(grant(&[("a.1", Access::WRITE)]), None, Moment::now());
        assert!(subscribes(&mut session, "a.2") && publishes(&mut session, "a.1") && !publishes(&mut session, "a.2"));
    }

    #[test]
    fn a_remembered_channel_is_forgotten_when_its_permission_ends() {
        let (mut session, now) = (Session::default(), Moment::now());
        let end = now.wall + Duration::from_secs(60);
        session.granted(Grant { expires: Some(end), ..grant(&[("a", Access::WRITE)]) }, None, now);
        session.granted(grant(&[("b", Access::WRITE)]), None, now);
        session.granted(grant(&[("x", Access::READ); 4]), None, now);
        assert!(publishes(&mut session, "a") && publishes(&mut session, "b"));
        assert!(session.pass(now.uptime + Duration::from_secs(60)).ended);
        assert!(!publishes(&mut session, "a") && publishes(&mut session, "b") && session.is_authorized());
    }
}
