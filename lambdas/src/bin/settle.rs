//! The function `settle`.

use marvain_lambdas::{Function, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Function::Settle)
}
