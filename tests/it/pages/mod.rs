//! The pages for users and operators, held to their word: commands and examples are run as they are printed, tables are
//! complete, and links lead somewhere.
//!
//! `coverage` knows which test runs which block; the norms, the internals and the pages of plugins have tests of their own.

mod authors_guide;
mod browser;
mod clients;
mod cluster;
mod coverage;
mod exchanges;
mod history;
mod links;
mod monitoring;
mod operating;
mod page;
mod plugins;
mod protocol;
mod proxies;
mod readme;
mod recipes;
mod reliability;
#[cfg(unix)]
mod secrets;
mod settings;
mod stage;
mod table_cells;
mod tls;
mod troubleshooting;
