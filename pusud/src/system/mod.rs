//! TODO

mod journal;
mod logging;
mod service_manager;
mod shutdown;
mod sighup;

pub use journal::{ERROR, takes_stderr};
pub use logging::{Format, Level, start};
pub use service_manager::ServiceManager;
pub use shutdown::{Listening, Shutdown};
pub use sighup::Hangups;
