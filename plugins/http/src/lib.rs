//! `HttpAuthenticator`: a web service of the operator's own says what a client may read and write.
//!
//! ```yaml
//! authenticator: HttpAuthenticator
//! authenticator_options:
//!   http_url: https://auth.example.com/pusu
//! ```
//!
//! The service is sent `{"authorization": …, "peer": …, "attributes": {…}}` and answers
//! `{"permissions": [{"pattern": "news.*", "read": true, "write": false}], "subject": …, "expires": …, "cache_seconds": …}`,
//! or 403 to refuse (or 401, where the relay shows it no credential of its own). Whatever else happens is no decision, and no permissions.
//! **Invariant:** no authorization is in a log, an error or a reason, and none is kept when its call is over.

mod answer;
mod attempts;
mod authorize;
mod cache;
mod connections;
mod credential;
mod encoding;
mod endpoint;
mod failure_log;
mod options;
mod question;
mod sends;
mod service;
mod single_flight;
mod thread;
mod unix_socket;

use authorize::Authorizer;
use options::{Options, Settings};
use pusu_plugin_api::{AsyncAuthenticator, CreateError, Host, Reply, Request, Ticket, Verdict, export_authenticator};
use question::Facts;
use single_flight::Waiter;

export_authenticator! {
    HttpAuthenticator,
    id: "HttpAuthenticator",
    options: &[
        "http_url",
        "http_timeout",
        "http_headers",
        "http_ca_file",
        "http_max_connections",
        "http_max_connection_age",
        "http_cache_entries",
        "http_send",
    ],
}

/// Answers later: the relay has few threads to call from, and a service may be slow.
struct HttpAuthenticator(Authorizer<Reply>);

impl AsyncAuthenticator for HttpAuthenticator {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        Authorizer::start(Settings::of(options, &host)?, host).map(Self)
    }

    fn authorize(&self, request: &Request<'_>, reply: Reply) {
        match Facts::of(request) {
            Some(facts) => self.0.ask(&facts, request.is_again(), reply),
            None => reply.answer(Verdict::refuse("the authorization is not text")),
        }
    }

    fn cancel(&self, ticket: Ticket) {
        self.0.cancel(ticket);
    }
}

#[cfg(test)]
mod tests;
