//! The service: one question, one HTTP request, one outcome.
//!
//! **Invariant:** an answer is 200 with a body that is exactly as it should be; 403 is a refusal, and 401 where the relay
//! shows no credential of its own, which it could be about. Everything else is no decision, redirects too, which could
//! lead the authorization anywhere.

use crate::answer::Answer;
use crate::connections::{Connection, Connections};
use crate::encoding::Encoding;
use crate::endpoint::Endpoint;
use crate::failure_log::FailureLog;
use crate::options::Settings;
use crate::single_flight::Outcome;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use pusu_plugin_api::Host;
use pusu_plugin_api::options::Time;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Longest body of an answer, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What services answer that mean "no", and that says something else: there is a mistake in the question, or in its URL.
const MEANS_NO_PERHAPS: [StatusCode; 3] =
    [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY];

/// The operator's service.
pub(crate) struct Service {
    endpoint: Endpoint,
    headers: HeaderMap,
    has_credential: bool,
    timeout: Duration,
    /// One for each connection that may be in use.
    free: Semaphore,
    connections: Connections,
    failure_log: FailureLog,
}

/// Status and body of an answer, not looked at yet.
type RawAnswer = (StatusCode, Zeroizing<Vec<u8>>);

impl Service {
    /// The service that the settings describe.
    pub(crate) fn new(settings: Settings, host: Host) -> Self {
        let Settings { endpoint, trust, mut headers, has_credential, timeout, max_connections, age_max, .. } = settings;
        headers.insert(HOST, endpoint.authority.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let program = concat!("pusu-", env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(program));
        let connections = Connections::new(endpoint.place.clone(), trust, age_max);
        let failure_log = FailureLog::new(host, endpoint.shown());
        let free = Semaphore::new(max_connections);
        Self { endpoint, headers, has_credential, timeout, free, connections, failure_log }
    }

    /// Asks, and logs why if there is no decision. Calls `on_send` before the question leaves. Whoever stops waiting
    /// gives up connection and place in the queue.
    pub(crate) async fn ask(&self, body: Bytes, on_send: impl Fn()) -> Outcome {
        let deadline = Instant::now() + self.timeout;
        let free = async { Ok(self.free.acquire().await.expect("the semaphore is never closed")) };
        let answered = match self.in_time(deadline, "no connection was free", free).await {
            Ok(_in_use) => self.call_in_time(body, on_send, deadline).await,
            Err(fault) => Err(fault),
        };
        match answered.and_then(|answer| self.decide(&answer)) {
            Ok(outcome) => {
                self.failure_log.answered();
                outcome
            }
            Err(fault) => {
                self.failure_log.failed(&fault);
                Outcome::Unavailable(fault)
            }
        }
    }

    /// Where the time is up, all connections are: whatever was at their other ends may not be there any more.
    async fn call_in_time(&self, body: Bytes, on_send: impl Fn(), deadline: Instant) -> Result<RawAnswer, String> {
        let answered = self.in_time(deadline, "no answer", self.call(body, on_send, deadline)).await;
        if answered.is_err() && Instant::now() >= deadline {
            self.connections.discard();
        }
        answered
    }

    async fn call(&self, body: Bytes, on_send: impl Fn(), deadline: Instant) -> Result<RawAnswer, String> {
        if let Some(mut connection) = self.connections.idle().await {
            on_send();
            match connection.send(self.request(body.clone())).await {
                // That nobody asked in time is said to whoever has kept the connection open, and not to this question.
                Ok(response) if response.status() == StatusCode::REQUEST_TIMEOUT => {}
                Ok(response) => return self.receive(connection, response).await,
                // The service may close an idle connection in the very moment in which it is used. A question that is
                // asked twice does no harm.
                Err(error) if !error.is_parse() => {}
                Err(error) => return Err(format!("answers with what is not HTTP: {error}")),
            }
        }
        let mut connection = self.in_time(deadline, "cannot connect", self.connections.connect()).await?;
        on_send();
        match connection.send(self.request(body)).await {
            Ok(response) => self.receive(connection, response).await,
            Err(error) => Err(format!("no answer: {error}")),
        }
    }

    /// Waits until the deadline at most; the fault says of which step nothing came.
    async fn in_time<T>(
        &self,
        deadline: Instant,
        step: &str,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        let done = tokio::time::timeout_at(deadline, work).await;
        done.unwrap_or_else(|_| Err(format!("{step} within {}", Time(self.timeout))))
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.target.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Receives the answer, and keeps the connection if it can be used again.
    async fn receive(&self, connection: Connection, response: Response<Incoming>) -> Result<RawAnswer, String> {
        let status = response.status();
        let encoding = Encoding::of(response.headers());
        match read(response.into_body()).await {
            Ok(body) => {
                self.connections.keep(connection);
                match encoding.or_else(|| Encoding::of_body(&body)).filter(|_| status == StatusCode::OK) {
                    Some(encoding) => Err(encoding.fault()),
                    None => Ok((status, body)),
                }
            }
            Err(_) if is_refusal(status) => Ok((status, Zeroizing::default())),
            Err(fault) => Err(fault),
        }
    }

    /// What status and body say.
    fn decide(&self, (status, body): &RawAnswer) -> Result<Outcome, String> {
        match *status {
            StatusCode::OK => {
                Answer::parse(body).map(Outcome::Answered).map_err(|fault| format!("the answer is {fault}"))
            }
            // About the one who asks (RFC 9110, section 15.5.2): were every client refused for it, none would come back.
            StatusCode::UNAUTHORIZED if self.has_credential => Err(
                "status 401: it does not accept the credential of the relay itself, in `http_headers` or in the query \
                     of `http_url`; if a client is meant, it has to answer 403"
                    .into(),
            ),
            status if is_refusal(status) => Ok(Outcome::Refused),
            // The code alone: its words are the service's own.
            status => {
                if MEANS_NO_PERHAPS.contains(&status) {
                    self.failure_log.point_out(status.as_u16());
                }
                Err(format!("expected status 200, 401 or 403, found {}", status.as_u16()))
            }
        }
    }
}

async fn read(body: Incoming) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut body = Limited::new(body, BODY_BYTES_MAX);
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => format!("expected an answer of at most {BODY_BYTES_MAX} bytes, found a longer one"),
            None => format!("the answer breaks off: {error}"),
        })?;
        bytes.extend(frame.data_ref().into_iter().flatten());
    }
    Ok(bytes)
}

/// Whether the status alone says it, whatever the body is.
fn is_refusal(status: StatusCode) -> bool {
    [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status)
}
