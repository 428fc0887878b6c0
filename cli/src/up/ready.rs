//! Waiting for a child to be ready.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde_json::Value;
use tokio::sync::watch;

use super::child::State;
use super::settings::Half;
use crate::failure::{Failure, USAGE};

/// The announcement of the child, or why there is none: it died, or `limit` is over.
pub async fn within(half: Half, state: &mut watch::Receiver<State>, limit: Duration) -> Result<Value, Failure> {
    let Ok(seen) = tokio::time::timeout(limit, seen(state)).await else {
        return Err(Failure::Failed(anyhow!("the {} was not ready within {} s", half.name(), limit.as_secs())));
    };
    match seen {
        Seen::Ready(announcement) => Ok(announcement),
        Seen::Dead(Some(code)) if code == i32::from(USAGE) => {
            Err(Failure::Usage(format!("the {} refuses its configuration; its message stands above", half.name())))
        }
        Seen::Dead(_) => Err(Failure::Failed(anyhow!("the {} did not come up; its log stands above", half.name()))),
    }
}

/// The next announcement, whatever happens before it.
pub async fn eventually(state: &mut watch::Receiver<State>) -> Option<Value> {
    loop {
        if let State::Ready(announcement) = &*state.borrow_and_update() {
            return Some(announcement.clone());
        }
        state.changed().await.ok()?;
    }
}

/// Waits until the status port at this address says that its process is ready.
pub async fn serves(status: &str, limit: Duration) -> Result<(), Failure> {
    /// How often it is asked.
    const PERIOD: Duration = Duration::from_millis(20);
    let http = reqwest::Client::builder().no_proxy().build().context("could not set up the HTTP client")?;
    let url = format!("{status}/status/ready");
    let asking = async {
        loop {
            let answer = http.get(&url).timeout(Duration::from_secs(5)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(PERIOD).await;
        }
    };
    let late = |_| Failure::Failed(anyhow!("{url} did not answer \"ready\" within {} s", limit.as_secs()));
    tokio::time::timeout(limit, asking).await.map_err(late)
}

enum Seen {
    Ready(Value),
    Dead(Option<i32>),
}

async fn seen(state: &mut watch::Receiver<State>) -> Seen {
    loop {
        match &*state.borrow_and_update() {
            State::Ready(announcement) => return Seen::Ready(announcement.clone()),
            State::Dead(code) => return Seen::Dead(*code),
            State::Starting => {}
        }
        if state.changed().await.is_err() {
            return Seen::Dead(None);
        }
    }
}
