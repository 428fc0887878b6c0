//! The access log: a line for each request, in a format as nginx has them.
//!
//! A worker gathers lines in memory of its own and hands them over when they are many, or once a second; a thread of its own
//! writes them. When it does not keep up, lines are dropped and counted: requests never wait for a disk.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

use http::response::Parts;

use crate::context::Context;
use crate::plugin::{Logger, Summary};

mod format;
mod writer;

pub use format::Format;
pub use writer::{Start, Writer, start};

use format::Late;

/// Bytes that a worker gathers before it hands them over.
const FULL: usize = 32 * 1024;

/// What workers need; clones share it.
#[derive(Debug, Clone)]
pub struct Shared {
    format: Arc<Format>,
    writer: SyncSender<Batch>,
    /// Lines that were not written.
    pub dropped: Arc<AtomicU64>,
}

/// Lines of one worker.
#[derive(Debug, Default)]
pub struct Batch {
    text: Vec<u8>,
    lines: u64,
}

/// One worker's side.
#[derive(Debug)]
pub struct Log {
    shared: Shared,
    batch: RefCell<Batch>,
}

/// A line that waits for the end of its response.
struct Line {
    log: Rc<Log>,
    text: Vec<u8>,
    /// What goes in where.
    late: Vec<(usize, Late)>,
    started_micros: i64,
}

// === impl Log ===

impl Log {
    /// For one worker.
    #[must_use]
    pub fn new(shared: Shared) -> Rc<Self> {
        Rc::new(Self { shared, batch: RefCell::default() })
    }

    /// A line for this request, whose response begins so.
    #[must_use]
    pub fn line(self: &Rc<Self>, context: &Context<'_>, response: &Parts) -> Box<dyn Logger> {
        let (text, late) = self.shared.format.begin(context, response);
        Box::new(Line { log: self.clone(), text, late, started_micros: context.now_micros })
    }

    fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut batch = self.batch.borrow_mut();
        write(&mut batch.text);
        batch.text.push(b'\n');
        batch.lines += 1;
        let full = batch.text.len() >= FULL;
        drop(batch);
        if full {
            self.flush();
        }
    }

    /// Hands over what there is.
    pub fn flush(&self) {
        let batch = self.batch.take();
        if batch.lines == 0 {
            return;
        }
        if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) = self.shared.writer.try_send(batch) {
            self.shared.dropped.fetch_add(batch.lines, Ordering::Relaxed);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
    }
}

// === impl Line ===

impl Logger for Line {
    fn log(self: Box<Self>, summary: &Summary) {
        let format = &self.log.shared.format;
        self.log.add(|out| {
            let mut from = 0;
            for (at, late) in &self.late {
                out.extend_from_slice(&self.text[from..*at]);
                format.late(*late, summary, self.started_micros, out);
                from = *at;
            }
            out.extend_from_slice(&self.text[from..]);
        });
    }
}

#[cfg(test)]
mod tests;
