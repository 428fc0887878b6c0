//! Writers that change one service each, again and again, and keep account of what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use super::planes::KEY;

/// The answer that promises that nothing was written.
const NOTHING: &str = "the event log is unavailable, nothing was changed";
/// Longest that one answer may take: a COMMIT whose outcome is looked up takes up to ten seconds.
const ANSWER: Duration = Duration::from_secs(30);
/// Between two tries at a control plane that is away.
const PAUSE: Duration = Duration::from_millis(5);

/// The writers at work.
pub struct Writers {
    tasks: JoinSet<Written>,
    shared: Arc<Shared>,
}

/// What one writer knows in the end. A write is named by its number.
#[derive(Debug, Default)]
pub struct Written {
    /// The writer.
    pub writer: usize,
    /// Answered with success.
    pub acknowledged: Vec<u64>,
    /// Answered with "nothing was changed".
    pub refused: Vec<u64>,
    /// Not answered, or answered with "unknown".
    pub open: Vec<u64>,
}

struct Shared {
    urls: Vec<String>,
    stop: AtomicBool,
    /// Successes at each control plane.
    answered: Vec<AtomicU64>,
}

/// How a try ended.
enum Told {
    Written,
    NotWritten,
    Nothing,
}

// === impl Writers ===

impl Writers {
    /// Starts so many, half of them at each control plane. The half of those repeats a write until it is acknowledged, at one control
    /// plane or the other, under an idempotency key; the other half tries once.
    pub fn start(count: usize, urls: Vec<String>) -> Self {
        let answered = urls.iter().map(|_| AtomicU64::new(0)).collect();
        let shared = Arc::new(Shared { urls, stop: AtomicBool::new(false), answered });
        let mut tasks = JoinSet::new();
        for writer in 0..count {
            tasks.spawn(write(writer, shared.clone()));
        }
        Self { tasks, shared }
    }

    /// Successes so far, by control plane.
    pub fn answered(&self) -> Vec<u64> {
        self.shared.answered.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// Successes so far.
    pub fn acknowledged(&self) -> u64 {
        self.answered().iter().sum()
    }

    /// Lets them finish what they are at.
    pub async fn stop(self) -> Vec<Written> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await
    }
}

async fn write(writer: usize, shared: Arc<Shared>) -> Written {
    let http = Client::builder().no_proxy().timeout(ANSWER).build().unwrap();
    let mut written = Written { writer, ..Written::default() };
    let mut plane = writer % shared.urls.len();
    let repeats = (writer / shared.urls.len()).is_multiple_of(2);
    let mut number = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        number += 1;
        loop {
            let told = attempt(&http, &shared.urls[plane], writer, number, repeats).await;
            match told {
                Told::Written => {
                    shared.answered[plane].fetch_add(1, Ordering::Relaxed);
                    written.acknowledged.push(number);
                    break;
                }
                Told::NotWritten if !repeats => written.refused.push(number),
                Told::Nothing if !repeats => written.open.push(number),
                Told::NotWritten | Told::Nothing => {}
            }
            tokio::time::sleep(PAUSE).await;
            if !repeats {
                break;
            }
            plane = (plane + 1) % shared.urls.len();
        }
        plane = writer % shared.urls.len();
    }
    written
}

/// One request. What is written names the writer and the write.
async fn attempt(http: &Client, url: &str, writer: usize, number: u64, keyed: bool) -> Told {
    let name = format!("{writer}-{number}");
    let mut request = http.put(format!("{url}/apisix/admin/services/w{writer}")).header("X-API-KEY", KEY);
    if keyed {
        request = request.header("Idempotency-Key", &name);
    }
    let Ok(answer) = request.json(&json!({ "name": name })).send().await else { return Told::Nothing };
    let status = answer.status();
    let Ok(text) = answer.text().await else {
        // The status says it; the rest of the answer is gone with the process.
        return if status.is_success() { Told::Written } else { Told::Nothing };
    };
    match status {
        StatusCode::OK | StatusCode::CREATED => Told::Written,
        StatusCode::SERVICE_UNAVAILABLE if text.contains(NOTHING) => Told::NotWritten,
        StatusCode::SERVICE_UNAVAILABLE => Told::Nothing,
        other => panic!("write {name} was answered {other}: {text}"),
    }
}
