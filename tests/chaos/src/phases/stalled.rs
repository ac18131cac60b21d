//! Promise 7: a client that reads nothing is cut off, and misses nothing once it is back.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use tokio::time;

use super::{KEPT, ROOM, Scale, begin, clients, judged, times};
use crate::{
    checker::Excuses,
    line::Transport,
    log::{Entry, Log},
    report::Figure,
    stage::Stage,
};

pub(super) async fn run(scale: Scale, out: &mut impl Write) -> io::Result<Vec<Figure>> {
    writeln!(
        out,
        "promise 7: a client reads nothing in a room where {SENDERS} say {LENGTH} bytes every {PACE:?}"
    )?;
    let stage = Stage::open_patient(3).await?;
    let mut courses = clients(SENDERS + 1, &stage.doors(), &[ROOM], Some(PACE), u32::MAX);
    for sender in &mut courses {
        sender.length = LENGTH;
    }
    let stalled = usize::from(SENDERS);
    courses[stalled].pace = None;
    courses[stalled].transport = Transport::Narrow(NARROW);
    // A proxy's buffers would take for long what the client does not.
    courses[stalled].doors = (0..stage.nodes()).map(|node| stage.direct(node)).collect();
    let crowd = begin(courses, Vec::new()).await?;
    time::sleep(BEFORE).await;
    crowd.set_reading(stalled, false);
    let cut_off = is_cut_off(&stage).await;
    time::sleep(BEFORE).await;
    crowd.set_reading(stalled, true);
    time::sleep(BEFORE).await;
    let (logs, _, mut figures) = judged(7, (stage, crowd), Excuses { restarts: 0, kept: KEPT }, out).await?;
    figures.push(Figure::within(7, "until it is cut off as slow", BOUND * scale.slack, cut_off));
    figures.push(Figure::at_least(
        7,
        "times that it came back and was told all",
        1,
        recoveries(&logs[stalled]),
    ));
    figures.push(Figure::exactly(7, "gaps that it was told of", 0, gaps(&logs[stalled])));
    let back = times::resumptions(&logs[stalled]).into_iter().max();
    writeln!(out, "  it was whole {back:?} after it had noticed")?;
    Ok(figures)
}

async fn is_cut_off(stage: &Stage) -> Option<Duration> {
    let began = Instant::now();
    while began.elapsed() < ENDURED {
        for node in 0..stage.nodes() {
            if stage.metric(node, "hubbub_disconnects_total{reason=\"slow\"}").await > 0 {
                return Some(began.elapsed());
            }
        }
        time::sleep(Duration::from_millis(50)).await;
    }
    None
}

fn recoveries(log: &Log) -> u64 {
    let recovered = |entry: &Entry| matches!(entry, Entry::Resumed { since: Some(_), recovered: true, .. });
    log.entries.iter().filter(|(_, entry)| recovered(entry)).count() as u64
}

fn gaps(log: &Log) -> u64 {
    let is_gap = |entry: &Entry| {
        matches!(entry, Entry::Gap { .. } | Entry::Resumed { since: Some(_), recovered: false, .. })
    };
    log.entries.iter().filter(|(_, entry)| is_gap(entry)).count() as u64
}

const SENDERS: u16 = 8;
const LENGTH: usize = 24 * 1_024;
const PACE: Duration = Duration::from_millis(300);
/// What the stalled client's socket takes, in bytes.
const NARROW: u32 = 4 * 1_024;
const BEFORE: Duration = Duration::from_secs(2);
/// Five seconds after the kernel's buffers, some megabytes, are full.
const BOUND: Duration = Duration::from_secs(15);
/// How long is waited at all.
const ENDURED: Duration = Duration::from_secs(30);
