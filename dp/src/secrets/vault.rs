//! Vault, asked for what is at a path of its key-value engine.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Request, StatusCode};
use portolan_model::resource::Vault as Settings;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Answer;
use crate::http_client::{Client, Options};
use crate::uri;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// For a connection, and for each wait on it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Larger than any secret is.
const MOST: usize = 1 << 20;

/// One server, with what lets us in.
pub(super) struct Vault(Settings);

#[derive(Deserialize)]
struct Read {
    data: Option<Map<String, Value>>,
}

// === impl Vault ===

impl Vault {
    pub(super) fn new(settings: Settings) -> Self {
        Self(settings)
    }

    /// What is at the path.
    pub(super) async fn get(&self, client: &Client, key: &str) -> Answer {
        match self.read(client, key).await {
            Ok(answer) => answer,
            Err(reason) => Answer::Failed(reason),
        }
    }

    async fn read(&self, client: &Client, key: &str) -> Result<Answer, String> {
        let options = Options { connect: PATIENCE, read: PATIENCE, max_body: MOST, ..Options::default() };
        let response = client.request(self.request(key)?, &options).await.map_err(|error| told(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(Answer::Gone("there is no such secret".to_owned())),
            status => return Err(format!("the secret manager answered {}", status.as_u16())),
        }
        // An error would show what was read.
        let read = serde_json::from_slice::<Read>(response.body()).ok().and_then(|read| read.data);
        let fields = read.ok_or("the secret manager's answer cannot be read")?;
        Ok(Answer::Fields(fields.into()))
    }

    fn request(&self, key: &str) -> Result<Request<Bytes>, String> {
        let path = format!("{}/{key}", self.0.prefix);
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        // A reference must not lead out of what the manager is configured for.
        if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
            return Err("the path is not in normal form".to_owned());
        }
        let address = format!("{}/v1/{}", self.0.uri.trim_end_matches('/'), uri::encode(&segments.join("/")));
        let mut request = Request::get(address).body(Bytes::new()).map_err(|_| "the uri of the manager is none")?;
        let mut set = |name: HeaderName, value: &str| {
            let mut value = HeaderValue::try_from(value).map_err(|_| format!("{name}: the value is no header"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
            Ok::<_, String>(())
        };
        set(TOKEN, &self.0.token)?;
        if let Some(namespace) = &self.0.namespace {
            set(NAMESPACE, namespace)?;
        }
        Ok(request)
    }
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
