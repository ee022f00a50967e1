//! The two traits an author chooses from: decide at once, or decide later.

use crate::error::CreateError;
use crate::host::Host;
use crate::reply::Reply;
use crate::request::{Request, Ticket};
use crate::verdict::Verdict;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The options of an authenticator that takes none; any option in the settings is an error then.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// Decides in the call. Most authenticators are of this kind, also those that ask somebody and wait for the answer:
/// the relay calls from threads of their own, which never serve clients.
pub trait Authenticator: Send + Sync + Sized + 'static {
    /// What stands in the settings for this authenticator. Errors name the option, what was expected and which type
    /// was found; they never contain a value, which might be a secret. See also [`NoOptions`].
    type Options: DeserializeOwned;

    /// Makes an instance; called once per start or change of the settings, from one thread, before any client is
    /// served by it. Several instances may live at once, so keep nothing in a `static`.
    ///
    /// # Errors
    /// When the relay cannot do its work with these options; it then does not start.
    fn create(options: Self::Options, host: Host) -> Result<Self, CreateError>;

    /// Decides what the holder of [`Request::authorization`] may do. Called from several threads at once, unless the
    /// plugin is exported with [`SERIAL`](crate::SERIAL). Should return within [`Request::timeout`].
    fn authorize(&self, request: &Request<'_>) -> Verdict;
}

/// Decides in the call or later, from a thread of its own, without keeping one of the relay's threads meanwhile.
///
/// Every [`Authenticator`] is one that answers in the call.
pub trait AsyncAuthenticator: Send + Sync + Sized + 'static {
    /// As [`Authenticator::Options`].
    type Options: DeserializeOwned;

    /// Whether an answer may come after `authorize` has returned.
    const ASYNC: bool = true;

    /// As [`Authenticator::create`].
    ///
    /// # Errors
    /// As [`Authenticator::create`].
    fn create(options: Self::Options, host: Host) -> Result<Self, CreateError>;

    /// Decides, or sees to it that `reply` is answered later. `request` ends with the call: copy what is needed.
    ///
    /// `Drop` of the authenticator has to stop its threads; a reply sent after that is ignored.
    fn authorize(&self, request: &Request<'_>, reply: Reply);

    /// The answer to `ticket` is no longer wanted: time is up or the client has gone. The reply may be dropped or
    /// sent all the same.
    fn cancel(&self, ticket: Ticket) {
        let _ = ticket;
    }
}

impl<A: Authenticator> AsyncAuthenticator for A {
    type Options = A::Options;

    const ASYNC: bool = false;

    fn create(options: Self::Options, host: Host) -> Result<Self, CreateError> {
        A::create(options, host)
    }

    fn authorize(&self, request: &Request<'_>, reply: Reply) {
        reply.send(Authenticator::authorize(self, request));
    }
}
