//! Asking before what can't be taken back.

use std::io::{BufRead as _, IsTerminal as _};

use crate::failure::Failure;
use crate::output;

/// Whether somebody at the terminal says yes. Without a terminal there is nobody to ask, and the command line was clear enough.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Ok(true);
    }
    output::progress(question);
    let mut line = String::new();
    input.lock().read_line(&mut line).map_err(|error| Failure::Failed(error.into()))?;
    Ok(line.trim() == "yes")
}
