//! Placeholder.
#![deny(unsafe_op_in_unsafe_fn)]

mod authenticator;
#[allow(unsafe_code)]
mod entry;
mod error;
mod export;
#[allow(unsafe_code)]
mod host;
mod options;
#[cfg(feature = "layout-proof")]
#[allow(unsafe_code)]
mod proof;
mod reply;
#[allow(unsafe_code)]
mod request;
#[allow(unsafe_code)]
pub mod testing;
mod verdict;

pub use authenticator::{AsyncAuthenticator, Authenticator, NoOptions};
pub use error::CreateError;
pub use export::About;
pub use host::{Host, Level};
pub use pusu_plugin_abi as abi;
pub use pusu_plugin_abi::{F_NO_SWAP as NO_SWAP, F_SERIAL as SERIAL};
pub use reply::{Delivery, Reply};
pub use request::{Authorization, Request, Ticket};
pub use serde;
pub use verdict::{Access, Decision, Permission, Verdict};

/// What the expansion of [`export_authenticator!`] uses; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::entry::{entry, table};
    pub use crate::export::manifest;
    #[cfg(feature = "layout-proof")]
    pub use crate::proof::{LibHeader, Root, header};
}

/// Without the feature `layout-proof` there is nothing to export.
#[cfg(not(feature = "layout-proof"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_layout_proof {
    ($manifest:expr, $table:expr) => {};
}
