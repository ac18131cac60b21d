//! What came of a run, and what it may be at most.

use std::fmt;

use serde::Serialize;

use crate::gauge::Calls;

/// Times of calls are Redis's own, in microseconds. What is bound is the median: where other programs run too, the mean says
/// how often they interrupted Redis.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) users: u32,
    pub(crate) nodes: u32,
    pub(crate) memory: Memory,
    pub(crate) enter: Calls,
    pub(crate) claim: Calls,
    pub(crate) calm: Calm,
    pub(crate) readings: Vec<Reading>,
    pub(crate) leave: Calls,
    /// Leaving with a grace.
    pub(crate) hold: Calls,
    /// Coming back within it.
    pub(crate) back: Calls,
    pub(crate) heard: Vec<Heard>,
    pub(crate) burial: Burial,
}

/// Bytes.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    /// Everybody is in one room.
    pub(crate) rooms: u64,
    /// And holds a name, which is another pair.
    pub(crate) rooms_and_names: u64,
}

/// Nobody comes or goes.
#[derive(Debug, Serialize)]
pub(crate) struct Calm {
    pub(crate) renew: Calls,
    /// Looking for the dead when there are none.
    pub(crate) look: Calls,
    /// Renewing and looking.
    pub(crate) calls_per_second: f64,
    /// Of one processor, everything together.
    pub(crate) cpu_percent: f64,
    /// Reading everything that one node holds.
    pub(crate) compare: Calls,
}

#[derive(Debug, Serialize)]
pub(crate) struct Reading {
    pub(crate) people: u32,
    pub(crate) redis: Calls,
    /// Until the node has them all.
    pub(crate) milliseconds: f64,
}

/// Coming and going where so many nodes listen.
#[derive(Debug, Serialize)]
pub(crate) struct Heard {
    pub(crate) nodes: u32,
    pub(crate) enter: Calls,
    pub(crate) leave: Calls,
}

#[derive(Debug, Serialize)]
pub(crate) struct Burial {
    /// Pairs that the node held: a room and a name of each person.
    pub(crate) held: usize,
    /// Leaves that were said.
    pub(crate) announced: usize,
    /// From the first call that buried one to the last.
    pub(crate) seconds: f64,
    /// Seconds from the node's death on, the lease included.
    pub(crate) gone_after: f64,
    pub(crate) longest_call: u64,
    pub(crate) per_pair: f64,
}

/// One line of the table.
struct Row {
    name: String,
    value: String,
    /// What is allowed, and whether it is kept.
    bound: Option<(String, bool)>,
}

impl Figures {
    pub(crate) fn are_within_bounds(&self) -> bool {
        self.rows().iter().filter_map(|row| row.bound.as_ref()).all(|(_, is_kept)| *is_kept)
    }

    pub(crate) fn megabytes_per_million(&self, bytes: u64) -> f64 {
        crate::gauge::float(bytes) / f64::from(self.users)
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = vec![
            Row::plain("people, nodes", format!("{}, {}", self.users, self.nodes)),
            self.memory_row(),
            Row::plain(
                "memory with names, MB per million people",
                format!("{:.1}", self.megabytes_per_million(self.memory.rooms_and_names)),
            ),
            Row::timed("enter", &self.enter, Some(MOST_TO_CHANGE)),
            Row::timed("take a name", &self.claim, Some(MOST_TO_CHANGE)),
            Row::timed("leave", &self.leave, Some(MOST_TO_CHANGE)),
            Row::timed("leave with a grace", &self.hold, Some(MOST_TO_CHANGE)),
            Row::timed("come back within it", &self.back, Some(MOST_TO_CHANGE)),
        ];
        for Heard { nodes, enter, leave } in &self.heard {
            rows.push(Row::timed(&format!("enter, heard by {nodes} nodes"), enter, None));
            rows.push(Row::timed(&format!("leave, heard by {nodes} nodes"), leave, None));
        }
        rows.extend(self.calm.rows());
        for Reading { people, redis, milliseconds } in &self.readings {
            rows.push(Row::timed(&format!("read a room of {people}"), redis, None));
            rows.push(Row::plain("the same until the node has them, ms", format!("{milliseconds:.1}")));
        }
        rows.extend(self.burial.rows());
        rows
    }

    fn memory_row(&self) -> Row {
        let megabytes = self.megabytes_per_million(self.memory.rooms);
        Row::bound("memory, MB per million people", megabytes, MOST_MEGABYTES)
    }
}

impl Calm {
    fn rows(&self) -> Vec<Row> {
        vec![
            Row::timed("renew", &self.renew, Some(MOST_TO_RENEW)),
            Row::timed("look for the dead", &self.look, None),
            Row::plain("renewing and looking, calls/s", format!("{:.0}", self.calls_per_second)),
            Row::plain("Redis when nobody comes or goes, % of a CPU", format!("{:.2}", self.cpu_percent)),
            Row::timed("compare what a node holds", &self.compare, None),
        ]
    }
}

impl Burial {
    fn rows(&self) -> Vec<Row> {
        let announced = format!("{} of {}", self.announced, self.held);
        let is_exact = self.announced == self.held;
        vec![
            Row {
                bound: Some(("all".into(), is_exact)),
                ..Row::plain("bury a node, leaves said", announced)
            },
            Row::plain("the same, s", format!("{:.2}", self.seconds)),
            Row::bound("gone after its death, s", self.gone_after, MOST_UNTIL_GONE),
            Row::plain("the same, longest call, µs", self.longest_call.to_string()),
            Row::plain("the same, µs per room or name", format!("{:.1}", self.per_pair)),
        ]
    }
}

impl Row {
    fn plain(name: &str, value: String) -> Self {
        Self { name: name.to_owned(), value, bound: None }
    }

    fn bound(name: &str, value: f64, most: f64) -> Self {
        Self {
            bound: Some((format!("at most {most}"), value <= most)),
            ..Self::plain(name, format!("{value:.1}"))
        }
    }

    fn timed(name: &str, calls: &Calls, most: Option<f64>) -> Self {
        let Calls { count, mean, p50, p99, cpu } = calls;
        let around = if *cpu > 0.0 { format!(", CPU {cpu:.0}") } else { String::new() };
        Self {
            bound: most.map(|most| (format!("p50 at most {most}"), *p50 <= most)),
            ..Self::plain(
                &format!("{name}, µs"),
                format!("{mean:.1} (p50 {p50:.0}, p99 {p99:.0}{around}; {count} calls)"),
            )
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Row { name, value, bound } in self.rows() {
            write!(f, "{name:<44} {value:<50}")?;
            match bound {
                Some((most, true)) => writeln!(f, " {most}")?,
                Some((most, false)) => writeln!(f, " {most}: MISSED")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// Of Redis's memory, for a million people in a room each.
pub(crate) const MOST_MEGABYTES: f64 = 200.0;
/// Microseconds of Redis for one person's coming or going.
const MOST_TO_CHANGE: f64 = 25.0;
const MOST_TO_RENEW: f64 = 15.0;
/// Seconds from a node's death until nobody is listed any more who was on it.
const MOST_UNTIL_GONE: f64 = 7.5;
