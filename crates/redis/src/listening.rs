//! One listening connection, from its first word to its end.
//!
//! Redis is greeted first (one that is still loading its data refuses that), then asked for every room that is wanted,
//! and only when it has confirmed them all does the node call itself connected.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use redis::{
    RedisResult, Value,
    aio::{PubSubSink, PubSubStream},
};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    keys::{self, Partitions},
    links::{Failure, Leader, Links},
    metrics,
    rooms::Batch,
    subscriber::{End, Subscriber},
};

/// How often Redis is asked whether it is there, and how long it may say nothing at all.
const PING: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(3);

/// Rooms that are asked for at once.
const BATCH: usize = 500;

/// What Redis answers to.
enum Answer {
    Confirmed(Batch),
    Pong,
    /// By another connection.
    Led(Result<Leader, Failure>),
}

/// A connection that has come about.
pub(crate) struct Listening<'a> {
    subscriber: &'a Subscriber,
    sink: PubSubSink,
    leader: Leader,
    /// What Redis has been asked and has not answered. One batch at a time, and as many pings as there are before silence; as many questions for the leader as there are before they fail.
    answers: FuturesUnordered<BoxFuture<'static, RedisResult<Answer>>>,
    heard: Instant,
    is_first: bool,
    /// There may be something to ask for.
    is_wishing: bool,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Redis has not answered yet.
    Greeting,
    /// A batch is under way.
    Asking,
    /// All that was asked for is confirmed.
    Settled,
}

impl<'a> Listening<'a> {
    /// `is_first`: there was no other before it.
    pub(crate) fn new(subscriber: &'a Subscriber, sink: PubSubSink, leader: Leader, is_first: bool) -> Self {
        Self {
            subscriber,
            sink,
            leader,
            answers: FuturesUnordered::new(),
            heard: Instant::now(),
            is_first,
            is_wishing: true,
            phase: Phase::Greeting,
        }
    }

    /// Until it ends.
    pub(crate) async fn run(mut self, mut stream: PubSubStream) -> End {
        let mut ticks = interval(PING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.ask();
            tokio::select! {
                message = stream.next() => {
                    let Some(message) = message else { return End::Closed };
                    self.heard = Instant::now();
                    self.subscriber.enqueue(message);
                }
                Some(answer) = self.answers.next() => match answer {
                    Ok(Answer::Led(led)) => if let Some(end) = self.outlived(led) { return end },
                    Ok(answer) => self.answered(answer),
                    Err(error) => return error.into(),
                },
                () = self.subscriber.rooms.wishes.notified() => self.is_wishing = true,
                _ = ticks.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        return End::Silent;
                    }
                    self.answers.push(Box::pin(ping(self.sink.clone())));
                    self.answers.push(Box::pin(lead(self.subscriber.links.clone())));
                }
            }
        }
    }

    /// Commands go to another process now, or this one is no master any more: what is said will not be heard here. That
    /// no answer came says nothing; it may be the other connection's trouble.
    fn outlived(&self, led: Result<Leader, Failure>) -> Option<End> {
        match led {
            Ok(leader) => (leader.run != self.leader.run).then_some(End::Replaced),
            Err(failure @ Failure::Deposed) => Some(failure.into()),
            Err(_) => None,
        }
    }

    /// Asks for what is wanted. A batch that is not full has everything that was wanted when it was made.
    fn ask(&mut self) {
        if self.phase != Phase::Settled || !std::mem::take(&mut self.is_wishing) {
            return;
        }
        let batch = self.subscriber.rooms.batch(BATCH);
        if batch.is_empty() {
            return self.subscriber.is_complete();
        }
        self.phase = Phase::Asking;
        self.answers.push(Box::pin(subscribe(self.sink.clone(), self.subscriber.partitions, batch)));
    }

    fn answered(&mut self, answer: Answer) {
        self.heard = Instant::now();
        let Answer::Confirmed(batch) = answer else {
            if self.phase == Phase::Greeting {
                self.phase = Phase::Settled;
            }
            return;
        };
        if !self.is_first && !self.subscriber.state.borrow().is_live {
            metrics::resubscribes(batch.subscribe.len() as u64);
        }
        self.subscriber.rooms.confirmed(&batch);
        if batch.subscribe.len() + batch.unsubscribe.len() < BATCH {
            self.subscriber.is_complete();
        }
        (self.is_wishing, self.phase) = (true, Phase::Settled);
    }
}

async fn subscribe(mut sink: PubSubSink, partitions: Partitions, batch: Batch) -> RedisResult<Answer> {
    let channels = |room: &_| keys::channels(room, partitions);
    let gone: Vec<String> = batch.unsubscribe.iter().flat_map(channels).collect();
    if !gone.is_empty() {
        sink.unsubscribe(gone).await?;
    }
    let wanted: Vec<String> = batch.subscribe.iter().flat_map(|(room, _)| channels(room)).collect();
    if !wanted.is_empty() {
        sink.subscribe(wanted).await?;
    }
    Ok(Answer::Confirmed(batch))
}

async fn lead(links: Arc<Links>) -> RedisResult<Answer> {
    Ok(Answer::Led(links.leader().await))
}

async fn ping(mut sink: PubSubSink) -> RedisResult<Answer> {
    let _pong: Value = sink.ping().await?;
    Ok(Answer::Pong)
}
