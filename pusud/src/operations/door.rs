//! The door of the operations port: every request comes in here, is let in or refused, and answered.

use super::activity::Activity;
use super::answers::Answer;
use super::fault::Fault;
use super::history::History;
use super::names::Names;
use super::query::Query;
use super::role::Who;
use super::routes::{self, Access, Action, INTERFACE, Route};
use super::sessions::Sessions;
use super::shared_status::SharedStatus;
use super::streams::Streams;
use super::throttle::Throttle;
use super::token_file::TokenFile;
use super::{console, content};
use crate::authenticator::Authenticator;
use crate::config::{Config, Overrides};
use crate::control::{Operator, ReloadRequest, StatusGatherer};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderName;
use hyper::{Method, Request, StatusCode, header};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The header without which nothing is changed: no page of a stranger's can send it.
const OPERATION: HeaderName = HeaderName::from_static("pusu-operation");

/// The parts of a relay that operators ask about.
pub struct Parts {
    /// The settings that hold.
    pub config: Arc<Config>,
    /// What stands over the settings when they are read.
    pub overrides: Overrides,
    /// The status.
    pub status: Arc<StatusGatherer>,
    /// What carries orders out.
    pub operator: Arc<Operator>,
    /// The authenticator.
    pub authenticator: Authenticator,
    /// Takes wishes to reload.
    pub reload: mpsc::Sender<ReloadRequest>,
}

/// Who has connected, and to which address of this machine.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

impl Caller {
    /// Whether nothing of it has left this machine.
    pub(super) fn is_here(&self) -> bool {
        [self.peer, self.local].iter().all(|address| address.ip().to_canonical().is_loopback())
    }
}

/// What all connections share.
pub(super) struct Door {
    pub(super) parts: Parts,
    pub(super) address: SocketAddr,
    pub(super) is_encrypted: bool,
    pub(super) names: Names,
    /// `None`: there is no place for tokens, so nobody signs in.
    pub(super) tokens: Option<TokenFile>,
    pub(super) sessions: Sessions,
    pub(super) throttle: Throttle,
    pub(super) status: SharedStatus,
    pub(super) history: History,
    pub(super) streams: Streams,
}

/// A request that was let in.
pub(super) struct Asked {
    pub(super) caller: Caller,
    pub(super) action: Action,
    /// `None`: everybody may ask this.
    pub(super) who: Option<Who>,
    /// The secret of the session that it came with.
    pub(super) session: Option<String>,
    pub(super) query: Query,
    pub(super) body: Bytes,
}

impl Door {
    /// Of the port at this address.
    pub(super) fn new(parts: Parts, address: SocketAddr, is_encrypted: bool, tokens: Option<TokenFile>) -> Self {
        Self {
            names: Names::of(&parts.config),
            status: SharedStatus::new(parts.status.clone()),
            parts,
            address,
            is_encrypted,
            tokens,
            sessions: Sessions::default(),
            throttle: Throttle::default(),
            history: History::default(),
            streams: Streams::default(),
        }
    }

    /// The answer to a request on a connection that does this.
    pub(super) async fn answer(
        self: &Arc<Self>,
        caller: Caller,
        activity: &Activity,
        request: Request<Incoming>,
    ) -> Answer {
        let answered = match self.route(&request) {
            Ok(None) => self.file(&request),
            Ok(Some(route)) => self.admit_and_act(route, caller, activity, request).await,
            Err(fault) => Err(fault),
        };
        answered.unwrap_or_else(Fault::answer)
    }

    /// The row of the table that a request asks for; `None`: it is a file of the console.
    fn route(&self, request: &Request<Incoming>) -> Result<Option<&'static Route>, Fault> {
        let path = request.uri().path();
        let routes = routes::at(path);
        if !matches!(routes.as_slice(), [Route { access: Access::Probe, .. }]) {
            let checked = self.names.check(request, path.starts_with(INTERFACE));
            checked.map_err(|(status, detail)| Fault::new(status, detail))?;
        }
        let method = if *request.method() == Method::HEAD { "GET" } else { request.method().as_str() };
        let not_so = |allowed: String| {
            let detail = format!("this is asked for by {allowed}");
            Fault::new(StatusCode::METHOD_NOT_ALLOWED, detail).with(header::ALLOW, allowed)
        };
        match routes.iter().find(|route| route.method == method) {
            Some(route) => Ok(Some(route)),
            None if !routes.is_empty() => Err(not_so(routes::methods(&routes))),
            None if console::file(path).is_none() => {
                Err(Fault::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
            }
            None if method == "GET" => Ok(None),
            None => Err(not_so("GET, HEAD".to_owned())),
        }
    }

    fn file(&self, request: &Request<Incoming>) -> Result<Answer, Fault> {
        let file = console::file(request.uri().path());
        let file = file.ok_or_else(|| Fault::new(StatusCode::NOT_FOUND, "there is nothing at this path"))?;
        Ok(console::serve(file, request.headers()))
    }

    async fn admit_and_act(
        self: &Arc<Self>,
        route: &'static Route,
        caller: Caller,
        activity: &Activity,
        request: Request<Incoming>,
    ) -> Result<Answer, Fault> {
        let (action, changes) = (route.action, route.method != "GET");
        let (who, session) = match route.access {
            Access::Probe | Access::Open => (None, None),
            Access::SignIn => (None, self.session_of(request.headers())),
            Access::Of(role) => {
                let (who, session) = self.authenticate(caller, request.headers())?;
                let is_formal = if changes { formal(&request) } else { Ok(()) };
                let allowed = is_formal.and_then(|()| match who.role >= role {
                    true => Ok(()),
                    false => {
                        Err(Fault::new(StatusCode::FORBIDDEN, format!("this takes the token of the role `{role}`")))
                    }
                });
                if let Err(fault) = allowed {
                    if changes {
                        super::audit::audit(&who, caller, action.word(), None, &fault.detail);
                    }
                    return Err(fault);
                }
                (Some(who), session)
            }
        };
        if route.access == Access::SignIn {
            formal(&request)?;
        }
        let query = if route.access == Access::Probe { None } else { Some(Query::parse(request.uri().query())?) };
        let is_verbose = query.is_none() && request.uri().query().is_some_and(asks_for_more);
        if let Some(probe) = self.probe(action, is_verbose, request.headers()).await {
            return Ok(probe);
        }
        if who.is_none() {
            activity.awaits_body();
        }
        let body = if route.method == "POST" { content::read(request).await? } else { Bytes::new() };
        activity.is_busy();
        let query = query.unwrap_or_else(Query::none);
        let asked = Asked { caller, action, who, session, query, body };
        if !changes {
            return self.look(asked).await;
        }
        // It is done, and written down, also where nobody waits for the answer any more.
        let door = self.clone();
        let changing = tokio::spawn(async move { door.change(asked).await });
        changing.await.unwrap_or_else(|_| {
            Err(Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "this has failed; the relay's log says why"))
        })
    }
}

/// Whether a request that changes something comes from who means it: from the console, or from a program.
fn formal(request: &Request<Incoming>) -> Result<(), Fault> {
    if request.headers().get(OPERATION).is_none_or(|value| value != "1") {
        return Err(Fault::new(StatusCode::FORBIDDEN, "the header `Pusu-Operation: 1` is missing"));
    }
    if *request.method() == Method::POST { content::is_json(request.headers()) } else { Ok(()) }
}

/// Whether a probe lists each check.
fn asks_for_more(query: &str) -> bool {
    query.split('&').any(|part| part == "verbose" || part.starts_with("verbose="))
}
