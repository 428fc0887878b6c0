//! What the schema of an upstream cannot say.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::contents::pair;
use super::{Contents, Fields, Invalid, Reference, Result};
use crate::resource::split_address;
use crate::schema::{Schema, Secrets};

/// Names of variables that can be hashed.
pub const HASHED_VARIABLE: &str = "^((uri|server_name|server_addr|request_uri|remote_port|remote_addr|query_string|host|hostname|mqtt_client_id)\
     |arg_[0-9a-zA-z_-]+)$";
/// Names of headers and cookies that can be hashed.
pub const HASHED_HEADER: &str = "^[a-zA-Z0-9-_]+$";

static VARIABLE: LazyLock<Schema> = LazyLock::new(|| compile(HASHED_VARIABLE));
static HEADER: LazyLock<Schema> = LazyLock::new(|| compile(HASHED_HEADER));

fn compile(pattern: &str) -> Schema {
    Schema::compile(&json!({"type": "string", "pattern": pattern}), Secrets::Unknown).expect("a test compiles it")
}

/// Checks an upstream that matches the schema, its defaults filled in.
pub(super) fn check(
    upstream: &Fields,
    references: &[Reference],
    exists: impl FnMut(&Reference) -> Result,
    contents: Option<&dyn Contents>,
) -> Result {
    let text = |field: &str| upstream.get(field).and_then(Value::as_str);
    ports(upstream)?;
    references.iter().try_for_each(exists)?;
    if text("pass_host") == Some("rewrite") && text("upstream_host").is_none_or(str::is_empty) {
        return Err(Invalid::new("`upstream_host` can't be empty when `pass_host` is `rewrite`"));
    }
    if let Some(tls) = upstream.get("tls")
        && let Some(certificate) = tls.get("client_cert").and_then(Value::as_str)
    {
        pair(contents, certificate, tls.get("client_key").and_then(Value::as_str))?;
    }
    if text("type") != Some("chash") {
        return Ok(());
    }
    let hash_on = text("hash_on");
    if hash_on == Some("consumer") {
        return Ok(());
    }
    let Some(key) = upstream.get("key") else { return Err(Invalid::new("missing key")) };
    let schema = match hash_on {
        Some("vars") => &VARIABLE,
        Some("header" | "cookie") => &HEADER,
        _ => return Ok(()),
    };
    schema.check(key).map_err(Invalid::configuration)
}

/// Checks the ports of nodes that are written as addresses.
pub(super) fn ports(upstream: &Fields) -> Result {
    match upstream.get("nodes") {
        Some(Value::Object(nodes)) => nodes.keys().try_for_each(|address| check_port(address)),
        _ => Ok(()),
    }
}

fn check_port(address: &str) -> Result {
    match split_address(address).1 {
        Some(port) if !(1..=65535).contains(&port) => Err(Invalid(format!("invalid port {port}"))),
        _ => Ok(()),
    }
}
