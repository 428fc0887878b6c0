//! Section `dp_manager`.

use serde::Deserialize;

/// How the etcd service serves (docs/etcd.md).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DpManager {
    /// Whether users who administrate the control plane may log in with their password; without, each client needs a certificate.
    pub passwords: bool,
    /// Whether an APISIX data plane that is ahead of the log, since the log was restored from a backup, is told to load anew.
    pub reload_when_ahead: bool,
    /// How this replica shows in the list of members.
    pub member: Member,
}

/// A member of an etcd cluster, as clients see it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Member {
    /// Its name; another one for each replica, and the same after each start.
    pub name: String,
    /// URLs for clients that ask for the members and go on with what they get. Without: the one by which they came.
    pub client_urls: Vec<String>,
    /// URLs for other members. Nothing of ours uses them.
    pub peer_urls: Vec<String>,
}

// === impl DpManager ===

impl Default for DpManager {
    fn default() -> Self {
        Self { passwords: true, reload_when_ahead: true, member: Member::default() }
    }
}

// === impl Member ===

impl Default for Member {
    fn default() -> Self {
        portolan_kine_shim::Member::default().into()
    }
}

impl From<portolan_kine_shim::Member> for Member {
    fn from(member: portolan_kine_shim::Member) -> Self {
        let portolan_kine_shim::Member { name, peer_urls, client_urls } = member;
        Self { name, client_urls, peer_urls }
    }
}

impl From<Member> for portolan_kine_shim::Member {
    fn from(member: Member) -> Self {
        let Member { name, client_urls, peer_urls } = member;
        Self { name, peer_urls, client_urls }
    }
}
