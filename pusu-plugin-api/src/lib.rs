//! The SDK for authors of authenticator plugins for the PuSu Engine relay, in Rust.
//!
//! An authenticator tells the relay what the holder of an authorization string may read and write. It is a shared
//! library (`crate-type = ["cdylib"]`) that an operator puts into the relay's plugins directory and names in the
//! settings. An author implements [`Authenticator`], or [`AsyncAuthenticator`] to answer later, and exports it with
//! [`export_authenticator!`]; all unsafe code is in this crate. [`Reload`], [`Check`], [`Health`] and [`Grants`] are
//! offered beside it where the macro names them, and [`Host`] has what the relay offers. The guide in README.md goes from
//! nothing to a loaded plugin, and says what to mind: threads, deadlines, secrets, panics.
//!
//! ```
//! use pusu_plugin_api::options::Place;
//! use pusu_plugin_api::serde::{self, Deserialize};
//! use pusu_plugin_api::{
//!     Authenticator, CreateError, Host, Pattern, Permission, Request, Verdict, export_authenticator,
//! };
//!
//! export_authenticator! {
//!     GuestAuthenticator,
//!     id: "GuestAuthenticator",
//!     description: "Everybody may read; whoever gives a name may write below it",
//!     options: &["readable"],
//! }
//!
//! #[derive(Deserialize)]
//! #[serde(crate = "serde", deny_unknown_fields)]
//! struct Options {
//!     readable: Vec<Pattern>,
//! }
//!
//! struct GuestAuthenticator {
//!     readable: Vec<Pattern>,
//! }
//!
//! impl Authenticator for GuestAuthenticator {
//!     type Options = Options;
//!
//!     fn create(options: Options, host: Host) -> Result<Self, CreateError> {
//!         if options.readable.is_empty() {
//!             return Err(Place::option("readable").error("expected at least one pattern, such as \"news.*\""));
//!         }
//!         host.info(format_args!("patterns that guests may read: {}", options.readable.len()));
//!         Ok(Self { readable: options.readable })
//!     }
//!
//!     fn authorize(&self, request: &Request<'_>) -> Verdict {
//!         let readable = self.readable.iter().map(Permission::read);
//!         match request.authorization().to_str() {
//!             Ok("") => Verdict::grant(readable),
//!             Ok(name) if name.chars().all(char::is_alphanumeric) => {
//!                 let own = Permission::write(format!("guests.{name}.*"));
//!                 Verdict::grant(readable.chain([own])).with_subject(name)
//!             }
//!             _ => Verdict::refuse("a name has only letters and digits"),
//!         }
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! **Invariant:** no panic and no memory crosses the border to the relay, and no handle of this crate touches the relay
//! after `destroy` has returned, however long it is kept.

mod authenticator;
#[allow(unsafe_code)]
mod entry;
mod entry_facts;
mod error;
mod export;
#[allow(unsafe_code)]
mod facts;
pub mod file;
#[allow(unsafe_code)]
mod grants;
#[allow(unsafe_code)]
mod host;
pub mod json;
#[allow(unsafe_code)]
mod link;
#[allow(unsafe_code)]
mod metrics;
#[allow(unsafe_code)]
mod offer;
mod offered;
pub mod options;
mod pattern;
#[cfg(feature = "layout-proof")]
#[allow(unsafe_code)]
mod proof;
mod reply;
#[allow(unsafe_code)]
mod request;
pub mod template;
#[allow(unsafe_code)]
pub mod testing;
mod verdict;

pub use authenticator::{AsyncAuthenticator, Authenticator, NoOptions};
pub use entry_facts::Entry;
pub use error::CreateError;
pub use export::About;
pub use facts::Facts;
pub use grants::{GrantsHandle, NotTaken};
pub use host::{Host, Level};
pub use metrics::{Counter, Gauge, Histogram};
pub use offered::{Check, Condition, Ended, Grants, Health, Reload};
pub use pattern::{NotAPattern, Pattern};
pub use pusu_plugin_abi as abi;
pub use pusu_plugin_abi::{F_GRANTS as GRANTS, F_NO_SWAP as NO_SWAP, F_SERIAL as SERIAL};
pub use reply::{Delivery, Reply};
pub use request::{Authorization, Request, Ticket};
pub use serde;
pub use verdict::{Access, Decision, Permission, Verdict};

/// What the expansion of [`export_authenticator!`] uses; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::entry::{entry, table};
    pub use crate::export::manifest;
    pub use crate::offer::{Offered, Offers};
    #[cfg(feature = "layout-proof")]
    pub use crate::proof::{LibHeader, Root, header};

    /// A function for each trait that the macro's list may name.
    pub mod offer {
        pub use crate::offer::{Check, Grants, Health, Reload};
    }
}

/// Without the feature `layout-proof` there is nothing to export.
#[cfg(not(feature = "layout-proof"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_layout_proof {
    ($manifest:expr, $table:expr) => {};
}
