//! `dird`: flags, configuration, logs, then the command that was asked for.

use std::process::ExitCode;

use clap::Parser;
use dird::cli::Flags;

fn main() -> ExitCode {
    kit::tls::install_provider();
    let flags = Flags::parse();
    match flags.execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dird: {error:#}");
            ExitCode::FAILURE
        }
    }
}
