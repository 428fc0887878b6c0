//! Processor time of processes, from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// The unit of the times in `/proc/PID/stat`: USER_HZ, 100 on every Linux that we build for.
const TICK: Duration = Duration::from_millis(10);

/// What one line of `/proc/PID/stat` says of interest.
struct Stat {
    parent: u32,
    used: Duration,
}

/// The time that a process and its living descendants have used, user and system, all threads.
pub fn used_by_tree(root: u32) -> anyhow::Result<Duration> {
    let all = processes()?;
    Ok(tree_of(&all, root)?.filter_map(|pid| Some(all.get(&pid)?.used)).sum())
}

fn processes() -> anyhow::Result<HashMap<u32, Stat>> {
    let mut all = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that has just ended has no file any more.
        if let Some(stat) = fs::read_to_string(format!("/proc/{pid}/stat")).ok().as_deref().and_then(parse) {
            all.insert(pid, stat);
        }
    }
    Ok(all)
}

/// The process and its living descendants.
fn tree_of(all: &HashMap<u32, Stat>, root: u32) -> anyhow::Result<impl Iterator<Item = u32>> {
    all.get(&root).with_context(|| format!("process {root} has ended"))?;
    let belongs = move |mut pid: u32| {
        loop {
            match all.get(&pid) {
                _ if pid == root => return true,
                Some(stat) if stat.parent != 0 => pid = stat.parent,
                _ => return false,
            }
        }
    };
    Ok(all.keys().copied().filter(move |pid| belongs(*pid)))
}

/// The time that a process alone has used, user and system, all threads.
pub fn used_by(pid: u32) -> anyhow::Result<Duration> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(parse(&line).with_context(|| format!("/proc/{pid}/stat makes no sense"))?.used)
}

/// Megabytes of memory that a process and its living descendants hold.
pub fn resident(root: u32) -> anyhow::Result<f64> {
    let all = processes()?;
    let mut kilobytes = 0;
    for pid in tree_of(&all, root)? {
        let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()).context("status makes no sense")?;
        kilobytes += number.parse::<u32>()?;
    }
    Ok(f64::from(kilobytes) / 1024.0)
}

fn parse(line: &str) -> Option<Stat> {
    // The second field is the name in parentheses, and may hold anything. After it: 0 state, 1 parent, … 11 utime, 12 stime.
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    Some(Stat { parent: fields.get(1)?.parse().ok()?, used: TICK * ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_is() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 150 50 9 9 20 0 3 0 100";
        let stat = parse(line).unwrap();
        assert_eq!((stat.parent, stat.used), (7, Duration::from_secs(2)));
    }

    #[test]
    fn this_process_is_in_its_own_tree() {
        used_by_tree(std::process::id()).unwrap();
        used_by_tree(u32::MAX).unwrap_err();
    }
}
