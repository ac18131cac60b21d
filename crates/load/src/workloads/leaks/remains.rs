//! What a cluster holds when nobody is there: the same before and after, or something of those who left remains.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    arguments::target::Node,
    machine::{
        metrics::Metrics,
        store::{Names, Store},
    },
};

/// Where to look.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The nodes' admin ports.
    pub(crate) admin: Vec<Node>,
    pub(crate) store: Option<Store>,
}

/// All at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// What the nodes count together, by what it is.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) names: Names,
}

/// What was there after and not before, or the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Remains {
    /// `tasks 3 -> 5`
    pub(crate) counts: Vec<String>,
    /// Keys that will never be forgotten, and those that are missing.
    pub(crate) keys: Vec<String>,
    pub(crate) channels: Vec<String>,
    /// Keys that will be forgotten: how many there are of a kind, and the seconds until the last of them is.
    pub(crate) passing: BTreeMap<String, (u64, u64)>,
}

impl Places {
    /// Nodes make connections to Redis as they need them, a few, and keep them. Each is an open file and a task, which are
    /// left out here.
    pub(crate) async fn look(&self) -> anyhow::Result<Holdings> {
        let mut counts = BTreeMap::<_, u64>::new();
        for admin in &self.admin {
            let metrics = Metrics::read(admin).await?;
            for &(what, metric) in COUNTED {
                *counts.entry(what).or_default() += metrics.sum(metric)?;
            }
        }
        let names = match &self.store {
            Some(store) => store.names().await?,
            None => Names::default(),
        };
        for what in [TASKS, OPEN_FILES] {
            counts.entry(what).and_modify(|count| *count = count.saturating_sub(names.clients));
        }
        Ok(Holdings { counts, names })
    }

    /// Engine.IO sessions over all nodes.
    pub(crate) async fn connections(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for admin in &self.admin {
            sum += Metrics::read(admin).await?.sum(CONNECTIONS)?;
        }
        Ok(sum)
    }

    /// Bytes of memory that each node has.
    pub(crate) async fn memory(&self) -> anyhow::Result<Vec<u64>> {
        let mut nodes = Vec::new();
        for admin in &self.admin {
            nodes.push(Metrics::read(admin).await?.sum(MEMORY)?);
        }
        Ok(nodes)
    }
}

impl Holdings {
    /// What is there now and was not `before`.
    pub(crate) fn since(&self, before: &Self) -> Remains {
        let (now, then) = (&self.names.keys, &before.names.keys);
        let mut remains = Remains { counts: self.counts_since(before), ..Remains::default() };
        for (key, forgotten_in) in now.iter().filter(|(key, _)| !then.contains_key(*key)) {
            match forgotten_in {
                None => remains.keys.push(format!("+ {key}")),
                Some(seconds) => {
                    let (count, longest) = remains.passing.entry(kind(key)).or_default();
                    (*count, *longest) = (*count + 1, (*longest).max(*seconds));
                }
            }
        }
        let missing = then.iter().filter(|(key, left)| left.is_none() && !now.contains_key(*key));
        remains.keys.extend(missing.map(|(key, _)| format!("- {key}")));
        remains.channels = difference(&self.names.channels, &before.names.channels);
        remains
    }

    fn counts_since(&self, before: &Self) -> Vec<String> {
        let counts = self.counts.iter().map(|(what, now)| (what, *now, before.counts.get(what).copied()));
        let changed = counts.filter(|(_, now, then)| Some(*now) != *then);
        changed.map(|(what, now, then)| format!("{what} {} -> {now}", then.unwrap_or_default())).collect()
    }
}

impl Remains {
    /// Nothing, but for what will be forgotten by itself.
    pub(crate) fn are_none(&self) -> bool {
        self.counts.is_empty() && self.keys.is_empty() && self.channels.is_empty()
    }
}

fn difference(now: &BTreeSet<String>, then: &BTreeSet<String>) -> Vec<String> {
    let more = now.difference(then).map(|name| format!("+ {name}"));
    more.chain(then.difference(now).map(|name| format!("- {name}"))).collect()
}

/// A key without the room that it is about.
fn kind(key: &str) -> String {
    let about_a_room = key.strip_prefix("{room:").and_then(|rest| rest.rsplit_once('}'));
    match (about_a_room, key.rsplit_once(':')) {
        (Some((_, what)), _) => format!("{{room:*}}{what}"),
        (None, Some((what, _))) => format!("{what}:*"),
        (None, None) => key.to_owned(),
    }
}

const CONNECTIONS: &str = "hubbub_connections";
const MEMORY: &str = "process_resident_memory_bytes";

/// By what they are called here.
const COUNTED: &[(&str, &str)] = &[
    ("connections", CONNECTIONS),
    ("sessions", "hubbub_sessions"),
    ("rooms", "hubbub_rooms"),
    (TASKS, "hubbub_runtime_tasks"),
    (OPEN_FILES, "process_open_fds"),
];
const TASKS: &str = "tasks";
const OPEN_FILES: &str = "open files";

#[cfg(test)]
mod tests {
    use super::*;

    fn holdings(tasks: u64, keys: &[(&str, Option<u64>)], channels: &[&str]) -> Holdings {
        Holdings {
            counts: BTreeMap::from([(TASKS, tasks)]),
            names: Names {
                keys: keys.iter().map(|&(key, left)| (key.to_owned(), left)).collect(),
                channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
                clients: 1,
            },
        }
    }

    #[test]
    fn keys_of_a_kind_have_one_name() {
        assert_eq!(kind("{room:~for a}:b}:m"), "{room:*}:m");
        assert_eq!(kind("{h:p0}:r:lobby"), "{h:p0}:r:*");
        assert_eq!(kind("strange"), "strange");
    }

    #[test]
    fn only_what_never_passes_remains() {
        let before = holdings(9, &[("nodes", None), ("old", Some(3))], &["a"]);
        let passing = [("nodes", None), ("{h:p0}:r:load-k3x9-1", Some(7)), ("{h:p0}:r:load-k3x9-2", Some(9))];
        let remains = holdings(9, &passing, &["a"]).since(&before);
        assert!(remains.are_none());
        assert_eq!(remains.passing, BTreeMap::from([("{h:p0}:r:*".to_owned(), (2, 9))]));
        for left in [
            holdings(10, &[("nodes", None)], &["a"]),
            holdings(9, &[("nodes", None), ("more", None)], &["a"]),
            holdings(9, &[], &["a"]),
            holdings(9, &[("nodes", None)], &["a", "b"]),
            holdings(9, &[("nodes", None)], &[]),
        ] {
            assert!(!left.since(&before).are_none(), "{left:?}");
        }
    }
}
