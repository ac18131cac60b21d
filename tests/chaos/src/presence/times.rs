//! When observers knew.

use std::{collections::BTreeSet, time::Duration};

use super::{
    sight::{Sight, Told, User},
    truth::Truth,
};

/// How long it took from this moment until the last observer had been told that the last of these people was gone. `None`:
/// somebody never was.
pub fn gone<'a>(
    sights: &[Sight],
    users: impl IntoIterator<Item = &'a User>,
    since: Duration,
) -> Option<Duration> {
    let users: BTreeSet<_> = users.into_iter().collect();
    let told = sights.iter().map(|sight| last_going(sight, &users, since)).collect::<Option<Vec<_>>>()?;
    Some(told.into_iter().max().unwrap_or(since).saturating_sub(since))
}

/// How often observers were told that one of these people was gone.
pub fn goings<'a>(sights: &[Sight], users: impl IntoIterator<Item = &'a User>, since: Duration) -> u64 {
    let users: BTreeSet<_> = users.into_iter().collect();
    let told = sights.iter().flat_map(|sight| &sight.entries).filter(|(at, _)| *at >= since);
    let goings = told.map(|(_, told)| match told {
        Told::Changed { left, .. } => left.iter().filter(|user| users.contains(user)).count() as u64,
        Told::Found(_) => 0,
    });
    goings.sum()
}

/// How long it took from the beginning until every observer knew who is here, and knew it from then on. `None`: somebody
/// never did.
pub fn right(sights: &[Sight], truth: &Truth) -> Option<Duration> {
    let here = truth.here();
    let since = sights.iter().map(|sight| right_since(sight, &here)).collect::<Option<Vec<_>>>()?;
    Some(since.into_iter().max()?.saturating_sub(truth.began()))
}

fn last_going(sight: &Sight, users: &BTreeSet<&User>, since: Duration) -> Option<Duration> {
    let mut missing = users.clone();
    let mut last = since;
    for (at, told) in sight.entries.iter().filter(|(at, _)| *at >= since) {
        let Told::Changed { left, .. } = told else { continue };
        if left.iter().filter(|user| missing.remove(user)).count() > 0 {
            last = *at;
        }
    }
    missing.is_empty().then_some(last)
}

fn right_since(sight: &Sight, wanted: &BTreeSet<User>) -> Option<Duration> {
    let (mut here, mut since) = (BTreeSet::new(), None);
    for (at, told) in &sight.entries {
        told.apply_to(&mut here);
        since = if here == *wanted { since.or(Some(*at)) } else { None };
    }
    since
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::{sight::List, truth::Fate};

    fn names(names: &[&str]) -> Vec<User> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Sees Ann and Bob from the beginning, and both go; Bob is back later.
    fn sight() -> Sight {
        let mut sight = Sight::of("one");
        let changed = |joined: &[&str], left: &[&str]| Told::Changed {
            joined: names(joined),
            left: names(left),
            count: 0,
        };
        sight.take(Duration::from_secs(1), Told::Found(List { members: names(&["Ann", "Bob"]), count: 2 }));
        sight.take(Duration::from_secs(5), changed(&[], &["Bob"]));
        sight.take(Duration::from_secs(7), changed(&[], &["Ann"]));
        sight.take(Duration::from_secs(9), changed(&["Bob"], &[]));
        sight
    }

    #[test]
    fn all_are_gone_when_the_last_is() {
        let (both, three) = (names(&["Ann", "Bob"]), names(&["Ann", "Bob", "Cy"]));
        let since = Duration::from_secs(2);
        assert_eq!(gone(&[sight()], &both, since), Some(Duration::from_secs(5)));
        assert_eq!(gone(&[sight()], &three, since), None);
    }

    #[test]
    fn it_is_right_from_when_it_stays_right() {
        let truth = Truth::since(Duration::from_secs(2));
        let truth = truth.with(&names(&["Ann"]), Fate::Leaves(Duration::ZERO));
        let truth = truth.with(&names(&["Bob"]), Fate::Returns);
        assert_eq!(right(&[sight()], &truth), Some(Duration::from_secs(7)));
        let truth = truth.with(&names(&["Cy"]), Fate::Stays);
        assert_eq!(right(&[sight()], &truth), None);
    }
}
