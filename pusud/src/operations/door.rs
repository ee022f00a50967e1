//! The door of the operations port: every request comes in here, and is answered.

use super::answers::{Answer, problem, with};
use super::{console, health};
use crate::config::Config;
use crate::control::StatusGatherer;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode, header};
use std::net::SocketAddr;
use std::sync::Arc;

/// The parts of a relay that operators ask about.
pub struct Parts {
    /// The settings that hold.
    pub config: Arc<Config>,
    /// The status.
    pub status: Arc<StatusGatherer>,
}

/// Who has connected, and to which address of this machine.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

/// What all connections share.
pub(super) struct Door {
    parts: Parts,
}

impl Door {
    /// Of the port at this address.
    pub(super) fn new(parts: Parts, _address: SocketAddr, _is_encrypted: bool) -> Self {
        Self { parts }
    }

    /// The answer to a request.
    pub(super) async fn answer(&self, _caller: Caller, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
        let verbose = request.uri().query().is_some_and(|query| query.split('&').any(|part| part == "verbose"));
        let answer = match path {
            "/livez" => health::report("livez", &[], verbose),
            _ => match console::file(path) {
                Some(file) => console::serve(file, request.headers()),
                None => return problem(StatusCode::NOT_FOUND, "there is nothing at this path"),
            },
        };
        if !is_reading {
            let refused = problem(StatusCode::METHOD_NOT_ALLOWED, "this is only read: GET or HEAD");
            return with(refused, header::ALLOW, "GET, HEAD");
        }
        answer
    }
}
