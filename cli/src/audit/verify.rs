//! `portolan audit verify`.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use portolan_eventstore::proof::checkpoint::notes_of;
use portolan_eventstore::proof::{self, Log, Verifier};

use crate::args;
use crate::client;
use crate::failure::Failure;
use crate::output;

/// Progress is told so often.
const STEP: Duration = Duration::from_secs(5);

/// Verifies a bundle or a database. The verdict is the answer, good or bad; a bad one is also exit code 1.
pub fn run(options: &args::Verify, json: bool) -> Result<(), Failure> {
    let keys = Verifier::parse_list(&read("--key", &options.key)?)
        .map_err(|error| Failure::Usage(format!("--key {}: {error}", options.key.display())))?;
    let held = match &options.checkpoints {
        Some(path) => notes_of(&read("--checkpoints", path)?),
        None => Vec::new(),
    };
    let told = Mutex::new(Instant::now());
    let progress = |revision: i64| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= STEP {
            *told = Instant::now();
            output::progress(&format!("verified up to revision {revision}"));
        }
    };
    let verdict = match (&options.bundle, &options.store) {
        (Some(bundle), _) => proof::verify(bundle, &keys, &held, &progress).map_err(anyhow::Error::from)?,
        (None, Some(store)) => client::block_on(async {
            let verify = async { proof::verify_store(&Log::open(store).await?, &keys, &held, &progress).await };
            Ok(verify.await.map_err(anyhow::Error::from)?)
        })?,
        (None, None) => return Err(Failure::Usage("give a bundle, or --store".into())),
    };
    if json {
        output::json(&verdict);
    } else {
        output::line(&verdict.to_string());
    }
    if verdict.is_ok() { Ok(()) } else { Err(anyhow!("the log does not verify").into()) }
}

fn read(option: &str, path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{option}: could not read {}: {error}", path.display())))
}
