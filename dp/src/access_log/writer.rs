//! Writes the lines of all workers, on a thread of its own: a disk may be slow.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use super::{Batch, Format, Shared};
use crate::config::AccessLog;

/// Batches that wait to be written, over all workers.
const WAITING: usize = 128;

/// The thread's side.
pub struct Writer {
    batches: Receiver<Batch>,
    output: Output,
    dropped: Arc<AtomicU64>,
    reopen: Arc<AtomicBool>,
    /// The last write failed.
    failing: bool,
}

/// Both sides, and the switch that makes the file be opened anew.
pub struct Start {
    /// For workers. When the last clone is dropped the writer ends.
    pub shared: Shared,
    /// For its thread.
    pub writer: Writer,
    /// Set it to have the file opened anew.
    pub reopen: Arc<AtomicBool>,
}

enum Output {
    Stdout,
    File { path: PathBuf, file: File },
}

/// Opens the log, if there is to be one.
///
/// # Errors
/// When the file cannot be opened.
pub fn start(settings: &AccessLog) -> io::Result<Option<Start>> {
    let Some(path) = &settings.path else { return Ok(None) };
    let output = match path.as_str() {
        "stdout" | "/dev/stdout" => Output::Stdout,
        path => Output::File { path: path.into(), file: open(Path::new(path))? },
    };
    let (sender, batches) = sync_channel(WAITING);
    let (dropped, reopen) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
    let shared = Shared { format: Arc::new(Format::parse(settings)), writer: sender, dropped: dropped.clone() };
    let writer = Writer { batches, output, dropped, reopen: reopen.clone(), failing: false };
    Ok(Some(Start { shared, writer, reopen }))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

// === impl Writer ===

impl Writer {
    /// Writes until all workers are gone.
    pub fn run(mut self) {
        while let Ok(batch) = self.batches.recv() {
            match self.write(&batch.text) {
                Ok(()) => self.failing = false,
                Err(error) => {
                    self.dropped.fetch_add(batch.lines, Ordering::Relaxed);
                    // Once, and not for each batch.
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::error!(%error, "the access log cannot be written, lines are lost");
                    }
                }
            }
        }
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let asked = self.reopen.swap(false, Ordering::Relaxed);
        match &mut self.output {
            Output::Stdout => io::stdout().lock().write_all(text),
            Output::File { path, file } => {
                if asked || !is_at(file, path) {
                    *file = open(path)?;
                }
                file.write_all(text)
            }
        }
    }
}

/// Whether the path still names the file: a rotation gives it another name.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(own), Ok(there)) => (own.dev(), own.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}
