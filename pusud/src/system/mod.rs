//! The process and its system: signals, the service manager, the journal and the log.
//!
//! It decides nothing about clients: it tells the relay what the system wants, and the system how the relay is.

mod handed_over;
mod journal;
mod logging;
mod open_files;
mod process_figures;
mod service_manager;
mod shutdown;
mod signals;

pub use handed_over::{HandedOver, ListeningSocket};
pub use journal::{ERROR, takes_stderr};
pub use logging::{Format, Level, Output, finish_log, left_out_log_lines, log_line, lost_log_lines, start_logging};
pub use open_files::open_files;
pub use process_figures::ProcessFigures;
pub use service_manager::ServiceManager;
pub use shutdown::{Listening, Shutdown};
pub use signals::{Sighups, Signals};
