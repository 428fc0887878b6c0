//! What something costs, by a clock that stands while others have the processor: for limits that hold on a busy machine.

use std::fs;
use std::time::Duration;

/// What `/proc` counts in, on every architecture: hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of this process so far, in user space and in the kernel.
pub fn of_process() -> Duration {
    spent("/proc/self/stat")
}

/// The same of the calling thread.
pub fn of_thread() -> Duration {
    spent("/proc/thread-self/stat")
}

/// From a line of proc(5): what follows the name in brackets starts with the third field, and the times are the 14th and 15th.
fn spent(path: &str) -> Duration {
    let stat = fs::read_to_string(path).expect("Linux has it");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok());
    TICK * ticks.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_costs_nothing_and_work_does() {
        let before = of_thread();
        std::thread::sleep(Duration::from_millis(300));
        assert!(of_thread() - before < Duration::from_millis(100));
        let process = of_process();
        while of_thread() - before < Duration::from_millis(50) {}
        assert!(of_process() > process);
    }
}
