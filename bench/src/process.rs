//! A child process that is asked to stop when dropped.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

/// The child.
#[derive(Debug)]
pub struct Stopped(pub Child);

// === impl Stopped ===

impl Stopped {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // SIGTERM, since both peers have children of their own to stop. One that has ended already needs neither.
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ended = kill_process(pid, Signal::TERM);
        }
        let _ended = self.0.wait();
    }
}
