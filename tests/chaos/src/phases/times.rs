//! How long things took, as the clients saw it.

use std::time::Duration;

use crate::log::{Entry, Log};

/// From every loss of a connection until all that was missed had come.
pub fn resumptions(log: &Log) -> Vec<Duration> {
    let mut lost = None;
    let mut times = Vec::new();
    for (at, entry) in &log.entries {
        match entry {
            Entry::Lost => lost = lost.or(Some(*at)),
            Entry::Whole => times.extend(lost.take().map(|lost| at.saturating_sub(lost))),
            _ => {}
        }
    }
    times
}

/// What all but so many in a hundred do not exceed.
pub fn percentile(mut times: Vec<Duration>, percent: usize) -> Option<Duration> {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100);
    times.get(rank.saturating_sub(1)).copied()
}

/// When the last of the clients was told something again after this moment. `None`: somebody never was.
pub fn told_again(logs: &[Log], after: Duration) -> Option<Duration> {
    let again = |log: &Log| {
        let told = log.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Told { .. }));
        told.map(|(at, _)| *at).find(|at| *at > after)
    };
    let again: Option<Vec<_>> = logs.iter().map(again).collect();
    Some(again?.into_iter().max()?.saturating_sub(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[(u64, Entry)]) -> Log {
        let entries = entries.iter().map(|(at, entry)| (Duration::from_millis(*at), *entry)).collect();
        Log { client: "one".into(), entries }
    }

    #[test]
    fn a_client_is_away_from_its_first_loss_until_it_is_whole() {
        let log = log(&[
            (5, Entry::Whole),
            (10, Entry::Lost),
            (15, Entry::Connected),
            (20, Entry::Lost),
            (30, Entry::Whole),
        ]);
        assert_eq!(resumptions(&log), [Duration::from_millis(20)]);
    }

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let times = |count: u64| (1..=count).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(times(200), 99), Some(Duration::from_millis(198)));
        assert_eq!(percentile(times(1), 99), Some(Duration::from_millis(1)));
        assert_eq!(percentile(times(0), 99), None);
    }
}
