//! HTTP as it is spoken before a connection becomes a WebSocket, and by requests that stay HTTP: the answers to those that
//! are refused, the client's address in the words of proxies, and the parts of a request, each a function of its bytes.
//!
//! It knows no socket; the client's task sends what is made here.

mod body;
mod credentials;
mod error;
mod forwarded;
mod media_type;
mod target;
mod token;

pub use body::{Body, BodyError, Framing};
pub use credentials::{CredentialsError, authorization};
pub(crate) use error::HttpError;
pub use forwarded::{ForwardedError, client};
pub use media_type::{MediaType, accepts_event_stream};
pub use target::{path_and_query, percent_decode, query_pairs};
