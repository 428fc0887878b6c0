//! Foreign programs that end with the test process.

use std::io;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Runs the program, waits until stdin ends or the program ends by itself, kills it, waits for it. The write end of that stdin is
/// held by the test process, so it ends even when the test process is killed.
const GUARD: &str = r#"
exec 3<&0 0</dev/null
"$@" 3<&- &
program=$!
( while read -r _ <&3; do :; done; kill -KILL "$program" 2>/dev/null ) &
watch=$!
exec 3<&-
wait "$program" 2>/dev/null
kill "$watch" 2>/dev/null
"#;

/// A running program. It is killed, by its process id, when this is dropped or the test process dies.
#[derive(Debug)]
pub struct Guarded {
    guard: Child,
    stdin: Option<ChildStdin>,
}

// === impl Guarded ===

impl Guarded {
    /// Starts `program` with `args`; both output streams go to the file `log`.
    ///
    /// # Errors
    /// When the program or the log can't be opened.
    pub fn start(program: &str, args: &[String], log: &Path) -> io::Result<Self> {
        let out = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let err = out.try_clone()?;
        let mut guard = Command::new("bash")
            .args(["-c", GUARD, "guard", program])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()?;
        let stdin = guard.stdin.take();
        Ok(Self { guard, stdin })
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.guard.try_wait(), Ok(None))
    }

    /// Kills the program and waits until it is gone.
    pub fn kill(&mut self) {
        self.stdin = None;
        // The guard's end is the program's end; that waiting fails only when it was waited for already.
        let _gone = self.guard.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_program_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let script = "echo $$; exec sleep 600".to_owned();
        let mut program = Guarded::start("sh", &["-c".to_owned(), script], &log).unwrap();
        let start = std::time::Instant::now();
        let pid = loop {
            let text = std::fs::read_to_string(&log).unwrap();
            if let Some(pid) = text.strip_suffix('\n') {
                break pid.to_owned();
            }
            assert!(start.elapsed().as_secs() < 10, "it never started");
            std::thread::yield_now();
        };
        assert!(program.is_running());
        drop(program);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
