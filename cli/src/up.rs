//! `portolan up`: a whole gateway in one process tree.
//!
//! ```text
//! t0  settings → DATA/cp.yaml; the control plane starts, on free ports where 0 was asked for
//! t1  it is ready: its real ports go into cp.yaml, so that a restart takes the same
//! t2  keys are made here, certificates fetched from it; DATA/dp.yaml; the data plane starts
//! t3  it is ready: its real ports go into dp.yaml; the addresses are printed
//! ```
//! When the control plane does not come up but certificates and a snapshot of an earlier start are there, t2 does not wait for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use portolan_rt::logs;
use portolan_rt::task::{Kind, Supervisor};

use crate::args::Up;
use crate::failure::Failure;
use crate::{output, parent, private};

mod announce;
mod certificates;
mod child;
mod ready;
mod secrets;
mod settings;
mod start;

use secrets::Secrets;
use settings::Settings;

/// Runs until a signal, or until the gateway can't be started.
pub fn run(options: Up, json: bool) -> Result<(), Failure> {
    logs::init(&logs::Config::default()).map_err(|error| anyhow!(error))?;
    if options.stop_with_parent {
        parent::stop_with_it()?;
    }
    private::directory(&options.data_dir)?;
    let data = options.data_dir.canonicalize().context("could not resolve the data directory")?;
    let _lock = lock(&data)?;
    let settings = Settings::new(&options, &data)?;
    let secrets = Secrets::load(&data, options.admin_key.as_deref())?;
    settings.write(&data)?;
    settings.check(&data)?;
    let drain = Duration::from_secs(settings.longest_drain() + CHILD_MARGIN_SECONDS);

    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("could not start the runtime")?;
    runtime.block_on(async {
        let supervisor = Supervisor::new();
        let failure = Arc::new(OnceLock::new());
        let gateway = start::Gateway { data, settings, secrets, restart: !options.no_restart, json };
        let slot = Arc::clone(&failure);
        let parts = supervisor.clone();
        let mut once = Some(gateway);
        supervisor.spawn("start", Kind::Critical, move || {
            let gateway = once.take();
            let (slot, parts) = (Arc::clone(&slot), parts.clone());
            async move {
                let Some(gateway) = gateway else { return Ok(()) };
                Box::pin(gateway.run(&parts)).await.map_err(|error| {
                    let message = anyhow!("the gateway did not start");
                    // The first one is the reason.
                    let _later = slot.set(error);
                    message
                })
            }
        });
        let ended = supervisor.run(drain).await;
        let reason = Arc::into_inner(failure).and_then(OnceLock::into_inner);
        match (reason, ended) {
            (Some(reason), _) => Err(reason),
            (None, ended) => ended.map_err(|error| Failure::Failed(anyhow!(error))),
        }
    })
}

/// What a child gets beyond its own drain time before it is killed.
const CHILD_MARGIN_SECONDS: u64 = 3;

/// Two of us on one directory would fight about every file in it.
fn lock(data: &Path) -> Result<std::fs::File, Failure> {
    let path: PathBuf = data.join("up.lock");
    let file = std::fs::File::create(&path).with_context(|| format!("could not open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(Failure::Failed(anyhow!("another portolan up runs on {}", data.display())))
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(Failure::Failed(anyhow!(error).context(format!("could not lock {}", path.display()))))
        }
    }
}

fn step(text: &str) {
    output::progress(&format!("portolan up: {text}"));
}
