//! `Idempotency-Key`: a request that comes again gets its first answer.
//!
//! The key belongs to the method, the path with its query, and the body. The body is hashed as the handler reads it, so
//! nothing is read before its turn.

use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA256};
use axum::body::Body;
use http::Method;
use http::request::Parts;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use portolan_eventstore::proposal::Idempotency;

/// The header.
const HEADER: &str = "idempotency-key";
/// Longest key, in bytes.
const LONGEST: usize = 128;

/// A request that may come again.
#[derive(Clone)]
pub struct Repeatable {
    key: String,
    hash: Arc<Mutex<digest::Context>>,
}

// === impl Repeatable ===

impl Repeatable {
    /// Reads the header; `None` for a request without it, or one that only reads.
    ///
    /// # Errors
    /// When the key can't be one.
    pub fn of(parts: &Parts) -> Result<Option<Self>, String> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(None) };
        if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(None);
        }
        let key = value.to_str().unwrap_or_default();
        if key.is_empty() || key.len() > LONGEST {
            return Err(format!("Idempotency-Key must be 1 to {LONGEST} visible ASCII characters"));
        }
        let mut hash = digest::Context::new(&SHA256);
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        for part in [parts.method.as_str(), target] {
            hash.update(part.as_bytes());
            hash.update(b"\0");
        }
        Ok(Some(Self { key: key.to_owned(), hash: Arc::new(Mutex::new(hash)) }))
    }

    /// The body, hashed on its way.
    pub fn watch(&self, body: Body) -> Body {
        let hash = self.hash.clone();
        Body::new(body.map_frame(move |frame| {
            if let Some(data) = frame.data_ref() {
                hash.lock().update(data);
            }
            frame
        }))
    }

    /// What the log compares, once the body has been read. The log keeps keys by the actor's id; the namespace says whose ids those
    /// are.
    pub fn idempotency(&self, namespace: &str) -> Idempotency {
        let mut body_hash = [0; 32];
        body_hash.copy_from_slice(self.hash.lock().clone().finish().as_ref());
        Idempotency { key: format!("{namespace}/{}", self.key), body_hash }
    }
}

impl std::fmt::Debug for Repeatable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repeatable").field("key", &self.key).finish_non_exhaustive()
    }
}
