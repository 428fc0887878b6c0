//! What the schema of a stream route cannot say.

use serde_json::Value;

use super::{Checker, Fields, Invalid, Reference, Result, Target, upstream};
use crate::id::text_of;

/// Protocols that the gateway understands on a connection.
const PROTOCOLS: &[&str] = &[];

/// Checks a stream route that matches the schema.
pub(super) fn check(
    checker: &Checker<'_>,
    route: &Fields,
    references: &[Reference],
    mut exists: impl FnMut(&Reference) -> Result,
) -> Result {
    for reference in references {
        if reference.target == Target::StreamRoute && route.get("id").and_then(text_of).as_ref() == Some(&reference.id)
        {
            return Err(Invalid::new("stream route can not set itself as superior_id"));
        }
        exists(reference)?;
    }
    // APISIX does not look at the upstream inside; a data plane can't use one with such a port.
    if let Some(Value::Object(upstream)) = route.get("upstream") {
        upstream::ports(upstream)?;
    }
    checker.stream_plugins(route)?;
    for field in ["remote_addr", "server_addr"] {
        if let Some(Value::String(address)) = route.get(field)
            && !is_address(address)
        {
            return Err(Invalid(format!("invalid {field}: {address}")));
        }
    }
    match route.get("protocol").and_then(|protocol| protocol.get("name")).and_then(Value::as_str) {
        Some(name) if !PROTOCOLS.contains(&name) => Err(Invalid(format!("unknown protocol [{name}]"))),
        _ => Ok(()),
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok()
}
