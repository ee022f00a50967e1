//! TODO

pub mod journal;
pub mod logging;
pub mod service_manager;
pub mod shutdown;
pub mod sighup;
