//! The way to a relay: a stream, the upgrade of it to a WebSocket, and the meaning of a failure on that way.

use super::client_messages::Failure;
use super::connection_args::Target;
use super::relay_stream::RelayStream;
use std::io;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// From the first packet to the relay's first words.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to speak HTTP.
pub(super) async fn connected(target: &Target) -> Result<RelayStream, Failure> {
    let opened = timeout(CONNECT_TIMEOUT, RelayStream::open(target)).await;
    let failure = match opened {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => stream_failure(error, target),
        Err(_) => did_not_answer(),
    };
    Err(cannot_connect(failure, target))
}

/// Nothing has come for as long as connecting may take.
pub(super) fn did_not_answer() -> Failure {
    Failure::passing(format!("the relay did not answer for {} s", CONNECT_TIMEOUT.as_secs()))
}

/// The failure of connecting, with the relay's URL before it.
pub(super) fn cannot_connect(failure: Failure, target: &Target) -> Failure {
    Failure { message: format!("cannot connect to {}: {failure}", target.url.name), ..failure }
}

/// Connects and upgrades.
pub(super) async fn connecting(
    target: &Target,
) -> Result<(WebSocketStream<RelayStream>, Response), tungstenite::Error> {
    let stream = RelayStream::open(target).await?;
    client_async_with_config(target.url.request.clone(), stream, None).await
}

/// The first line of an answer, as far as it can be shown.
pub(super) fn first_line(body: &[u8]) -> String {
    const CHARS_MAX: usize = 200;
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    // A page of HTML says nothing here.
    if line.starts_with('<') {
        String::new()
    } else {
        line.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect()
    }
}

/// The meaning of a stream that could not be brought about, or that broke.
pub(super) fn stream_failure(error: io::Error, target: &Target) -> Failure {
    match target.tls.as_ref().and_then(|tls| tls.failure(&error)) {
        Some(tls) => Failure { again: !tls.lasts, ..Failure::lasting(tls.words) },
        None => Failure::passing(error.to_string()),
    }
}

/// The meaning of a failure for the person at the terminal, and whether another try could help.
pub(super) fn handshake_failure(error: tungstenite::Error, target: &Target) -> Failure {
    match error {
        tungstenite::Error::Http(response) => {
            let status = response.status();
            let said = response.body().as_deref().map(first_line).filter(|said| !said.is_empty());
            let said = said.map_or_else(String::new, |said| format!(": {said}"));
            let message = format!("expected a relay, found a server that answers HTTP {status}{said}");
            let again = status.is_server_error() || status.as_u16() == 429;
            Failure { again, ..Failure::lasting(message) }
        }
        tungstenite::Error::Io(error) => stream_failure(error, target),
        error @ (tungstenite::Error::Url(_) | tungstenite::Error::HttpFormat(_)) => Failure::lasting(error.to_string()),
        tungstenite::Error::Protocol(ProtocolError::HttparseError(error)) if target.tls.is_none() => Failure::passing(
            format!("expected HTTP, found something else ({error}): for TLS the URL begins with wss://"),
        ),
        tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            Failure::passing("the connection ended before the request for a WebSocket was answered")
        }
        error => Failure::passing(error.to_string()),
    }
}
