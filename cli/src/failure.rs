//! Why a command did not do what it was asked, and the exit code for that.

use std::fmt;

/// Bad usage or configuration.
pub const USAGE: u8 = 64;

/// The end of a command that did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// The command line or a setting is wrong; nothing was done.
    Usage(String),
    /// The answer is that two things differ.
    Differs,
    /// It was tried and failed.
    Failed(anyhow::Error),
}

// === impl Failure ===

impl Failure {
    /// The exit code of the process.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Differs => 2,
            Self::Failed(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Differs => f.write_str("it differs"),
            Self::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}
