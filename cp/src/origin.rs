//! Where a request came from, and its id: made once per request, before anything else looks at it.

use http::header::USER_AGENT;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use portolan_eventstore::Context;
use portolan_eventstore::proposal::{Actor, ActorKind, Source};
use portolan_rt::serve::Connection;
use std::net::{IpAddr, Ipv4Addr};
use uuid::Uuid;

use crate::idempotency::Repeatable;

/// Longest `User-Agent` kept, in characters.
const USER_AGENT_CHARS: usize = 256;

/// Where a request came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Address of the peer.
    pub ip: IpAddr,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// Through which door: `admin_api`, `api` or `dashboard`.
    pub interface: &'static str,
    /// Id of the request.
    pub request_id: Uuid,
    /// W3C trace id.
    pub trace_id: Option<String>,
    /// Set when the request may come again.
    pub repeatable: Option<Repeatable>,
}

// === impl Origin ===

impl Origin {
    /// Reads it off the request, as it came in.
    pub fn read(parts: &Parts) -> Self {
        let ip = parts.extensions.get::<Connection>().map(|connection| connection.remote.ip().to_canonical());
        let interface = if parts.uri.path().starts_with("/apisix/") { "admin_api" } else { "api" };
        Self {
            // Only a request that did not come through a listener has no connection: a test of the router alone.
            ip: ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            user_agent: text(&parts.headers, USER_AGENT.as_str())
                .map(|agent| agent.chars().take(USER_AGENT_CHARS).collect()),
            interface,
            request_id: Uuid::now_v7(),
            trace_id: text(&parts.headers, "traceparent").and_then(trace_id),
            repeatable: None,
        }
    }

    /// What [`Self::read`] found, from the request's extensions.
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_else(|| Self {
            ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            user_agent: None,
            interface: "api",
            request_id: Uuid::now_v7(),
            trace_id: None,
            repeatable: None,
        })
    }

    /// The context of an event that this request causes.
    pub fn context(&self, actor: Actor) -> Context {
        Context {
            actor,
            source: Source {
                ip: Some(self.ip.to_string()),
                user_agent: self.user_agent.clone(),
                interface: self.interface.to_owned(),
            },
            reason: None,
            request_id: self.request_id,
            trace_id: self.trace_id.clone(),
        }
    }
}

/// Nobody known.
pub fn anonymous() -> Actor {
    Actor {
        id: "anonymous".into(),
        kind: ActorKind::Anonymous,
        name: None,
        auth_method: "none".into(),
        roles: Vec::new(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The trace id of a W3C `traceparent`: `00-TRACE-SPAN-FLAGS`.
fn trace_id(parent: &str) -> Option<String> {
    let id = parent.split('-').nth(1)?;
    let valid = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) && id.bytes().any(|b| b != b'0');
    valid.then(|| id.to_owned())
}
