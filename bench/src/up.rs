//! A whole gateway as `portolan up` starts it, and throw-away databases for it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::etcd::client::Dial;
use crate::process::Stopped;

/// A running gateway, and what it said when it was ready.
#[derive(Debug)]
pub struct Up {
    /// `portolan up`; the halves are its children.
    pub process: Stopped,
    ready: Value,
}

/// A throw-away database server with durable settings: its name, its URL and its process.
pub fn throwaway(scripts: &Path, database: &str) -> anyhow::Result<(&'static str, String, Stopped)> {
    let name = match database {
        "postgres" => "postgres",
        "mariadb" => "mariadb",
        other => bail!("unknown database {other:?}; allowed: postgres, mariadb"),
    };
    let script = scripts.join(format!("throwaway-{name}"));
    let mut child = Command::new(&script)
        .args(["--durable", "--until-pid", &std::process::id().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not run {}", script.display()))?;
    let output = child.stdout.take().context("the pipe was asked for")?;
    let process = Stopped(child);
    let mut url = String::new();
    // The pipe stays open: the script ends when nobody reads it any more.
    let mut lines = BufReader::new(output);
    lines.read_line(&mut url)?;
    std::mem::forget(lines);
    ensure!(!url.is_empty(), "{} did not start", script.display());
    Ok((name, url.trim_end().to_owned(), process))
}

// === impl Up ===

impl Up {
    /// Starts it in a folder, on SQLite or on the database of the URL, with further options, and waits until it is ready.
    pub fn start(binary: &Path, dir: &Path, store: Option<&str>, options: &[&str]) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let log = dir.join("log");
        let mut command = Command::new(binary);
        command.args(["up", "--free-ports", "--json", "--data-dir"]).arg(dir.join("data")).args(options);
        if let Some(store) = store {
            command.args(["--store", store]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("could not start {}", binary.display()))?;
        let output = child.stdout.take().context("the pipe was asked for")?;
        let process = Stopped(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.is_empty() {
            bail!("portolan did not start:\n{}", fs::read_to_string(&log)?);
        }
        Ok(Self { process, ready: serde_json::from_str(&line)? })
    }

    /// Process id of the control plane.
    pub fn control_plane(&self) -> anyhow::Result<u32> {
        self.ready["pids"]["cp"].as_u64().and_then(|pid| pid.try_into().ok()).context("no pid")
    }

    /// How to reach its etcd service, as an administrator.
    pub fn dial(&self) -> anyhow::Result<Dial> {
        let (certificate, key) = (self.path("admin_cert")?, self.path("admin_cert_key")?);
        Dial::new(self.text("dp_manager")?, &self.path("ca")?, &certificate, &key)
    }

    /// A text of what it said.
    pub fn text(&self, name: &str) -> anyhow::Result<&str> {
        self.ready[name].as_str().with_context(|| format!("no {name} in {}", self.ready))
    }

    /// A file of what it said.
    pub fn path(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.text(name).map(PathBuf::from)
    }
}
