//! The body and the parameters of a request, read in APISIX's order.

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use portolan_model::json::parse_json;
use serde_json::Value;

use crate::body;
use crate::query::Query;

/// What a handler gets.
#[derive(Debug)]
pub struct Input {
    /// The body as JSON; `None` = empty.
    pub body: Option<Value>,
    /// Seconds that the key shall live.
    pub ttl: Option<i64>,
}

/// Why there is no input.
#[derive(Debug)]
pub enum Wrong {
    /// The body did not come, or is too large.
    Body(body::Error),
    /// The body is no JSON.
    Json {
        /// The parser's words.
        text: String,
        /// The body.
        body: Bytes,
    },
    /// `ttl` is no number.
    Ttl,
    /// `ttl` is too long; the text is etcd's.
    Lease(String),
    /// `If-Match` is no condition.
    Condition(String),
    /// A stream route, where there are none.
    NoStreams,
    /// A cost decoration, of no service.
    NoService,
    /// The kind does not know the method; found out only now, as in APISIX.
    Method(String),
}

// === impl Input ===

impl Input {
    /// Reads them.
    pub async fn read(headers: &HeaderMap, body: Body, query: &Query) -> Result<Self, Wrong> {
        let body = body::read(headers, body).await.map_err(Wrong::Body)?;
        let json = match parse_json(&body) {
            Ok(json) => Some(json),
            Err(_) if body.is_empty() => None,
            Err(error) => return Err(Wrong::Json { text: error.to_string(), body }),
        };
        let ttl = match query.get("ttl").map(|ttl| ttl.trim().parse::<f64>()) {
            None => None,
            #[expect(clippy::cast_possible_truncation, reason = "saturates, and the store refuses what is too long")]
            Some(Ok(seconds)) if seconds.is_finite() => Some(seconds as i64),
            Some(_) => return Err(Wrong::Ttl),
        };
        Ok(Self { body: json, ttl })
    }
}
