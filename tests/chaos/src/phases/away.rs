//! Promise 6: an acknowledgement is honest, whatever becomes of Redis, and delivery begins again soon.

use std::{
    io::{self, Write},
    sync::atomic::Ordering,
    time::Duration,
};

use tokio::time;

use super::{KEPT, ROOM, Scale, begin, clients, judged, times};
use crate::{checker::Excuses, crowd::Crowd, proxy::Way, report::Figure, stage::Stage};

pub(super) async fn run(scale: Scale, out: &mut impl Write) -> io::Result<Vec<Figure>> {
    let (cut, held) = scale.away;
    writeln!(
        out,
        "promise 6: Redis cut off for {cut:?}, held for {held:?}, stopped for {held:?}, {CLIENTS} clients that talk"
    )?;
    let stage = Stage::open(3).await?;
    let crowd = begin(clients(CLIENTS, &stage.doors(), &[ROOM], Some(PACE), u32::MAX), Vec::new()).await?;
    time::sleep(BEFORE).await;
    let mut returned = Vec::new();
    for (trouble, lasting) in [(Trouble::Cut, cut), (Trouble::Held, held), (Trouble::Stopped, held)] {
        returned.push((trouble, trouble.happens(&stage, &crowd, lasting).await));
    }
    let refused = crowd.board().refused.load(Ordering::Relaxed);
    let (logs, verdict, mut figures) =
        judged(6, (stage, crowd), Excuses { restarts: 0, kept: KEPT }, out).await?;
    writeln!(out, "  {refused} requests were refused for now")?;
    for (trouble, at) in returned {
        let again = times::told_again(&logs, at);
        figures.push(Figure::within(6, trouble.figure(), trouble.bound() * scale.slack, again));
    }
    figures.push(Figure::at_least(6, "acknowledged", 1, verdict.acknowledged));
    figures.push(Figure::at_least(6, "refused honestly", 1, refused));
    Ok(figures)
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    Cut,
    Held,
    Stopped,
}

impl Trouble {
    /// Gives when it was over, by the clock of the logs.
    async fn happens(self, stage: &Stage, crowd: &Crowd, lasting: Duration) -> Duration {
        match self {
            Self::Cut => stage.backs(Way::Refused),
            Self::Held => stage.backs(Way::Held),
            Self::Stopped => stage.redis().pause(),
        }
        time::sleep(lasting).await;
        let returned = crowd.board().started.elapsed();
        match self {
            Self::Cut | Self::Held => stage.backs(Way::Open),
            Self::Stopped => stage.redis().resume(),
        }
        time::sleep(AFTER).await;
        returned
    }

    fn figure(self) -> &'static str {
        match self {
            Self::Cut => "delivering again to everyone after a cut",
            Self::Held => "delivering again to everyone after a black hole",
            Self::Stopped => "delivering again to everyone after a stop",
        }
    }

    fn bound(self) -> Duration {
        match self {
            Self::Cut => Duration::from_secs(2),
            Self::Held | Self::Stopped => Duration::from_secs(7),
        }
    }
}

const CLIENTS: u16 = 30;
const PACE: Duration = Duration::from_millis(300);
/// How long all is well before the first trouble, and after each.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(5);
