//! Requests without a pause, to see whether one of them fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::ensure;
use portolan_testkit::eventually;
use tokio::task::JoinSet;

/// Several clients that ask for one URL again and again, each over a connection that it keeps.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<()>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

const CLIENTS: usize = 4;

// === impl Load ===

impl Load {
    /// Starts asking.
    pub fn start(url: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(ask(url.to_owned(), Arc::clone(&shared)));
        }
        Self { clients, shared }
    }

    /// Waits for so many further answers.
    pub async fn go_on_for(&self, answers: usize) {
        let goal = self.shared.answered.load(Ordering::SeqCst) + answers;
        eventually(Duration::from_secs(30), || async {
            let now = self.shared.answered.load(Ordering::SeqCst);
            ensure!(now >= goal, "{now} answers of {goal}");
            Ok(())
        })
        .await;
    }

    /// Stops asking; gives the number of good answers and all failures.
    pub async fn stop(mut self) -> (usize, Vec<String>) {
        self.shared.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        (self.shared.answered.load(Ordering::SeqCst), std::mem::take(&mut self.shared.failed.lock().unwrap()))
    }
}

async fn ask(url: String, shared: Arc<Shared>) {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    while !shared.stop.load(Ordering::SeqCst) {
        let answer = async { http.get(&url).send().await?.error_for_status()?.bytes().await };
        match answer.await {
            Ok(_) => {
                shared.answered.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => shared.failed.lock().unwrap().push(format!("{error:?}")),
        }
    }
}
