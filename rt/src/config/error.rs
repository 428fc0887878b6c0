//! What is wrong with the settings, on one line.

use std::io;
use std::path::{Path, PathBuf};

use super::de::Wrong;
use super::locate::locate;
use super::tree::{Node, Origin};

/// Wrong settings. The text is one line, complete, and for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: cannot be read: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why; part of the message.
        reason: io::Error,
    },
    /// Something in the file.
    #[error("{}:{line}:{column}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
        /// The setting and what is allowed.
        message: String,
    },
    /// Something in the environment or in `--set`.
    #[error("{name}: {message}")]
    Setting {
        /// The environment variable, or `--set section.key`.
        name: String,
        /// What is allowed.
        message: String,
    },
    /// Something that must be set and is not, when there is no file to point into.
    #[error("configuration: {0}")]
    Missing(String),
}

/// The file is not YAML.
pub(super) fn syntax(path: &Path, reason: &yaml_serde::Error) -> Error {
    let (line, column) = reason.location().map_or((1, 1), |place| (place.line(), place.column()));
    let message = one_line(&reason.to_string());
    Error::File { path: path.to_owned(), line, column, message }
}

/// Says where the wrong thing came from.
pub(super) fn place(root: &Node, file: Option<(&Path, &str)>, wrong: Wrong) -> Error {
    let path = wrong.path();
    let mut node = root;
    for segment in &path {
        node = node.child(segment).unwrap_or(node);
    }
    let full = match path.is_empty() {
        true => wrong.message().to_owned(),
        false => format!("{}: {}", path.join("."), wrong.message()),
    };
    if let Origin::Override(name) = &node.origin {
        // The override's own name says the path, except when the section that it made lacks another key.
        let lacking = wrong.message().starts_with("missing");
        let message = if lacking { full } else { wrong.message().to_owned() };
        return Error::Setting { name: name.to_string(), message };
    }
    let Some((name, text)) = file else { return Error::Missing(full) };
    let (line, column) = locate(text, &path, wrong.at).unwrap_or((1, 1));
    Error::File { path: name.to_owned(), line, column, message: full }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
