//! `dird`: flags, configuration, logs, then the command that was asked for.

use std::process::ExitCode;

use clap::Parser;
use dird::cli::Flags;

fn main() -> ExitCode {
    kit::tls::install_provider();
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(usage) => {
            // Nobody may be reading what is printed; the status is told all the same.
            let _printed = usage.print();
            return ExitCode::from(u8::from(usage.use_stderr()));
        }
    };
    match flags.execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dird: {error:#}");
            ExitCode::FAILURE
        }
    }
}
