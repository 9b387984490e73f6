//! The program of every function on AWS Lambda; which one it is, its handler says.

use std::process::ExitCode;

fn main() -> ExitCode {
    marvain_lambdas::run()
}
