//! A registry's server, asked over HTTP for JSON.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;

use crate::config::discovery::Address;
use crate::http_client::{Body, Client, Options};

/// How much longer than the first byte a whole answer may take.
const WHOLE: Duration = Duration::from_secs(30);

/// One server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Without user and password, and without a slash at the end.
    pub(super) base: String,
    client: Client,
    pub(super) options: Options,
    /// Sent with each request; marked as sensitive where they are.
    headers: HeaderMap,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) headers: HeaderMap,
    pub(super) body: T,
}

/// Why there is none. Nothing in it tells a secret: addresses are told without their queries.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no answer from {0}")]
    Request(String, #[source] crate::http_client::Error),
    #[error("{0} takes too long")]
    Late(String),
    #[error("{0} is not an address")]
    Address(String),
    #[error("{0} answered {1}")]
    Status(String, StatusCode),
    #[error("the answer of {0} cannot be read")]
    Body(String, #[source] serde_json::Error),
    #[error("the answer of {0} makes no sense: {1}")]
    Nonsense(String, String),
}

// === impl Server ===

impl Server {
    pub(super) fn new(base: &str, client: &Client, options: Options) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Self { base: base.trim_end_matches('/').to_owned(), client: client.clone(), options, headers }
    }

    /// The server at an address as it stands in the settings; user and password go into a header.
    pub(super) fn at(address: &Address, client: &Client, options: Options) -> Self {
        let (bare, user) = address.split();
        let mut server = Self::new(&bare, client, options);
        if let Some(user) = user {
            server = server.with_header(AUTHORIZATION, &format!("Basic {}", STANDARD.encode(user)));
        }
        server
    }

    /// The same, sending a header that nobody else must see.
    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::try_from(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(name, value);
            }
            Err(_) => tracing::error!(server = self.base, header = %name, "the value cannot be sent as a header"),
        }
        self
    }

    /// Gets what is at a path, with its query.
    pub(super) async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<Answer<T>, Error> {
        self.ask(Method::GET, target, Bytes::new()).await
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<Answer<T>, Error> {
        let shown = self.shown(target);
        let whole = async {
            let (headers, received) = self.open(method, target, body).await?;
            let collected = received.collect(self.options.max_body).await;
            let bytes = collected.map_err(|error| Error::Request(shown.clone(), error))?;
            let body = serde_json::from_slice(&bytes).map_err(|error| Error::Body(shown.clone(), error))?;
            Ok(Answer { headers, body })
        };
        let bound = self.options.connect + self.options.read + WHOLE;
        tokio::time::timeout(bound, whole).await.unwrap_or_else(|_| Err(Error::Late(shown.clone())))
    }

    /// The same up to the head of a good answer.
    pub(super) async fn open(&self, method: Method, target: &str, body: Bytes) -> Result<(HeaderMap, Body), Error> {
        let shown = self.shown(target);
        let request = Request::builder().method(method).uri(format!("{}{target}", self.base)).body(body);
        let mut request = request.map_err(|_| Error::Address(shown.clone()))?;
        *request.headers_mut() = self.headers.clone();
        let opened = self.client.open(request, &self.options).await;
        let (head, body) = opened.map_err(|error| Error::Request(shown.clone(), error))?.into_parts();
        match head.status {
            StatusCode::OK => Ok((head.headers, body)),
            status => Err(Error::Status(shown, status)),
        }
    }

    /// The address without the query, which may hold a token.
    pub(super) fn shown(&self, target: &str) -> String {
        format!("{}{}", self.base, target.split('?').next().unwrap_or_default())
    }
}

// === impl Error ===

impl Error {
    /// The status, when that is what was wrong.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status(_, status) => Some(*status),
            _ => None,
        }
    }
}
