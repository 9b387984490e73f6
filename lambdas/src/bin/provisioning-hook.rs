//! The function `provisioning-hook`.

use marvain_lambdas::{Function, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Function::ProvisioningHook)
}
