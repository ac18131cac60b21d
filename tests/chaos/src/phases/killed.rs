//! Promise 3: nothing is lost when nodes are killed, and everyone is back soon.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use tokio::time;

use super::{KEPT, ROOM, Scale, begin, clients, judged, times};
use crate::{checker::Excuses, crowd::Crowd, report::Figure, stage::Stage};

pub(super) async fn run(scale: Scale, out: &mut impl Write) -> io::Result<Vec<Figure>> {
    let (lasting, count, messages) = scale.killing;
    writeln!(
        out,
        "promise 3: kill -9 every {EVERY:?} for {lasting:?}, {count} clients, {messages} messages"
    )?;
    let mut stage = Stage::open(3).await?;
    let quota = messages.div_ceil(u32::from(count));
    let pace = lasting * 9 / 10 / quota;
    let crowd = begin(clients(count, &stage.doors(), &[ROOM], Some(pace), quota), Vec::new()).await?;
    let kills = kill_in_turn(&mut stage, lasting).await;
    said(&crowd, u64::from(messages), lasting).await?;
    let (logs, verdict, mut figures) =
        judged(3, (stage, crowd), Excuses { restarts: 0, kept: KEPT }, out).await?;
    let resumptions: Vec<_> = logs.iter().flat_map(times::resumptions).collect();
    writeln!(out, "  {kills} kills, {} connections resumed", resumptions.len())?;
    figures.push(Figure::at_least(3, "acknowledged", u64::from(messages), verdict.acknowledged));
    figures.push(Figure::exactly(
        3,
        "rooms not recovered, gaps announced",
        0,
        verdict.unrecovered + verdict.gaps,
    ));
    let p99 = times::percentile(resumptions, 99);
    figures.push(Figure::within(3, "resumed and whole after a loss, p99", BOUND * scale.slack, p99));
    Ok(figures)
}

/// One node after the other; each is back before the next one goes.
async fn kill_in_turn(stage: &mut Stage, lasting: Duration) -> usize {
    let began = Instant::now();
    let mut kills = 0;
    while began.elapsed() < lasting {
        let node = kills % stage.nodes();
        stage.kill(node);
        time::sleep(DOWN).await;
        stage.start_again(node);
        kills += 1;
        time::sleep(EVERY.saturating_sub(DOWN)).await;
    }
    kills
}

async fn said(crowd: &Crowd, messages: u64, within: Duration) -> io::Result<()> {
    if crowd.says(messages, within).await {
        return Ok(());
    }
    Err(io::Error::other(format!("not all was said: {:?}", crowd.board().behind())))
}

const EVERY: Duration = Duration::from_secs(5);
const DOWN: Duration = Duration::from_secs(2);
const BOUND: Duration = Duration::from_secs(2);
