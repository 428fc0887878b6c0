//! A client of the JSON gateway as APISIX is one: HTTP/1.1, one request at a time on a connection.

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::task::JoinSet;

use super::client::Dial;

/// One connection.
#[derive(Debug)]
pub struct Gateway {
    send: SendRequest<Full<Bytes>>,
    host: String,
    /// Ends with this.
    _connection: JoinSet<()>,
}

/// The answer of a watch, line by line.
#[derive(Debug)]
pub struct Lines {
    body: Incoming,
    buffer: Vec<u8>,
}

/// Bytes as the gateway has them.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

// === impl Gateway ===

impl Gateway {
    /// Connects.
    pub async fn connect(dial: &Dial) -> anyhow::Result<Self> {
        let (send, connection) = handshake(TokioIo::new(dial.open("http/1.1").await?)).await?;
        let mut work = JoinSet::new();
        work.spawn(async { drop(connection.await) });
        Ok(Self { send, host: dial.authority().to_owned(), _connection: work })
    }

    /// A request that is answered at once; gives nothing but success.
    pub async fn call(&mut self, path: &str, body: String) -> anyhow::Result<()> {
        let answer = self.post(path, body).await?;
        answer.collect().await?;
        Ok(())
    }

    /// A request that is answered line by line.
    pub async fn lines(&mut self, path: &str, body: String) -> anyhow::Result<Lines> {
        Ok(Lines { body: self.post(path, body).await?, buffer: Vec::new() })
    }

    async fn post(&mut self, path: &str, body: String) -> anyhow::Result<Incoming> {
        let request = http::Request::post(path).header(http::header::HOST, &self.host);
        self.send.ready().await?;
        let response = self.send.send_request(request.body(Full::from(body))?).await?;
        let (status, body) = (response.status(), response.into_body());
        if status != 200 {
            let text = body.collect().await?.to_bytes();
            bail!("{path}: {status} {}", String::from_utf8_lossy(&text));
        }
        Ok(body)
    }
}

// === impl Lines ===

impl Lines {
    /// The next line.
    pub async fn next(&mut self) -> anyhow::Result<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                return Ok(serde_json::from_slice(&std::mem::replace(&mut self.buffer, rest))?);
            }
            let frame = self.body.frame().await.context("the watch ended")??;
            self.buffer.extend_from_slice(frame.data_ref().context("trailers in a watch")?);
        }
    }

    /// The values of the events in the next line that has any.
    pub async fn values(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        let line = self.next().await?;
        let events = line["result"]["events"].as_array().context("a line without events")?;
        let value = |event: &Value| Ok(STANDARD.decode(event["kv"]["value"].as_str().context("no value")?)?);
        events.iter().map(value).collect()
    }
}
