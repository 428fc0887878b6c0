//! Processes of the portolan binary.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use portolan_testkit::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long a process may take to say that it is ready, on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to stop: its drain time and more.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A role or `up`, which printed its ready line. Dropped, it is asked to stop; it stops too when the test process dies.
#[derive(Debug)]
pub struct Portolan {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
    ready: Value,
    log: PathBuf,
}

/// The result of a command that ends by itself.
#[derive(Debug)]
pub struct Output {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The binary: beside the directory of the test's own.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("portolan");
    assert!(path.is_file(), "there is no {}: run `cargo build -p portolan-cli` first", path.display());
    path
}

/// Runs the binary to its end.
pub async fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    output(Command::new(binary()).args(args).envs(env.iter().copied())).await
}

/// Runs a command to its end.
pub async fn output(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Whether a process is there. A zombie is not, once its other threads have ended too: until then it keeps its ports.
pub fn lives(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| holds_on(&stat))
}

/// The same of its line in `/proc` (proc(5): what follows the name starts with the state, the 18th is the number of threads).
fn holds_on(stat: &str) -> bool {
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields.first() != Some(&"Z") || fields.get(17) != Some(&"1")
}

/// kill -9, and waits until it is gone with its ports.
pub async fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    let gone = || async {
        ensure!(!lives(pid), "process {pid} lives on");
        Ok(())
    };
    eventually(STOP_LIMIT, gone).await;
}

// === impl Portolan ===

impl Portolan {
    /// Starts it (with `--json --stop-with-parent`) and waits for the ready line. Its log goes to `log`.
    pub async fn start(args: &[&str], log: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(binary());
        command.args(args);
        Self::start_command(command, log).await
    }

    /// The same with a command that becomes the binary.
    pub async fn start_command(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = command
            .args(["--json", "--stop-with-parent"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()?;
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().context("the pipe was asked for")?).lines();
        let line = tokio::time::timeout(READY_LIMIT, stdout.next_line()).await;
        let Ok(Ok(Some(line))) = line else {
            drop(stdin);
            let text = std::fs::read_to_string(log)?;
            bail!("{command:?} did not become ready:\n{text}");
        };
        let ready = serde_json::from_str(&line).with_context(|| format!("the ready line is {line}"))?;
        Ok(Self { child, stdin, stdout, ready, log: log.to_owned() })
    }

    /// A field of the ready line.
    pub fn field(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.ready))
    }

    /// The whole ready line.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id().and_then(|pid| pid.try_into().ok()).expect("it was not waited for yet")
    }

    /// SIGTERM; gives the exit code, and what it printed after the ready line.
    pub async fn terminate(self) -> (Option<i32>, Vec<String>) {
        self.ask_to_stop();
        self.stopped().await
    }

    /// SIGTERM.
    pub fn ask_to_stop(&self) {
        kill_process(Pid::from_raw(self.pid()).unwrap(), Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub async fn stopped(mut self) -> (Option<i32>, Vec<String>) {
        let status = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await.expect("it does not stop").unwrap();
        let mut lines = Vec::new();
        while let Ok(Some(line)) = self.stdout.next_line().await {
            lines.push(line);
        }
        (status.code(), lines)
    }

    /// kill -9, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

impl Drop for Portolan {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(60).collect();
            eprintln!("--- {} ---", self.log.display());
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        self.stdin = None;
        // The directories that it works in are removed next, so it must be gone.
        let start = std::time::Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if start.elapsed() > STOP_LIMIT {
                let _gone = self.child.start_kill();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_zombie_lives_as_long_as_one_of_its_threads() {
    let stat = |state: &str, threads: u32| {
        format!("7 (a ) b) {state} 1 7 7 0 -1 4227084 29 65 21 2 3 1 2 1 20 0 {threads} 0 5805575 0 0")
    };
    assert!(holds_on(&stat("S", 1)));
    assert!(holds_on(&stat("Z", 2)), "its leader has ended, and a thread not yet");
    assert!(!holds_on(&stat("Z", 1)));
}
