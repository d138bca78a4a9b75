//! The store's command line.

use std::process::ExitCode;

use cli_app::kv;

fn main() -> ExitCode {
    match kv::parse(std::env::args_os()) {
        Ok(args) => kv::run(&args),
        Err(code) => code,
    }
}
