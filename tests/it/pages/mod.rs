//! The pages for users and operators, held to their word: commands and examples are run as they are printed, tables are
//! complete, and links lead somewhere.
//!
//! `coverage` knows which test runs which block; the pages of the norms and of the internals have tests of their own.

mod browser;
mod clients;
mod cluster;
mod coverage;
mod links;
mod monitoring;
mod operating;
mod page;
mod proxies;
mod readme;
mod settings;
mod stage;
mod troubleshooting;
