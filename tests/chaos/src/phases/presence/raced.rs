//! Many claim one name at once: one has it, as long as they are there.

use std::{
    io::{self, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use tokio::time;

use super::{Scale, doors};
use crate::{
    line::{Line, Transport},
    presence::{
        admission::{Admission, Hello, ask},
        sight::User,
    },
    report::Figure,
    stage::Stage,
};

pub(super) async fn run(stage: &Stage, scale: Scale, out: &mut impl Write) -> io::Result<Vec<Figure>> {
    let doors = doors(stage, 0..3);
    let claims = scale.claims;
    let mut race = Race::of(open(claims, &doors).await?).await?;
    let mut figures = vec![
        Figure::exactly(5, &format!("{claims} claims of one name: ready"), 1, race.ready.len() as u64),
        Figure::exactly(5, "and refused as taken", u64::from(claims) - 1, race.taken),
    ];
    writeln!(out, "  {claims} claims in {:.2?}", race.lasted)?;
    let Some(winner) = race.ready.pop() else { return Ok(figures) };
    drop(race);

    let (free, holder) = freed(winner, &doors).await?;
    figures.push(Figure::within(5, "a name is free again after a DISCONNECT", FREE * scale.slack, free));
    let Some(Holder { user, session, line }) = holder else { return Ok(figures) };
    drop(line);
    let mut refused = refusals(&doors).await?;
    let mut line = Line::open(doors[2], Transport::WebSocket).await?;
    let again = ask(&mut line, Hello::Back(&session, None)).await?;
    let is_theirs = matches!(&again, Admission::Ready { user: same, .. } if *same == user);
    refused += refusals(&doors).await?;
    figures.push(Figure::exactly(5, "its session has it again after a lost transport", 1, is_theirs.into()));
    figures.push(Figure::exactly(
        5,
        "and others are refused before and after",
        2 * u64::from(OTHERS),
        refused,
    ));
    Ok(figures)
}

/// Who has the name.
struct Holder {
    user: User,
    session: String,
    line: Line,
}

/// What came of it.
struct Race {
    ready: Vec<Holder>,
    taken: u64,
    lasted: Duration,
}

impl Race {
    async fn of(mut lines: Vec<Line>) -> io::Result<Self> {
        let began = Instant::now();
        let admissions = try_join_all(lines.iter_mut().map(|line| ask(line, Hello::New(NAME)))).await?;
        let mut race = Self { ready: Vec::new(), taken: 0, lasted: began.elapsed() };
        for (line, admission) in lines.into_iter().zip(admissions) {
            match admission {
                Admission::Ready { user, session, .. } => race.ready.push(Holder { user, session, line }),
                Admission::Refused(why) => race.taken += u64::from(why == TAKEN),
            }
        }
        Ok(race)
    }
}

/// They have said nothing yet.
async fn open(count: u16, doors: &[SocketAddr]) -> io::Result<Vec<Line>> {
    let one = |number: u16| Line::open(doors[usize::from(number) % doors.len()], Transport::WebSocket);
    stream::iter((0..count).map(one)).buffer_unordered(AT_ONCE).try_collect().await
}

/// The holder disconnects, and others try until one of them has the name. How long that takes, and who it is.
async fn freed(mut holder: Holder, doors: &[SocketAddr]) -> io::Result<(Option<Duration>, Option<Holder>)> {
    let began = Instant::now();
    holder.line.send("41/v1,".into()).await?;
    while began.elapsed() < ENDURED {
        let mut race = Race::of(open(3, doors).await?).await?;
        if let Some(next) = race.ready.pop() {
            return Ok((Some(began.elapsed()), Some(next)));
        }
        time::sleep(Duration::from_millis(10)).await;
    }
    Ok((None, None))
}

/// How many of some claims are refused as taken.
async fn refusals(doors: &[SocketAddr]) -> io::Result<u64> {
    let mut refused = 0;
    for door in doors.iter().cycle().take(usize::from(OTHERS)) {
        refused += Race::of(vec![Line::open(*door, Transport::WebSocket).await?]).await?.taken;
    }
    Ok(refused)
}

const NAME: &str = "Ann";
const TAKEN: &str = "name_taken";
/// Connections that are opened at a time.
const AT_ONCE: usize = 64;
/// Claims while it is taken, one after the other.
const OTHERS: u16 = 30;
const FREE: Duration = Duration::from_secs(1);
const ENDURED: Duration = Duration::from_secs(15);
