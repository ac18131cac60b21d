//! The promises, each with the trouble in which it must be kept.

mod away;
mod killed;
mod mixed;
mod order;
pub mod presence;
mod stalled;
pub mod times;

use std::{
    io::{self, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    checker::{Excuses, Verdict, judge},
    client::Course,
    crowd::Crowd,
    line::Transport,
    log::{Log, Room},
    report::{Figure, Report},
    stage::Stage,
};

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Promise 3: how long nodes are killed, how many clients see it, how many messages they say.
    pub killing: (Duration, u16, u32),
    /// Promise 4: messages in one order.
    pub ordered: u32,
    /// Promise 5: how many people, and what becomes of them.
    pub presence: presence::Scale,
    /// Promise 6: how long Redis is cut off, and how long it is held.
    pub away: (Duration, Duration),
    /// How long the whole run takes, the mixed phase for what is left of it.
    pub whole: Duration,
    /// The mixed phase takes this long at least.
    pub mixed: Duration,
    /// Bounds of time are this much wider, on a machine that does much else.
    pub slack: u32,
}

impl Scale {
    /// As promised, for a release build.
    pub fn long(whole: Duration) -> Self {
        Self {
            killing: (Duration::from_mins(2), 100, 10_000),
            ordered: 100_000,
            presence: presence::Scale::LONG,
            away: (Duration::from_secs(30), Duration::from_secs(10)),
            whole,
            mixed: Duration::from_mins(1),
            slack: 1,
        }
    }

    /// Two minutes of it, for a debug build.
    pub fn short() -> Self {
        Self {
            killing: (Duration::from_secs(20), 24, 600),
            ordered: 3_000,
            presence: presence::Scale::SHORT,
            away: (Duration::from_secs(5), Duration::from_secs(5)),
            whole: Duration::from_mins(2),
            mixed: Duration::from_secs(30),
            slack: 5,
        }
    }
}

/// One of the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Promise 3.
    Killed,
    /// Promise 4.
    Order,
    /// Promise 5, and 8 as far as presence goes.
    Presence,
    /// Promise 6.
    Away,
    /// Promise 7.
    Stalled,
    /// All of them.
    Mixed,
}

impl Phase {
    /// All, in the order in which they run.
    pub const ALL: [Self; 6] =
        [Self::Killed, Self::Order, Self::Presence, Self::Away, Self::Stalled, Self::Mixed];
}

/// Runs phases, telling what happens.
pub async fn run(seed: u64, scale: Scale, phases: &[Phase], out: &mut impl Write) -> io::Result<Report> {
    let began = Instant::now();
    let mut report = Report::default();
    for phase in phases {
        let left = scale.whole.saturating_sub(began.elapsed()).max(scale.mixed);
        report.add(match phase {
            Phase::Killed => killed::run(scale, out).await?,
            Phase::Order => order::run(scale, out).await?,
            Phase::Presence => presence::run(scale.presence, out).await?,
            Phase::Away => away::run(scale, out).await?,
            Phase::Stalled => stalled::run(scale, out).await?,
            Phase::Mixed => mixed::run(seed, left, out).await?,
        });
    }
    Ok(report)
}

/// Ordinary clients in the rooms, every third of them by polling.
fn clients(
    count: u16,
    doors: &[SocketAddr],
    rooms: &[Room],
    pace: Option<Duration>,
    quota: u32,
) -> Vec<Course> {
    let one = |number| Course {
        name: format!("client-{number}"),
        number,
        doors: doors.to_vec(),
        transport: if number % 3 == 2 { Transport::Polling } else { Transport::WebSocket },
        rooms: rooms.to_vec(),
        pace,
        quota,
        changes: false,
        length: 64,
    };
    (0..count).map(one).collect()
}

/// The real client, behind a balancer: by polling, and by polling that is upgraded.
fn scripts(stage: &Stage, first: u16, rooms: &[Room], pace: Duration, quota: u32) -> Vec<Course> {
    let mut scripts = clients(SCRIPTS, &[stage.balancer()], rooms, Some(pace), quota);
    for (script, number) in scripts.iter_mut().zip(first..) {
        (script.number, script.name) = (number, format!("hubbub.js-{number}"));
    }
    scripts
}

/// Ends a run and judges it. What keeps it from its end is told.
async fn judged(
    promise: u8,
    (mut stage, crowd): (Stage, Crowd),
    excuses: Excuses,
    out: &mut impl Write,
) -> io::Result<(Vec<Log>, Verdict, Vec<Figure>)> {
    let settled = crowd.settles(SETTLED).await;
    let mut troubles = crowd.board().surprises();
    if !settled {
        troubles.extend(crowd.board().behind());
    }
    troubles.extend(stage.fallen());
    let logs = crowd.leave().await;
    let verdict = judge(&logs, excuses);
    writeln!(out, "  {verdict}")?;
    for trouble in verdict.examples().iter().chain(troubles.iter().take(TROUBLES)) {
        writeln!(out, "  ! {trouble}")?;
    }
    let mut figures = Figure::of_verdict(promise, &verdict);
    figures.push(Figure::exactly(promise, "troubles without a fault", 0, troubles.len() as u64));
    Ok((logs, verdict, figures))
}

/// Everybody gets in, and talks.
async fn begin(courses: Vec<Course>, scripts: Vec<Course>) -> io::Result<Crowd> {
    let crowd = Crowd::gather(courses, scripts);
    if !crowd.enters(ENTERED).await {
        let (behind, surprises) = (crowd.board().behind(), crowd.board().surprises());
        return Err(io::Error::other(format!("not everybody came in: {behind:?} {surprises:?}")));
    }
    crowd.talk();
    Ok(crowd)
}

/// How many programs talk with the others.
const SCRIPTS: u16 = 3;
/// How long clients may take to come in.
const ENTERED: Duration = Duration::from_secs(30);
/// How long it may take until everyone has everything, once nothing is broken any more.
const SETTLED: Duration = Duration::from_secs(30);
/// Troubles that are told of each phase.
const TROUBLES: usize = 10;
/// The entries that a room's log keeps.
const KEPT: u64 = 1_000;
/// All but one phase have one room.
const ROOM: Room = Room(0);
