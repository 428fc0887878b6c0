//! Ending with the parent process: its end of our standard input closes when it dies, however it dies.

use std::io::Read as _;

use anyhow::Context as _;
use rustix::process::{Signal, getpid, kill_process};

/// From now on the end of standard input is a SIGTERM to this process.
pub fn stop_with_it() -> anyhow::Result<()> {
    let watch = || {
        let mut input = std::io::stdin().lock();
        let mut ignored = [0; 64];
        while matches!(input.read(&mut ignored), Ok(1..)) {}
        // Nothing can be done about a refusal, and the kernel does not refuse a process its own signals.
        let _refused = kill_process(getpid(), Signal::TERM);
    };
    std::thread::Builder::new().name("parent".to_owned()).spawn(watch).context("could not start a thread")?;
    Ok(())
}
