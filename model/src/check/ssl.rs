//! What the schema of certificates cannot say.

use serde_json::Value;

use super::contents::pair;
use super::{Contents, Fields, Invalid, Result};

/// Checks an ssl resource that matches the schema, its defaults filled in.
pub(super) fn check(ssl: &Fields, contents: Option<&dyn Contents>) -> Result {
    let text = |field: &str| ssl.get(field).and_then(Value::as_str);
    let list = |field: &str| ssl.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if let Some(certificate) = text("cert") {
        pair(contents, certificate, text("key"))?;
    }
    // The rest says nothing where the gateway is the client.
    if text("type") == Some("client") {
        return Ok(());
    }
    let (certificates, keys) = (list("certs"), list("keys"));
    if certificates.len() != keys.len() {
        return Err(Invalid::new("mismatched number of certs and keys"));
    }
    for (index, (certificate, key)) in certificates.iter().zip(keys).enumerate() {
        pair(contents, certificate.as_str().unwrap_or_default(), key.as_str())
            .map_err(|invalid| invalid.within(&format!("failed to handle cert-key pair[{}]: ", index + 1)))?;
    }
    match ssl.get("client").and_then(|client| client.get("ca")).and_then(Value::as_str) {
        Some(ca) => pair(contents, ca, None).map_err(|invalid| invalid.within("failed to validate client_cert: ")),
        None => Ok(()),
    }
}
