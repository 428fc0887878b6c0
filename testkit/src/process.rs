//! Foreign programs that end with the test process.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use tempfile::TempDir;

/// Runs the program until stdin ends, then kills it and removes its directory. The write end of that stdin is held by the test
/// process, so it ends even when the test process is killed.
const GUARD: &str = r#"
exec 3<&0 0</dev/null
dir=$1
shift
"$@" 3<&- &
program=$!
while read -r _ <&3; do :; done
kill -KILL "$program" 2>/dev/null
wait "$program" 2>/dev/null
rm -rf "$dir"
"#;

/// A program in a directory of its own. When this is dropped or the test process dies, the program is killed, by its process id, and
/// the directory removed.
#[derive(Debug)]
pub struct Guarded {
    guard: Child,
    stdin: Option<ChildStdin>,
    dir: PathBuf,
}

// === impl Guarded ===

impl Guarded {
    /// Starts `program` with `args`; both output streams go to the file `log` in `dir`, which is the guard's from now on.
    ///
    /// # Errors
    /// When the program or the log can't be opened.
    pub fn start(program: &str, args: &[String], dir: TempDir) -> io::Result<Self> {
        let out = File::create(dir.path().join("log"))?;
        let err = out.try_clone()?;
        let mut guard = Command::new("bash")
            .args(["-c", GUARD, "guard"])
            .arg(dir.path())
            .arg(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()?;
        let stdin = guard.stdin.take();
        Ok(Self { guard, stdin, dir: dir.keep() })
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
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
        let script = "echo $$; exec sleep 600".to_owned();
        let program = Guarded::start("sh", &["-c".to_owned(), script], tempfile::tempdir().unwrap()).unwrap();
        let dir = program.dir().to_owned();
        let start = std::time::Instant::now();
        let pid = loop {
            let text = std::fs::read_to_string(dir.join("log")).unwrap();
            if let Some(pid) = text.strip_suffix('\n') {
                break pid.to_owned();
            }
            assert!(start.elapsed().as_secs() < 30, "it never started");
            std::thread::yield_now();
        };
        assert!(Path::new(&format!("/proc/{pid}")).exists());
        drop(program);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        assert!(!dir.exists());
    }
}
