//! Who may do what: the one place that says so.

use serde::{Deserialize, Serialize};

/// What a user or the holder of a key may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    #[default]
    Admin,
    /// Read everything, change nothing.
    Viewer,
}

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Read configuration, history and the audit log.
    Read,
    /// Change configuration: write resources, roll back.
    Write,
    /// Have a certificate issued.
    Issue,
}

/// Whether the roles give the right.
pub fn allows(roles: &[Role], right: Right) -> bool {
    roles.iter().any(|role| match role {
        Role::Admin => true,
        Role::Viewer => right == Right::Read,
    })
}

// === impl Role ===

impl Role {
    /// The word for it in configuration, answers and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }
}

// === impl Right ===

impl Right {
    /// The word for it in refusals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Issue => "issue certificates",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_only_reads() {
        for right in [Right::Read, Right::Write, Right::Issue] {
            assert!(allows(&[Role::Admin], right));
            assert_eq!(allows(&[Role::Viewer], right), right == Right::Read);
            assert!(!allows(&[], right));
        }
    }
}
