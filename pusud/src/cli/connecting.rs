//! The way to a WebSocket: a stream to the relay and the upgrade of it, and the meaning of a failure on that way.

use super::client_messages::Failure;
use super::connection_args::Target;
use super::relay_stream::RelayStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Connects and upgrades.
pub(super) async fn connecting(
    target: &Target,
) -> Result<(WebSocketStream<RelayStream>, Response), tungstenite::Error> {
    let stream = RelayStream::open(target).await?;
    client_async_with_config(target.url.request.clone(), stream, None).await
}

/// The first line of an answer, as far as it can be shown.
fn first_line(body: &[u8]) -> String {
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

/// The meaning of a failure for the person at the terminal, and whether another try could help.
pub(super) fn handshake_failure(error: tungstenite::Error, target: &Target) -> Failure {
    match error {
        tungstenite::Error::Http(response) => {
            let status = response.status();
            let said = response.body().as_deref().map(first_line).filter(|said| !said.is_empty());
            let said = said.map_or_else(String::new, |said| format!(": {said}"));
            let message = format!("expected a relay, found a server that answers HTTP {status}{said}");
            Failure { message, again: status.is_server_error() || status.as_u16() == 429 }
        }
        tungstenite::Error::Io(error) => match target.tls.as_ref().and_then(|tls| tls.failure(&error)) {
            Some(tls) => Failure { message: tls.words, again: !tls.lasts },
            None => Failure::passing(error.to_string()),
        },
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
