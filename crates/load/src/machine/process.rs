//! What processes cost, from `/proc`.

use std::{fs, time::Duration};

use anyhow::Context;

/// CPU time that the process has used, all threads, user and system; to a hundredth of a second.
pub(crate) fn cpu_time(process: Process) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    let ticks = ticks(&stat).with_context(|| format!("{path}: not as expected"))?;
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
}

/// The process's share of memory in KiB: shared pages count by how many share them (Pss).
pub(crate) fn memory(process: Process) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/smaps_rollup");
    let rollup = fs::read_to_string(&path).with_context(|| path.clone())?;
    proportional_share(&rollup).with_context(|| format!("{path}: no Pss"))
}

/// The process's resident memory in KiB (Rss): less exact than its share, and cheap enough to be read often.
pub(crate) fn resident(process: Process) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/statm");
    let sizes = fs::read_to_string(&path).with_context(|| path.clone())?;
    let pages = sizes.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let page = u64::try_from(rustix::param::page_size())?;
    pages.map(|pages| pages * page / 1_024).with_context(|| format!("{path}: not as expected"))
}

/// Time that all processors have been busy, whoever used them; stolen time too, for it could not be used either.
pub(crate) fn machine_time() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let ticks = busy_ticks(&stat).context("/proc/stat: not as expected")?;
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Process {
    This,
    Id(u32),
}

impl std::fmt::Display for Process {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::This => write!(formatter, "self"),
            Self::Id(id) => write!(formatter, "{id}"),
        }
    }
}

/// utime and stime are the fields 14 and 15; the second, the name, may hold blanks and brackets itself.
fn ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// user, nice, system, idle, iowait, irq, softirq and steal are the fields of the first line.
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace().take(8);
    let ticks: Vec<u64> = fields.map(|field| field.parse().ok()).collect::<Option<_>>()?;
    Some(ticks.iter().enumerate().filter(|(place, _)| !matches!(place, 3 | 4)).map(|(_, ticks)| ticks).sum())
}

fn proportional_share(rollup: &str) -> Option<u64> {
    rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "12 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        assert_eq!(ticks(stat), Some(300));
    }

    #[test]
    fn a_processor_that_waits_is_not_busy() {
        let stat = "cpu  1 20 300 4000 50000 600000 7000000 80000000 5 5\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy_ticks(stat), Some(87_600_321));
        assert_eq!(busy_ticks("cpu0 1 2"), None);
    }

    #[test]
    fn pss_is_not_pss_dirty() {
        let rollup = "55-7f [rollup]\nRss:    900 kB\nPss_Dirty:   7 kB\nPss:             812 kB\n";
        assert_eq!(proportional_share(rollup), Some(812));
    }

    #[test]
    fn this_process_can_be_read() {
        assert!(cpu_time(Process::This).is_ok() && machine_time().is_ok());
        assert!(memory(Process::This).unwrap() > 0);
        assert!(resident(Process::This).unwrap() > 0);
    }
}
