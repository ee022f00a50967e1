//! Rules that hold for any bytes that a stranger may send: one function per kind of input, which panics where they do
//! not. Called by the fuzz targets in `fuzz/`, and by this crate's tests with made up inputs and with those kept there.
//!
//! Nothing of it is in the daemon: the feature `fuzzing` is the fuzz targets' own.

mod body;
mod certificate;
mod forwarded;
mod history_messages;
mod message;
mod nats_ops;
mod pattern;
mod position;
mod proxy_header;
mod relay_frames;
mod relay_handshake;
mod settings;
mod upgrade;
mod websocket;

#[cfg(test)]
mod tests;

pub use crate::authenticator::any_verdict as verdict;
pub use body::http_body;
pub use certificate::certificate;
pub use forwarded::forwarded;
pub use history_messages::history_messages;
pub use message::client_message;
pub use nats_ops::nats_ops;
pub use pattern::pattern;
pub use position::position;
pub use proxy_header::proxy_header;
pub use relay_frames::relay_frames;
pub use relay_handshake::relay_handshake;
pub use settings::settings;
pub use upgrade::http_upgrade;
pub use websocket::websocket_frames;
