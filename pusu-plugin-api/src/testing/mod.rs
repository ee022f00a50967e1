//! For the unit tests of an authenticator, without a relay: options as they stand in the settings, requests, and a relay
//! that remembers what it is told.
//!
//! ```
//! use pusu_plugin_api::{Authenticator, CreateError, Decision, Host, NoOptions, Request, Verdict, testing};
//!
//! struct Nobody;
//!
//! impl Authenticator for Nobody {
//!     type Options = NoOptions;
//!
//!     fn create(_: NoOptions, _: Host) -> Result<Self, CreateError> {
//!         Ok(Self)
//!     }
//!
//!     fn authorize(&self, _: &Request<'_>) -> Verdict {
//!         Verdict::refuse("nobody is let in")
//!     }
//! }
//!
//! let nobody: Nobody = testing::create("{}")?;
//! assert_eq!(nobody.authorize(&testing::request(b"let me in")).decision(), Decision::Refuse);
//! # Ok::<(), CreateError>(())
//! ```

mod asked;
mod memory;
mod relay;

pub use asked::Asked;
pub use memory::{GrantCall, Line};
pub use relay::Relay;

use crate::authenticator::AsyncAuthenticator;
use crate::error::CreateError;
use crate::host::Host;
use crate::offered::Check;
use crate::request::{Request, Ticket};

/// Makes an authenticator as the relay would, of options that are one JSON object.
///
/// # Errors
/// What the operator would read: wrong options, or the error of `create`.
pub fn create<A: AsyncAuthenticator>(options_json: &str) -> Result<A, CreateError> {
    A::create(crate::options::from_json(options_json.as_bytes())?, host())
}

/// Checks options as `pusud check` would, of options that are one JSON object.
///
/// # Errors
/// What the operator would read: wrong options, or the error of [`Check::check`].
pub fn check<A: Check>(options_json: &str) -> Result<(), CreateError> {
    A::check(crate::options::from_json(options_json.as_bytes())?, &host())
}

/// A host that prints what is logged to standard error. It is that of a [`Relay`] which nobody asks.
pub fn host() -> Host {
    Relay::new().host()
}

/// A request that carries `authorization`, from 127.0.0.1, without ticket and attributes, with five seconds left. For
/// others see [`Asked`].
pub fn request(authorization: &[u8]) -> Request<'_> {
    Request::detached(authorization)
}

/// A ticket; relays never give 0.
pub fn ticket(number: u64) -> Ticket {
    Ticket(number)
}

/// A recheck of the grant that `previous` names: `testing::recheck(b"token", previous).request()`.
pub fn recheck(authorization: &[u8], previous: Ticket) -> Asked {
    Asked::new(authorization).recheck(previous)
}
