//! The door of the operations port: every request comes in here, is let in or refused, and answered.

use super::activity::Activity;
use super::answers::Answer;
use super::audit::audit;
use super::caller::Caller;
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
            Err(fault) => {
                self.note_refused(&fault, caller, &request);
                Err(fault)
            }
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

    /// Writes down that a change was refused which somebody has asked for who is known.
    fn note_refused(&self, fault: &Fault, caller: Caller, request: &Request<Incoming>) {
        let routes = routes::at(request.uri().path());
        let change = routes.iter().find(|route| route.method == request.method().as_str() && route.changes());
        if let Some((change, who)) = change.and_then(|change| Some((change, self.known(request.headers())?))) {
            audit(&who, caller, change.action.word(), None, &fault.refused());
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
        let (action, changes) = (route.action, route.changes());
        if matches!(route.access, Access::Probe | Access::Open) {
            let is_verbose = request.uri().query().is_some_and(asks_for_more);
            let probed = self.probe(action, is_verbose, request.headers()).await;
            return probed.ok_or_else(|| Fault::new(StatusCode::NOT_FOUND, "there is nothing at this path"));
        }
        let (who, session) = match route.access {
            Access::Of(_) => {
                let (who, session) = self.authenticate(caller, request.headers()).await?;
                (Some(who), session)
            }
            _ => (None, self.session_of(request.headers())),
        };
        let (query, body) = match read(route, who.as_ref(), activity, request).await {
            Ok(read) => read,
            Err(fault) => {
                if let Some(who) = who.filter(|_| changes) {
                    audit(&who, caller, action.word(), None, &fault.refused());
                }
                return Err(fault);
            }
        };
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

/// The query and the body of a request, if whoever sends it may.
async fn read(
    route: &Route,
    who: Option<&Who>,
    activity: &Activity,
    request: Request<Incoming>,
) -> Result<(Query, Bytes), Fault> {
    if route.changes() {
        formal(&request)?;
    }
    if let Access::Of(role) = route.access
        && who.is_none_or(|who| who.role < role)
    {
        return Err(Fault::new(StatusCode::FORBIDDEN, format!("this takes the token of the role `{role}`")));
    }
    let mut query = Query::parse(request.uri().query())?;
    if route.changes() {
        // What is to be done stands in the body alone: nobody shall think that a wish in the query has been heard.
        query.end()?;
        query = Query::none();
    }
    if route.method != "POST" {
        return Ok((query, Bytes::new()));
    }
    if who.is_none() {
        activity.awaits_body();
    }
    let body = content::read(request).await?;
    activity.is_busy();
    Ok((query, body))
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
