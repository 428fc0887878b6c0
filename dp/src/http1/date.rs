//! The header `Date`. It is written into each response and made once a second.

use std::cell::RefCell;
use std::time::{Duration, UNIX_EPOCH};

use super::text::Text;

/// The line, for one thread.
#[derive(Debug, Default)]
pub(crate) struct Date(RefCell<String>);

// === impl Date ===

impl Date {
    /// Tells this time from now on.
    pub(crate) fn set(&self, micros: i64) {
        let time = UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        *self.0.borrow_mut() = format!("date: {}\r\n", httpdate::fmt_http_date(time));
    }

    /// Writes the line.
    pub(crate) fn write(&self, out: &mut Text) {
        out.put(self.0.borrow().as_bytes());
    }
}
