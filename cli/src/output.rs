//! Writing to the two streams. A reader that has gone away (`| head`) is no error of ours.

use std::io::Write as _;

use serde::Serialize;

/// One line of the answer.
pub fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _reader_gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// The answer as one line of JSON.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(&text),
        Err(error) => complain(&format!("the answer can't be written as JSON: {error}")),
    }
}

/// Progress, for people.
pub fn progress(text: &str) {
    let _reader_gone = writeln!(std::io::stderr().lock(), "{text}");
}

/// What went wrong, for people.
pub fn complain(text: &str) {
    let _reader_gone = writeln!(std::io::stderr().lock(), "portolan: {text}");
}
