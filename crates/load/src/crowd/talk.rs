//! When a sender talks.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};

use crate::{
    crowd::{board::Phase, client::Client, shard::Shard, voice::Voice},
    plan::Pace,
};

type Speaker = Rc<RefCell<Client>>;

/// Until there is no more to say, or nobody to say it to.
pub(crate) async fn talk(shard: Rc<Shard>, number: u32, speaker: Speaker) {
    probe(&shard, number, &speaker).await;
    match shard.plan.crowd.pace {
        Pace::Silent => {}
        Pace::Closed { .. } => keep_the_loop_closed(&shard, &speaker).await,
        Pace::Open { rate } => keep_the_rate(&shard, number, &speaker, rate).await,
    }
}

/// The first sender of each room probes; all wait until the talking begins.
async fn probe(shard: &Shard, number: u32, speaker: &Speaker) {
    let mut phases = shard.board.phases();
    while *phases.borrow_and_update() < Phase::Talking {
        if shard.plan.crowd.place_of(number) == 0 && *phases.borrow() == Phase::Probing {
            speaker.borrow_mut().say_probe();
        }
        let _ = timeout(BETWEEN_PROBES, phases.changed()).await;
    }
}

/// Says the first; the rest follows from what is heard. Only when nothing is heard any more, this says on.
async fn keep_the_loop_closed(shard: &Shard, speaker: &Speaker) {
    let (mut settled_before, mut changed) = (None, Instant::now());
    while shard.board.is_talking() {
        let settled = speaker.borrow().voice.as_ref().map(Voice::settled);
        if settled != settled_before {
            (settled_before, changed) = (settled, Instant::now());
        } else if changed.elapsed() > PATIENCE {
            speaker.borrow_mut().give_up_waiting();
        }
        speaker.borrow_mut().say_what_may_be_said();
        speaker.borrow().flush();
        sleep(GLANCE).await;
    }
}

/// The senders of all rooms take turns: number `n` of `s` says the messages `n`, `n + s`, `n + 2s` and so on of the whole.
/// Whoever is late says all that is due at once: the rate is kept whatever the server, or this thread, is busy with.
async fn keep_the_rate(shard: &Shard, number: u32, speaker: &Speaker, rate: f64) {
    let began = Instant::now();
    let crowd = &shard.plan.crowd;
    let (mut turn, talkers) = (f64::from(crowd.turn_of(number)), f64::from(crowd.talkers()));
    let mut burst = 0_u64;
    while shard.board.is_talking() {
        let due = Duration::from_secs_f64(turn / rate);
        let elapsed = began.elapsed();
        if elapsed < due {
            speaker.borrow().flush();
            sleep(due.saturating_sub(elapsed).min(GLANCE)).await;
            continue;
        }
        // Who was cut off lets its turns go by.
        if speaker.borrow().may_talk() {
            shard.board.note_delay(elapsed.saturating_sub(due));
            speaker.borrow_mut().say_one();
        }
        turn += talkers;
        burst += 1;
        if burst.is_multiple_of(BURST) {
            speaker.borrow().flush();
            yield_now().await;
        }
    }
    speaker.borrow().flush();
}

const GLANCE: Duration = Duration::from_millis(250);
/// Messages at once, at most; then others have their turn.
const BURST: u64 = 256;
const BETWEEN_PROBES: Duration = Duration::from_millis(250);

/// A closed loop in which nothing came back for so long has lost what was under way.
const PATIENCE: Duration = Duration::from_secs(5);
