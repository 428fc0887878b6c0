//! The scripts that make throw-away database servers, as a test talks to them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};

/// A running script with its server; both end when this is dropped, or when the test process dies.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    url: String,
}

// === impl Program ===

impl Program {
    /// Runs `scripts/NAME` and waits until its server is up.
    pub(crate) fn start(name: &'static str) -> anyhow::Result<Self> {
        let scripts = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts"));
        let mut child = Command::new(scripts.join(name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not run {name}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the pipe was asked for")?;
        let mut program = Self { name, child, stdin, stdout: BufReader::new(stdout), url: String::new() };
        program.url = program.line()?;
        Ok(program)
    }

    /// URL of the server's maintenance database.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Gives a command and waits until it is carried out.
    pub(crate) fn command(&mut self, word: &str) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("the server has ended")?;
        writeln!(stdin, "{word}")?;
        let answer = self.line()?;
        if answer != "ok" {
            bail!("{} answered {answer}", self.name);
        }
        Ok(())
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            bail!("{} has ended; its complaint stands above", self.name);
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stdin = None;
        // Waiting fails only when it was waited for already.
        let _gone = self.child.wait();
    }
}
