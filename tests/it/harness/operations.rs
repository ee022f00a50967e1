//! The operations port of a running daemon: requests to it, and their answers.

use super::{Answer, Daemon, Http, Request};
use std::net::SocketAddr;

/// The address in the log line that says where operators connect.
fn operations_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("operations listen here")?;
    let (_, url) = match rest.contains("http") {
        true => rest.split_once("://")?,
        // In JSON the message may stand behind its fields.
        false => line.split_once("://")?,
    };
    let end = url.find(['"', ' ']).unwrap_or(url.len());
    url[..end].parse().ok()
}

impl Daemon {
    /// Where its operations port is; the daemon was set up with one.
    pub(crate) fn operations(&self) -> SocketAddr {
        self.log().wait_for("`operations listen here`", operations_address)
    }

    /// A connection to its operations port.
    pub(crate) fn operations_http(&self) -> Http {
        Http::connect(self.operations())
    }

    /// The answer to a request at its operations port, on a connection of its own.
    pub(crate) fn ask_operations(&self, request: &Request) -> Answer {
        self.operations_http().ask(request)
    }

    /// GET, without a token.
    pub(crate) fn get_operations(&self, target: &str) -> Answer {
        self.ask_operations(&operations_request("GET", target))
    }
}

/// A request to an operations port, without a token.
pub(crate) fn operations_request(method: &str, target: &str) -> Request {
    Request::new(method, target).header("Host: localhost").without("Authorization")
}
