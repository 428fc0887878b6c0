//! Who may do what, and where: the one place that says so.

use portolan_model::GroupId;
use serde::{Deserialize, Serialize};

/// What a user or the holder of a key may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    #[default]
    #[serde(alias = "super_admin")]
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
    /// Read the configuration with its secrets.
    Export,
    /// Have a certificate issued.
    Issue,
    /// Manage users, roles and gateway groups.
    Administer,
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain<'a> {
    /// The whole installation.
    All,
    /// One gateway group.
    Group(&'a GroupId),
}

/// Whether the roles give the right. Somebody confined to a group has it only there.
pub fn allows(roles: &[Role], confined: Option<&GroupId>, right: Right, domain: Domain<'_>) -> bool {
    let inside = match (confined, domain) {
        (None, _) => true,
        (Some(own), Domain::Group(group)) => own == group,
        (Some(_), Domain::All) => false,
    };
    inside
        && roles.iter().any(|role| match role {
            Role::Admin => true,
            Role::Viewer => right == Right::Read,
        })
}

// === impl Role ===

impl Role {
    /// All roles.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Viewer];

    /// The word for it in configuration, answers and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }

    /// Its id in the enterprise face.
    pub fn id(self) -> &'static str {
        match self {
            Self::Admin => "super_admin_id",
            Self::Viewer => "viewer_id",
        }
    }

    /// The role of an id or a name.
    pub fn named(text: &str) -> Option<Self> {
        match text {
            "super_admin_id" | "super_admin" | "admin" => Some(Self::Admin),
            "viewer_id" | "viewer" => Some(Self::Viewer),
            _ => None,
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
            Self::Export => "export secrets",
            Self::Issue => "issue certificates",
            Self::Administer => "administer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHTS: [Right; 5] = [Right::Read, Right::Write, Right::Export, Right::Issue, Right::Administer];

    #[test]
    fn a_viewer_only_reads() {
        for right in RIGHTS {
            assert!(allows(&[Role::Admin], None, right, Domain::All));
            assert_eq!(allows(&[Role::Viewer], None, right, Domain::All), right == Right::Read);
            assert!(!allows(&[], None, right, Domain::All));
        }
    }

    #[test]
    fn who_is_confined_to_a_group_has_no_rights_outside() {
        let (own, other) = (GroupId::new("eu").unwrap(), GroupId::default());
        for right in RIGHTS {
            assert!(allows(&[Role::Admin], Some(&own), right, Domain::Group(&own)));
            assert!(!allows(&[Role::Admin], Some(&own), right, Domain::Group(&other)));
            assert!(!allows(&[Role::Admin], Some(&own), right, Domain::All));
        }
    }

    #[test]
    fn roles_have_two_names() {
        for role in Role::ALL {
            assert_eq!((Role::named(role.id()), Role::named(role.as_str())), (Some(role), Some(role)));
        }
        assert_eq!(Role::named("root"), None);
    }
}
