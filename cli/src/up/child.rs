//! One half as a child process: started, watched, started again.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use portolan_rt::shutdown::Shutdown;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::settings::{Half, sets};
use crate::failure::Failure;

/// The first pause before a restart; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A child that lived so long starts again with the first pause.
const LONG_LIFE: Duration = Duration::from_secs(30);

/// What is known of a child.
#[derive(Debug, Clone)]
pub enum State {
    /// Started, not ready.
    Starting,
    /// Ready; its announcement.
    Ready(Value),
    /// Ended, with its exit code unless a signal ended it.
    Dead(Option<i32>),
}

/// A half that is kept running.
#[derive(Debug)]
pub struct Part {
    /// Which one.
    pub half: Half,
    /// Its configuration file.
    pub config: PathBuf,
    /// Whether it is started again when it dies.
    pub restart: bool,
}

// === impl Part ===

impl Part {
    /// Keeps it running until the shutdown; then its standard input ends, which it takes as the wish to stop. A child that is
    /// still there at the hard stage is killed with this future.
    pub async fn keep(self, state: watch::Sender<State>, shutdown: Shutdown) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            state.send_replace(State::Starting);
            let status = self.live(&state, &shutdown).await?;
            if shutdown.is_soft() {
                tracing::info!(part = self.half.name(), %status, "stopped");
                return Ok(());
            }
            state.send_replace(State::Dead(status.code()));
            if !self.restart {
                tracing::error!(part = self.half.name(), %status, "died and stays dead (--no-restart)");
                shutdown.soft().await;
                return Ok(());
            }
            if started.elapsed() >= LONG_LIFE {
                pause = FIRST_PAUSE;
            }
            tracing::error!(part = self.half.name(), %status, pause_ms = pause.as_millis(), "died, starts again");
            if shutdown.until_soft(tokio::time::sleep(pause)).await.is_none() {
                return Ok(());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One life: from the start to the exit status.
    async fn live(&self, state: &watch::Sender<State>, shutdown: &Shutdown) -> Result<ExitStatus, Failure> {
        let mut child = self.spawn()?;
        let mut stdin = child.stdin.take();
        let mut lines =
            BufReader::new(child.stdout.take().context("the child's output was asked for as a pipe")?).lines();
        let mut output_open = true;
        loop {
            tokio::select! {
                status = child.wait() => return Ok(status.context("could not wait for a child process")?),
                line = lines.next_line(), if output_open => match line {
                    Ok(Some(line)) => self.announced(&line, state),
                    Ok(None) | Err(_) => output_open = false,
                },
                () = shutdown.soft(), if stdin.is_some() => stdin = None,
            }
        }
    }

    fn announced(&self, line: &str, state: &watch::Sender<State>) {
        match serde_json::from_str(line) {
            Ok(announcement) => {
                state.send_replace(State::Ready(announcement));
            }
            Err(_) => tracing::warn!(part = self.half.name(), line, "unexpected output"),
        }
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("could not find this program's own file")?;
        let mut command = Command::new(program);
        command.arg(self.half.word()).arg("--config").arg(&self.config).args(["--json", "--stop-with-parent"]);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(sets::is_setting) {
                command.env_remove(name);
            }
        }
        // A group of its own: the terminal's Ctrl-C is for us, and we pass the wish on.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command.spawn().with_context(|| format!("could not start the {}", self.half.name()))
    }
}
