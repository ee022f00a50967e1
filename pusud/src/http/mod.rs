//! HTTP as it is spoken before a connection becomes a WebSocket, and by requests that stay HTTP: the answers to those that
//! are refused, the client's address in the words of proxies, and the parts of a request, each a function of its bytes.
//!
//! It knows no socket; the client's task sends what is made here.

mod answer;
mod body;
mod cors;
mod credentials;
mod error;
mod fields;
mod forwarded;
mod head;
mod health;
mod media_type;
mod request;
mod seen_headers;
mod target;
mod token;

pub use answer::{Answer, Envelope, JSON, TEXT, title};
pub use body::{Body, BodyError, Framing};
pub use cors::CrossOrigin;
pub(crate) use cors::preflight;
pub use credentials::{CredentialsError, authorization};
pub(crate) use error::HttpError;
pub use forwarded::{ForwardedError, client};
pub(crate) use head::{has_bare_line_feed, has_token, single, values};
pub use health::Health;
pub(crate) use health::{health_check, may_become_health_check};
pub use media_type::{MediaType, accepts_event_stream};
pub use request::{Expectation, Method, Request};
pub use seen_headers::{HeaderNames, SeenHeaders};
pub use target::{path_and_query, percent_decode, query_pairs};
