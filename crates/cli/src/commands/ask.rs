//! Asking the person at the terminal.

use crate::error::CliError;
use std::io::{self, BufRead as _, Read as _, Write as _};

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64;

/// Yes or no; anything but a yes is a no.
pub(crate) fn yes_or_no(question: &str) -> Result<bool, CliError> {
    let ask = || {
        write!(io::stderr(), "{question} [y/N] ")?;
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    };
    ask().map_err(|e: io::Error| CliError::failure("cannot ask on the terminal").because(e))
}
