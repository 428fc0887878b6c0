//! Asks managers for what is wanted, and again when an answer has become old.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::vault::Vault;
use super::{Answer, Path, Secrets, no_manager};
use crate::config;
use crate::http_client::Client;

/// Questions under way at a time.
const AT_ONCE: usize = 8;
/// Nothing is due for longer than any answer is good.
const IDLE: Duration = Duration::from_secs(86_400);

/// Keeps what is known current, for ever.
#[derive(Debug, Clone)]
pub struct Keeper {
    /// What is known.
    pub secrets: Secrets,
    /// For requests to managers.
    pub client: Client,
    /// How long answers are good.
    pub settings: config::Secrets,
}

/// One that is asked.
struct Question {
    path: Path,
    number: u64,
    vault: Arc<Vault>,
}

// === impl Keeper ===

impl Keeper {
    /// Runs for ever.
    pub async fn run(self) {
        let mut asked = 0;
        let mut under_way = FuturesUnordered::new();
        // A run before this one may have ended in the middle.
        self.secrets.0.known.lock().paths.values_mut().for_each(|entry| entry.asking = None);
        loop {
            let (questions, next) = self.due(AT_ONCE - under_way.len(), &mut asked);
            under_way.extend(questions.into_iter().map(|question| self.ask(question)));
            tokio::select! {
                Some((path, number, answer)) = under_way.next() => self.learn(&path, number, answer),
                () = self.secrets.0.work.notified() => {}
                // What is due and finds no place is asked when one is free.
                () = sleep_until(next), if under_way.len() < AT_ONCE => {}
            }
        }
    }

    /// What is to be asked now, and when there is more. What nobody can be asked for is answered here.
    fn due(&self, most: usize, asked: &mut u64) -> (Vec<Question>, Instant) {
        let now = Instant::now();
        let (mut questions, mut unanswerable) = (Vec::new(), Vec::new());
        let mut known = self.secrets.0.known.lock();
        let super::Known { managers, paths, .. } = &mut *known;
        for (path, entry) in paths.iter_mut().filter(|(_, entry)| entry.asking.is_none() && entry.due <= now) {
            if questions.len() >= most {
                break;
            }
            *asked += 1;
            entry.asking = Some(*asked);
            match managers.get(&path.manager) {
                Some(Ok(vault)) => {
                    questions.push(Question { path: path.clone(), number: *asked, vault: vault.clone() })
                }
                Some(Err(reason)) => unanswerable.push((path.clone(), *asked, Answer::Failed(reason.clone()))),
                None => unanswerable.push((path.clone(), *asked, Answer::Gone(no_manager(&path.manager)))),
            }
        }
        drop(known);
        for (path, number, answer) in unanswerable {
            self.learn(&path, number, answer);
        }
        let known = self.secrets.0.known.lock();
        let waiting = known.paths.values().filter(|entry| entry.asking.is_none());
        let next = waiting.map(|entry| entry.due).min().unwrap_or_else(|| now + IDLE);
        (questions, next)
    }

    async fn ask(&self, question: Question) -> (Path, u64, Answer) {
        let Question { path, number, vault } = question;
        let answer = vault.get(&self.client, &path.key).await;
        (path, number, answer)
    }

    fn learn(&self, path: &Path, number: u64, answer: Answer) {
        let mut known = self.secrets.0.known.lock();
        let Some(entry) = known.paths.get_mut(path).filter(|entry| entry.asking == Some(number)) else { return };
        entry.asking = None;
        let good = matches!(answer, Answer::Fields(_));
        let wait = if good { self.settings.ttl() } else { self.settings.neg_ttl() };
        entry.due = Instant::now() + wait;
        if let Answer::Failed(reason) | Answer::Gone(reason) = &answer {
            tracing::error!(
                secret.manager = &*path.manager,
                secret.path = &*path.key,
                reason,
                "a secret cannot be read"
            );
        }
        if entry.learn(answer) {
            known.changed.insert(path.clone());
            self.secrets.0.changed.notify_one();
        }
        drop(known);
        self.secrets.0.answers.send_modify(|count| *count += 1);
    }
}
