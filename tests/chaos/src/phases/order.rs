//! Promise 4: one order for everyone on every node.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use super::{KEPT, ROOM, Scale, begin, clients, judged};
use crate::{checker::Excuses, report::Figure, stage::Stage};

pub(super) async fn run(scale: Scale, out: &mut impl Write) -> io::Result<Vec<Figure>> {
    let messages = scale.ordered;
    writeln!(out, "promise 4: {SENDERS} senders on 3 nodes, {messages} messages, {OBSERVERS} observers")?;
    let stage = Stage::open(3).await?;
    let mut courses = clients(SENDERS + OBSERVERS, &stage.doors(), &[ROOM], None, 0);
    for sender in courses.iter_mut().take(usize::from(SENDERS)) {
        sender.pace = Some(Duration::ZERO);
        sender.quota = messages.div_ceil(u32::from(SENDERS));
    }
    let crowd = begin(courses, Vec::new()).await?;
    let began = Instant::now();
    let all = crowd.says(u64::from(messages), ENDURED).await;
    writeln!(out, "  said in {:.1} s", began.elapsed().as_secs_f64())?;
    let everyone = crowd.size() as u64;
    let (_, verdict, mut figures) =
        judged(4, (stage, crowd), Excuses { restarts: 0, kept: KEPT }, out).await?;
    let acknowledged = if all { verdict.acknowledged } else { 0 };
    figures.push(Figure::exactly(4, "acknowledged", u64::from(messages), acknowledged));
    let observers = verdict.observers.values().sum::<usize>() as u64;
    figures.push(Figure::exactly(4, "observers of the whole sequence", everyone, observers));
    let hashes = verdict.orders.values().flatten().count() as u64;
    figures.push(Figure::exactly(4, "hashes of the sequence", 1, hashes));
    for hash in verdict.orders.values().flatten() {
        writeln!(out, "  the sequence: {hash:016x}")?;
    }
    Ok(figures)
}

const SENDERS: u16 = 10;
const OBSERVERS: u16 = 30;
/// How long it may take at all.
const ENDURED: Duration = Duration::from_mins(4);
