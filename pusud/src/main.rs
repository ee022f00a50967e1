//! The binary `pusud`: arguments, logging, exit code. Everything else is the library's.
//!
//! Exit codes: 0 done, 1 failed (with one message on standard error), 2 the command line is wrong, 70 a plugin has ended
//! the process.

mod cli;

use clap::Parser as _;
use pusud::{authenticator, system};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = cli::Args::try_parse().unwrap_or_else(|error| cli::exit_for(&error));
    let log_is_json = args.log_is_json();
    let done = cli::execute(args);
    authenticator::allow_exit();
    if let Err(error) = &done {
        authenticator::exit_past_hanging_load(error, log_is_json);
        if log_is_json {
            // Whoever reads the log with a program finds nothing in it but JSON.
            tracing::error!("{error:#}");
        } else {
            cli::note_failure(error);
        }
    }
    system::finish_log();
    authenticator::exit_past_hanging_threads(done.is_err().into());
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
