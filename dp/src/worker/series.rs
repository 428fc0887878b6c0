//! The series of metrics that this worker's requests have had, so that their labels need not be put together again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::metrics::Series;

/// More combinations of labels than this are not remembered; they are looked up each time.
const MOST: usize = 4096;

/// Serial numbers of route, node and consumer, and the status.
pub type SeriesKey = (u64, u64, u64, u16);

/// What is known.
#[derive(Default)]
pub(super) struct Known(RefCell<HashMap<SeriesKey, Series, BuildHasherDefault<Mix>>>);

/// The numbers are our own, and nobody can choose them so that they collide.
#[derive(Default)]
pub(super) struct Mix(u64);

// === impl Known ===

impl Known {
    /// The series of this key, or the one that is made now.
    pub(super) fn get(&self, key: SeriesKey, make: impl FnOnce() -> Series) -> Series {
        if let Some(series) = self.0.borrow().get(&key) {
            return series.clone();
        }
        let series = make();
        let mut known = self.0.borrow_mut();
        if known.len() < MOST {
            known.insert(key, series.clone());
        }
        series
    }

    /// Serial numbers may be others from now on.
    pub(super) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}

// === impl Mix ===

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // The table looks at both ends.
        self.0 ^ (self.0 >> 32)
    }
}
