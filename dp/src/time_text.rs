//! Times as nginx writes them, in UTC. The text of a second is made once per thread: a busy worker writes it often.

use std::cell::RefCell;
use std::time::{Duration, UNIX_EPOCH};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

struct Second {
    at: i64,
    local: String,
    iso8601: String,
}

thread_local! {
    static LAST: RefCell<Second> = const { RefCell::new(Second { at: i64::MIN, local: String::new(), iso8601: String::new() }) };
}

/// `23/Nov/2026:13:45:26 +0000`.
#[must_use]
pub fn local(micros: i64) -> String {
    of_second(micros, |second| second.local.clone())
}

/// `2026-11-23T13:45:26+00:00`.
#[must_use]
pub fn iso8601(micros: i64) -> String {
    of_second(micros, |second| second.iso8601.clone())
}

/// `1795441526.750`.
#[must_use]
pub fn seconds(micros: i64) -> String {
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    format!("{seconds}.{:03}", rest / 1000)
}

fn of_second(micros: i64, take: impl Fn(&Second) -> String) -> String {
    let at = micros.div_euclid(1_000_000);
    LAST.with_borrow_mut(|last| {
        if last.at != at {
            *last = Second::new(at);
        }
        take(last)
    })
}

// === impl Second ===

impl Second {
    fn new(at: i64) -> Self {
        let time = UNIX_EPOCH + Duration::from_secs(u64::try_from(at).unwrap_or(0));
        // `Mon, 23 Nov 2026 13:45:26 GMT`
        let text = httpdate::fmt_http_date(time);
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
        let (day, month, year, clock) = (part(5..7), part(8..11), part(12..16), part(17..25));
        let number = MONTHS.iter().position(|name| *name == month).map_or(0, |at| at + 1);
        Self {
            at,
            local: format!("{day}/{month}/{year}:{clock} +0000"),
            iso8601: format!("{year}-{number:02}-{day}T{clock}+00:00"),
        }
    }
}
