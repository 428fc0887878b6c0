//! Asking the control plane.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use crate::args::Server;
use crate::failure::Failure;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for work that grows with the log, and for what is fetched in pieces; it only must not fall silent.
const LONG_PATIENCE: Duration = Duration::from_secs(24 * 3600);
const SILENCE: Duration = Duration::from_secs(600);

/// A connection to one control plane with one key.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: String,
}

// === impl Client ===

impl Client {
    /// Reads the options of a client command.
    pub fn new(server: &Server) -> Result<Self, Failure> {
        let Some(token) = server.token.clone() else {
            return Err(Failure::Usage("no key: give --token KEY or set PORTOLAN_TOKEN".to_owned()));
        };
        let ca = match &server.ca {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|error| Failure::Usage(format!("--ca: could not read {}: {error}", path.display())))?,
            ),
            None => None,
        };
        Self::with(&server.server, token, ca.as_deref())
    }

    /// A client for this address; `ca` (PEM) replaces the system's authorities.
    pub fn with(server: &str, token: String, ca: Option<&str>) -> Result<Self, Failure> {
        let base = Url::parse(server).map_err(|error| Failure::Usage(format!("--server {server}: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(Failure::Usage(format!("--server {server}: http or https is expected")));
        }
        let mut builder = reqwest::Client::builder().timeout(PATIENCE).read_timeout(SILENCE);
        if let Some(pem) = ca {
            let authorities = Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(|error| Failure::Usage(format!("--ca holds no certificate: {error}")))?;
            builder = builder.tls_certs_only(authorities);
        }
        let http = builder.build().context("could not set up the HTTP client")?;
        Ok(Self { http, base, token })
    }

    /// GET with a query.
    pub async fn get(&self, path: &[&str], query: &[(&str, Option<String>)]) -> Result<Value, Failure> {
        self.send(self.http.request(Method::GET, self.asked(path, query))).await
    }

    /// GET of something large, to be read in pieces.
    pub async fn download(&self, path: &[&str], query: &[(&str, Option<String>)]) -> Result<Response, Failure> {
        let request = self.http.request(Method::GET, self.asked(path, query)).header("X-API-KEY", &self.token);
        let answer = self.begin(request.timeout(LONG_PATIENCE)).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.context("the answer broke off")?;
        Err(Failure::Failed(refusal(status, &text)))
    }

    /// POST of a JSON body.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, Failure> {
        self.send(self.http.request(Method::POST, self.url(path)).json(body)).await
    }

    /// The same for work that takes as long as the log is large.
    pub async fn post_slow(&self, path: &[&str], body: &Value) -> Result<Value, Failure> {
        self.send(self.http.request(Method::POST, self.url(path)).timeout(LONG_PATIENCE).json(body)).await
    }

    /// DELETE with a query, which is answered with nothing.
    pub async fn delete(&self, path: &[&str], query: &[(&str, Option<String>)]) -> Result<(), Failure> {
        let request = self.http.request(Method::DELETE, self.asked(path, query)).header("X-API-KEY", &self.token);
        match self.answer(request).await? {
            (status, _) if status.is_success() => Ok(()),
            (status, text) => Err(Failure::Failed(refusal(status, &text))),
        }
    }

    /// POST of a configuration to be applied. An answer that lists what is wrong with it is an answer.
    pub async fn apply(
        &self,
        query: &[(&str, Option<String>)],
        condition: Option<&str>,
        state: &Value,
    ) -> Result<Value, Failure> {
        let url = self.asked(&["api", "apply"], query);
        let mut request = self.http.request(Method::POST, url).json(state).header("X-API-KEY", &self.token);
        if let Some(revision) = condition {
            request = request.header("If-Match", revision);
        }
        let (status, text) = self.answer(request).await?;
        let body: Option<Value> = serde_json::from_str(&text).ok();
        match body {
            Some(body) if status.is_success() || body.get("errors").is_some() => Ok(body),
            _ => Err(Failure::Failed(refusal(status, &text))),
        }
    }

    /// The address with a query; parameters without a value are left out.
    fn asked(&self, path: &[&str], query: &[(&str, Option<String>)]) -> Url {
        let mut url = self.url(path);
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        url
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Segments are escaped one by one: an id may hold what a path may not.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let (status, text) = self.answer(request.header("X-API-KEY", &self.token)).await?;
        if status.is_success() {
            return Ok(serde_json::from_str(&text).context("the answer is not JSON")?);
        }
        Err(Failure::Failed(refusal(status, &text)))
    }

    async fn begin(&self, request: RequestBuilder) -> Result<Response, Failure> {
        Ok(request.send().await.with_context(|| format!("could not reach the control plane at {}", self.base))?)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, String), Failure> {
        let answer = self.begin(request).await?;
        let status = answer.status();
        Ok((status, answer.text().await.context("the answer broke off")?))
    }
}

fn refusal(status: StatusCode, text: &str) -> anyhow::Error {
    let body: Option<Value> = serde_json::from_str(text).ok();
    let field = |name: &str| body.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let message = field("error_msg").unwrap_or_else(|| text.trim().to_owned());
    match field("description") {
        Some(description) => anyhow!("the control plane answered {status}: {message}: {description}"),
        None => anyhow!("the control plane answered {status}: {message}"),
    }
}

/// Runs a client command on a small runtime of its own.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("could not start the runtime")?;
    runtime.block_on(work)
}

/// A text field of an answer, by JSON pointer; `-` when it is absent.
pub fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
