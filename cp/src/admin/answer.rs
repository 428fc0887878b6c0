//! Answers in APISIX's envelopes.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use portolan_eventstore::KeyValue;
use portolan_model::layout::parse_resource_key;
use portolan_model::{Keyring, Kind, sensitive};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::input::Wrong;
use crate::error::ApiError;
use crate::resources::{KEY_NOT_FOUND, Outcome};

/// What nginx answers to a path that it does not know.
const PAGE: &str = "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1>\
     </center>\r\n<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n";

/// What nginx answers to a method that it does not take.
const NOT_ALLOWED: &str = "<html>\r\n<head><title>405 Not Allowed</title></head>\r\n<body>\r\n\
     <center><h1>405 Not Allowed</h1></center>\r\n<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n";

/// What nginx answers to an address that it does not serve.
const FORBIDDEN: &str = "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n\
     <center><h1>403 Forbidden</h1></center>\r\n<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n";

/// What nginx answers to a client without a certificate where it wants one.
const NO_CERTIFICATE: &str = "<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>\r\n<body>\r\n\
     <center><h1>400 Bad Request</h1></center>\r\n<center>No required SSL certificate was sent</center>\r\n\
     <hr><center>openresty</center>\r\n</body>\r\n</html>\r\n";

/// An answer of the face.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    content_type: Option<&'static str>,
    body: String,
    /// Whether a resource handler gave it: those say which version of the API they speak.
    versioned: bool,
    retry_after: Option<u64>,
    /// Headers of single answers.
    more: Vec<(&'static str, String)>,
}

/// A resource with its key, and when it was read with its revisions.
#[derive(Serialize)]
pub struct Item<'a> {
    key: &'a str,
    value: Cow<'a, RawValue>,
    #[serde(rename = "createdIndex", skip_serializing_if = "Option::is_none")]
    created: Option<i64>,
    #[serde(rename = "modifiedIndex", skip_serializing_if = "Option::is_none")]
    modified: Option<i64>,
}

#[derive(Serialize)]
struct List<'a> {
    total: usize,
    list: &'a [Item<'a>],
}

// === impl Item ===

impl<'a> Item<'a> {
    /// What was read; `None` when it is no JSON, as the directory placeholders of APISIX.
    pub fn read(keyring: &Keyring, kind: Kind, kv: &'a KeyValue) -> Option<Self> {
        let key = std::str::from_utf8(&kv.key).ok()?;
        let opened = keyring.opened(kind, &parse_resource_key(key)?.id, &kv.value);
        let value = match &opened {
            Some(opened) => Cow::Owned(shown(kind, opened).ok()?.into_owned()),
            None => shown(kind, &kv.value).ok()?,
        };
        Some(Self { key, value, created: Some(kv.create_revision), modified: Some(kv.mod_revision) })
    }
}

/// A stored document as it came, except what is never given back.
fn shown(kind: Kind, value: &[u8]) -> serde_json::Result<Cow<'_, RawValue>> {
    let mut withheld = sensitive::fields(kind).iter().filter(|field| field.withheld).peekable();
    if withheld.peek().is_none() {
        return serde_json::from_slice(value).map(Cow::Borrowed);
    }
    let mut document: Map<String, Value> = serde_json::from_slice(value)?;
    for field in withheld {
        document.shift_remove(field.path);
    }
    serde_json::value::to_raw_value(&document).map(Cow::Owned)
}

// === impl Answer ===

impl Answer {
    /// 200 without a body.
    pub fn empty() -> Self {
        Self::bodiless(200)
    }

    /// A status without a body.
    pub fn bodiless(status: u16) -> Self {
        Self { status, content_type: None, body: String::new(), versioned: false, retry_after: None, more: Vec::new() }
    }

    /// 200 with YAML.
    pub fn yaml(body: String) -> Self {
        Self { content_type: Some("application/yaml"), body, ..Self::empty() }
    }

