//! Who is at the other end: the client certificate says it.

use std::net::IpAddr;

use portolan_eventstore::proposal::{Actor, ActorKind, Context, Source};
use portolan_model::GroupId;
use portolan_rt::serve::Connection;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

/// What a client certificate's URI name says about its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `portolan://admin/NAME`: sees and writes everything.
    Admin,
    /// Somebody who logged in with a password: as an administrator.
    User {
        /// The login name.
        name: String,
        /// See [`crate::auth::Admin::changed`].
        changed: i64,
    },
    /// `portolan://data-plane/GROUP/INSTANCE`: sees its gateway group's configuration, and its own status, which it writes.
    DataPlane {
        /// The gateway group.
        group: GroupId,
        /// Who of it. Several processes that share a certificate are one.
        instance: Box<str>,
    },
}

/// One peer with a certificate that names it.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// What it may be.
    pub(crate) role: Role,
    /// The URI in its certificate that says so. Stays the same when the certificate is renewed.
    pub(crate) uri: String,
    /// Serial number of the certificate: lower-case hex, without leading zeros.
    pub(crate) serial: String,
    /// The certificate's common name, or the user's id.
    pub(crate) id: String,
    /// Where it connects from.
    pub(crate) ip: IpAddr,
}

/// A peer that is nobody: without a certificate, or with one that names no identity of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// Where it connects from, if the listener said so.
    pub(crate) ip: Option<IpAddr>,
}

// === impl Role ===

impl Role {
    fn from_uri(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("portolan://")?;
        let mut parts = rest.split('/');
        let role = match (parts.next()?, parts.next()?, parts.next()) {
            ("admin", name, None) if !name.is_empty() => Self::Admin,
            ("data-plane", group, Some(instance)) if !instance.is_empty() => {
                Self::DataPlane { group: GroupId::new(group).ok()?, instance: instance.into() }
            }
            _ => return None,
        };
        parts.next().is_none().then_some(role)
    }
}

// === impl Identity ===

impl Identity {
    /// Reads the identity off the connection that a request came in on.
    pub(crate) fn of(extensions: &http::Extensions) -> Result<Self, Unknown> {
        let connection = extensions.get::<Connection>().ok_or(Unknown { ip: None })?;
        let ip = connection.remote.ip();
        let unknown = Unknown { ip: Some(ip) };
        let peer = connection.peer.as_ref().ok_or(unknown)?;
        // Exactly one of our names: a certificate that claims to be two is nobody.
        let mut roles = peer.uris.iter().filter_map(|uri| Some((Role::from_uri(uri)?, uri)));
        let (role, uri) = roles.next().ok_or(unknown)?;
        if roles.next().is_some() {
            return Err(unknown);
        }
        let (uri, serial, id) = (uri.clone(), peer.serial.clone(), peer.common_name.clone());
        Ok(Self { role, uri, serial, id, ip })
    }

    /// The context of what this identity does now.
    pub(crate) fn context(&self, metadata: &MetadataMap) -> Context {
        let (kind, name, auth_method, role) = match &self.role {
            Role::User { name, .. } => (ActorKind::User, Some(name.clone()), "password", "admin"),
            Role::Admin => (ActorKind::Certificate, None, "mtls", "admin"),
            Role::DataPlane { .. } => (ActorKind::Certificate, None, "mtls", "data_plane"),
        };
        let actor = Actor {
            id: self.id.clone(),
            kind,
            name,
            auth_method: auth_method.to_owned(),
            roles: vec![role.to_owned()],
        };
        Context {
            actor,
            source: Source {
                ip: Some(self.ip.to_string()),
                user_agent: text(metadata, "user-agent").map(|agent| agent.chars().take(256).collect()),
                interface: "etcd".to_owned(),
            },
            reason: None,
            request_id: Uuid::now_v7(),
            trace_id: text(metadata, "traceparent").and_then(trace_id),
        }
    }

    /// Whether it came with a password.
    pub(crate) fn is_user(&self) -> bool {
        matches!(self.role, Role::User { .. })
    }

    /// Whose leases it may use: a data plane its own, an administrator all (`None`).
    pub(crate) fn leases_of(&self) -> Option<&str> {
        match self.role {
            Role::Admin | Role::User { .. } => None,
            Role::DataPlane { .. } => Some(&self.uri),
        }
    }

    /// The gateway group of a data plane.
    pub(crate) fn group(&self) -> Option<&str> {
        match &self.role {
            Role::Admin | Role::User { .. } => None,
            Role::DataPlane { group, .. } => Some(group.as_str()),
        }
    }
}

fn text<'a>(metadata: &'a MetadataMap, name: &str) -> Option<&'a str> {
    metadata.get(name)?.to_str().ok()
}

/// The trace id of a W3C `traceparent`: `00-TRACE-SPAN-FLAGS`.
fn trace_id(parent: &str) -> Option<String> {
    let id = parent.split('-').nth(1)?;
    let valid = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) && id.bytes().any(|b| b != b'0');
    valid.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_name_roles() {
        let data_plane =
            |group: &str| Some(Role::DataPlane { group: GroupId::new(group).unwrap(), instance: "dp-1".into() });
        for (uri, role) in [
            ("portolan://admin/ops", Some(Role::Admin)),
            ("portolan://data-plane/default/dp-1", data_plane("default")),
            ("portolan://data-plane/eu/dp-1", data_plane("eu")),
            ("portolan://admin/", None),
            ("portolan://admin/a/b", None),
            ("portolan://data-plane/default", None),
            ("portolan://data-plane//dp-1", None),
            ("portolan://data-plane/a%2fb/dp-1", None),
            ("portolan://data-plane/default/", None),
            ("portolan://data-plane/default/a/b", None),
            ("portolan://server/cp", None),
            ("https://admin/ops", None),
        ] {
            assert_eq!(Role::from_uri(uri), role, "{uri}");
        }
    }

    #[test]
    fn trace_ids_are_checked() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(trace_id(&format!("00-{id}-b7ad6b7169203331-01")).as_deref(), Some(id));
        assert_eq!(trace_id("00-00000000000000000000000000000000-b7ad6b7169203331-01"), None);
        assert_eq!(trace_id("rubbish"), None);
    }
}
