//! A Python with what `docs/audit/requirements.txt` asks for, to run the second verifier.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter; its environment is made below `folder` when it is missing.
///
/// # Panics
/// When there is no Python, or the packages can't be had.
pub fn with_requirements(folder: &Path) -> PathBuf {
    let home = folder.join("audit-python");
    let python = home.join("bin/python");
    // Each test is a process: one of them makes it, the others wait.
    let lock = File::create(home.with_extension("lock")).expect("the folder can be written");
    lock.lock().expect("a file can be locked");
    let usable = || {
        let probe = Command::new(&python).args(["-c", "import cryptography"]).output();
        probe.is_ok_and(|output| output.status.success())
    };
    if !usable() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
        let list = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit/requirements.txt");
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r", list]));
        assert!(usable(), "the packages were installed");
    }
    python
}

fn run(command: &mut Command) {
    let output = command.output().expect("Python can be started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
