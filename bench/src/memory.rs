//! Memory of processes, from `/proc`.

use std::fs;

use anyhow::Context as _;

/// Resident memory, in bytes.
pub fn resident(pid: u32) -> anyhow::Result<i64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<i64>()? * 1024)
}
