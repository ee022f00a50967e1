//! The service: one question, one HTTP request, one outcome.
//!
//! **Invariant:** an answer is 200 with a body that is exactly as it should be; 401 and 403 are refusals; everything
//! else is no decision, redirects too, which could lead the authorization anywhere.

use crate::answer::Answer;
use crate::connections::{Connection, Connections};
use crate::endpoint::Endpoint;
use crate::failure_log::FailureLog;
use crate::options::Settings;
use crate::single_flight::Outcome;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use pusu_plugin_api::Host;
use pusu_plugin_api::options::Time;
use std::time::Duration;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Longest body of an answer, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The operator's service.
pub(crate) struct Service {
    endpoint: Endpoint,
    headers: HeaderMap,
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
        let Settings { endpoint, tls, mut headers, timeout, max_connections, .. } = settings;
        headers.insert(HOST, endpoint.authority.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let program = concat!("pusu-", env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(program));
        let connections = Connections::new(&endpoint, tls, timeout);
        let failure_log = FailureLog::new(host, endpoint.shown());
        Self { endpoint, headers, timeout, free: Semaphore::new(max_connections), connections, failure_log }
    }

    /// Asks, and logs why if there is no decision.
    pub(crate) async fn ask(&self, body: Bytes) -> Outcome {
        let decided = match tokio::time::timeout(self.timeout, self.call(body)).await {
            Ok(Ok(answer)) => decide(&answer),
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(format!("no answer within {}", Time(self.timeout))),
        };
        match decided {
            Ok(outcome) => {
                self.failure_log.answered();
                outcome
            }
            Err(fault) => {
                self.failure_log.failed(&fault);
                Outcome::Unavailable
            }
        }
    }

    async fn call(&self, body: Bytes) -> Result<RawAnswer, String> {
        let _in_use = self.free.acquire().await.expect("the semaphore is never closed");
        if let Some(mut connection) = self.connections.idle().await {
            match connection.send_request(self.request(body.clone())).await {
                Ok(response) => return self.receive(connection, response).await,
                // The service may close an idle connection in the very moment in which it is used. A question that is
                // asked twice does no harm.
                Err(error) if !error.is_parse() => {}
                Err(error) => return Err(format!("answers with what is not HTTP: {error}")),
            }
        }
        let mut connection = self.connections.connect().await?;
        match connection.send_request(self.request(body)).await {
            Ok(response) => self.receive(connection, response).await,
            Err(error) => Err(format!("no answer: {error}")),
        }
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
        match read(response.into_body()).await {
            Ok(body) => {
                self.connections.keep(connection);
                Ok((status, body))
            }
            // A refusal is one, whatever stands in it.
            Err(_) if is_refusal(status) => Ok((status, Zeroizing::default())),
            Err(fault) => Err(fault),
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

fn is_refusal(status: StatusCode) -> bool {
    [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status)
}

/// What status and body say.
fn decide((status, body): &RawAnswer) -> Result<Outcome, String> {
    match *status {
        StatusCode::OK => Answer::parse(body).map(Outcome::Answered).map_err(|fault| format!("the answer is {fault}")),
        status if is_refusal(status) => Ok(Outcome::Refused),
        // The code alone: its words are the service's own.
        status => Err(format!("expected status 200, 401 or 403, found {}", status.as_u16())),
    }
}
