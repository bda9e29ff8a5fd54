//! The program `boardwright`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(boardwright::program::run(std::env::args_os().skip(1)))
}
