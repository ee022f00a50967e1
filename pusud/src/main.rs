//! The binary `pusud`: arguments, logging, exit code. Everything else is the library's.
//!
//! Exit codes: 0 done, 1 failed (with one message on standard error), 2 the command line is wrong.

mod cli;
mod logging;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::execute(cli::Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::note(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
