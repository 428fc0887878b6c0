//! An HTTPS address that takes notes.

use std::time::Duration;

use tokio::sync::watch;

use crate::backend::evidence::StoredCheckpoint;
use crate::merkle::sha256;
use crate::proof::error::Error;
use crate::proof::log::Log;

/// Longest time for one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A webhook.
pub(super) struct Webhook {
    client: reqwest::Client,
    url: reqwest::Url,
    /// Its name in the table of positions. The address may hold a password: only a hash of it is kept.
    name: String,
}

// === impl Webhook ===

impl Webhook {
    pub(super) fn new(url: &str) -> Result<Self, Error> {
        let [a, b, c, d, e, f, ..] = sha256(&[url.as_bytes()]);
        let name = format!("webhook:{}", hex::encode([a, b, c, d, e, f]));
        let refused = |why: String| Error::Sink { sink: name.clone(), size: 0, why };
        let url = reqwest::Url::parse(url).map_err(|error| refused(error.to_string()))?;
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(refused("its address must begin with https://".into()));
        }
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| refused(error.to_string()))?;
        Ok(Self { client, url, name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands. A new one begins with the checkpoint that is the last one now: it covers all before it.
    pub(super) async fn taken(&self, log: &Log, signed: &mut watch::Receiver<i64>) -> Result<i64, Error> {
        if let Some(taken) = log.backend().sink_position(&self.name).await? {
            return Ok(taken);
        }
        let last = *signed.borrow_and_update();
        let last = log.backend().checkpoint_last().await?.map_or(last, |checkpoint| checkpoint.size);
        let taken = (last - 1).max(0);
        // Kept before the first attempt: what is signed while the receiver is away is sent afterwards.
        log.backend().sink_advance(&self.name, taken).await?;
        Ok(taken)
    }

    pub(super) async fn send(&self, checkpoint: &StoredCheckpoint) -> Result<(), Error> {
        let failed = |why: String| Error::Sink { sink: self.name.clone(), size: checkpoint.size, why };
        let request = self.client.post(self.url.clone()).header("content-type", "text/plain; charset=utf-8");
        // The error must not name the address, which may hold a password.
        let answer = request.body(checkpoint.note.clone()).send().await;
        let answer = answer.map_err(|error| failed(error.without_url().to_string()))?;
        if answer.status().is_success() { Ok(()) } else { Err(failed(format!("it answered {}", answer.status()))) }
    }
}
