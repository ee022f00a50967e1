//! HTTPS of those bundled authenticators that ask somebody: whom they trust, with words for the mistakes that operators make
//! there, and URLs taken apart.
//!
//! It is linked into each of them, and has no state.
//! **Invariant:** no error shows more of a URL than an option's name.

mod authorities;
mod certificate_names;
mod trust;
mod url;

pub use trust::{Names, Trust, Trusted};
pub use url::{NoUrl, Url};
