//! `reflow-pack`: makes, packs, checks, signs and strips actor packs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what a command does")]

use std::process::ExitCode;

use reflow_graph::printable;

fn main() -> ExitCode {
    let mut said = String::new();
    let result = reflow_pack::tool::run(std::env::args().skip(1).collect(), &mut said);
    print!("{}", printable(&said));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", printable(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}