    /// The same with one more header.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_owned()));
        self
    }

    /// nginx's own page.
    pub fn no_such_page() -> Self {
        Self { status: 404, content_type: Some("text/html; charset=utf-8"), body: PAGE.into(), ..Self::empty() }
    }

    /// nginx's page for who shows no certificate.
    pub fn no_certificate() -> Self {
        Self { status: 400, body: NO_CERTIFICATE.into(), ..Self::no_such_page() }
    }

    /// nginx's page for methods that it does not take.
    pub fn not_allowed() -> Self {
        let page = Self { status: 405, body: NOT_ALLOWED.into(), ..Self::no_such_page() };
        page.with("allow", "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS")
    }

    /// nginx's page for addresses that it does not serve.
    pub fn forbidden() -> Self {
        Self { status: 403, body: FORBIDDEN.into(), ..Self::no_such_page() }
    }

    /// An error of the face.
    pub fn error(status: u16, text: &str) -> Self {
        Self::json(status, &json!({ "error_msg": text }))
    }

    /// There is no such resource.
    pub fn unsupported(resource: &str) -> Self {
        Self::error(404, &format!("Unsupported resource type: {resource}"))
    }

    /// 401.
    pub fn unauthorised(why: &str) -> Self {
        Self::json(401, &json!({ "error_msg": "failed to check token", "description": why }))
    }

    /// One resource.
    pub fn item(item: &Item<'_>) -> Self {
        Self::json(200, item).versioned()
    }

    /// Resources, and how many there are without paging.
    pub fn list(total: usize, list: &[Item<'_>]) -> Self {
        Self::json(200, &List { total, list }).versioned()
    }

    /// The key is not there.
    pub fn missing() -> Self {
        Self::json(404, &json!({ "message": KEY_NOT_FOUND })).versioned()
    }

    /// A text without JSON around it. APISIX says that it is JSON all the same, which nobody could read it as.
    pub fn bare(status: u16, text: &str) -> Self {
        Self { content_type: Some("text/plain; charset=utf-8"), body: text.into(), ..Self::bodiless(status) }
            .versioned()
    }

    /// How a command ended.
    pub fn outcome(kind: Kind, outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Written { key, value, created } => {
                let status = if *created { 201 } else { 200 };
                match shown(kind, value) {
                    Ok(value) => Self::json(status, &Item { key, value, created: None, modified: None }).versioned(),
                    Err(error) => Self::failed(ApiError::internal(error)),
                }
            }
            Outcome::Deleted { key } => Self::json(200, &json!({ "key": key, "deleted": "1" })).versioned(),
            Outcome::Refused(refusal) if refusal.message == KEY_NOT_FOUND => Self::missing(),
            Outcome::Refused(refusal) => Self::error(refusal.status, &refusal.message).versioned(),
        }
    }

    /// Something broke, or the log is away.
    pub fn failed(error: ApiError) -> Self {
        error.report();
        let (status, text, retry_after) = error.answer();
        Self { retry_after, ..Self::error(status.as_u16(), &text) }
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Its text, for the log.
    pub fn message(&self) -> String {
        let body: Option<Value> = serde_json::from_str(&self.body).ok();
        let text = body.as_ref().and_then(|body| body.get("error_msg")?.as_str());
        text.unwrap_or(&self.body).to_owned()
    }

    /// Any JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        // Keys are texts and values come from JSON: this always serialises.
        let body = serde_json::to_string(body).unwrap_or_default() + "\n";
        Self { status, content_type: Some("application/json"), body, ..Self::empty() }
    }

    fn versioned(self) -> Self {
        Self { versioned: true, ..self }
    }
}

impl From<Wrong> for Answer {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Body(error) => Self::error(400, &format!("invalid request body: {error}")),
            Wrong::Json { text, body } => {
                let text = format!("invalid request body: {text}");
                Self::json(400, &json!({ "error_msg": text, "req_body": String::from_utf8_lossy(&body) }))
            }
            Wrong::Ttl => Self::error(400, "invalid argument ttl: should be a number"),
            Wrong::Lease(text) | Wrong::Condition(text) => Self::error(400, &text).versioned(),
            Wrong::NoStreams => Self::error(400, "stream mode is disabled, can not add stream routes"),
            Wrong::NoService => Self::error(400, "missing service id").versioned(),
            Wrong::Method(text) => Self::error(405, &text).versioned(),
        }
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        let mut response = Self::new(Body::from(answer.body));
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(kind) = answer.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if answer.versioned {
            headers.insert("x-api-version", HeaderValue::from_static("v3"));
        }
        for (name, value) in answer.more {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        if let Some(seconds) = answer.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
