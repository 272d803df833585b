//! Processor time of a PostgreSQL server: of its first process, and of all that it has started.

use anyhow::{Context, Result};

/// What Linux counts processor time in, on every architecture that this runs on.
const TICKS_A_SECOND: f64 = 100.0;

/// Seconds of processor time so far. What a child that has ended had used is counted at its parent.
pub(super) fn seconds_of(postmaster: u32) -> Result<f64> {
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end while it is looked at.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let stat = Stat::read(&stat).with_context(|| format!("the system does not tell of process {pid}"))?;
        if pid == postmaster {
            ticks += stat.own + stat.of_ended_children;
        } else if stat.parent == postmaster {
            ticks += stat.own;
        }
    }
    Ok(ticks as f64 / TICKS_A_SECOND)
}

/// Seconds of processor time of one process so far.
pub(super) fn seconds_of_process(pid: u32) -> Result<f64> {
    let stat = Stat::read(&std::fs::read_to_string(format!("/proc/{pid}/stat"))?);
    Ok(seconds(stat.context("the system does not tell of a process")?.own))
}

/// Memory that nobody shares with the processes that a process has started, in MiB.
pub(super) fn memory_of_children(parent: u32) -> Result<Vec<f64>> {
    let mut own = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let Ok(stat) = std::fs::read_to_string(path.join("stat")) else { continue };
        if Stat::read(&stat).is_none_or(|stat| stat.parent != parent) {
            continue;
        }
        let Ok(map) = std::fs::read_to_string(path.join("smaps_rollup")) else { continue };
        let private = map.lines().filter(|line| line.starts_with("Private_"));
        let kib = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        own.push(kib.sum::<f64>() / 1024.0);
    }
    Ok(own)
}

/// Ticks as seconds.
pub(super) fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS_A_SECOND
}

struct Stat {
    parent: u32,
    own: u64,
    of_ended_children: u64,
}

impl Stat {
    /// Reads `/proc/PID/stat`. The second field is the program's name in brackets and may hold anything.
    fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let parent = fields.get(1)?.parse().ok()?;
        Some(Self { parent, own: number(11)? + number(12)?, of_ended_children: number(13)? + number(14)? })
    }
}

#[cfg(test)]
mod tests {
    use super::Stat;

    #[test]
    fn a_name_with_brackets_hides_nothing() {
        let text = "7 (a) b) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 5 6 7";
        let stat = Stat::read(text).unwrap();
        assert_eq!((stat.parent, stat.own, stat.of_ended_children), (3, 30, 70));
    }
}
