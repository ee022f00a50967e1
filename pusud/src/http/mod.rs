//! TODO

mod error;

pub use error::HttpError;
