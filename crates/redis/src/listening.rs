//! One listening connection, from its first word to its end.
//!
//! Redis is greeted first (one that is still loading its data refuses that), then asked for every room that is wanted,
//! and only when it has confirmed them all does the node call itself connected.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    keys,
    line::{Line, Word},
    links::{Failure, Leader},
    metrics,
    rooms::Batch,
    subscriber::{End, Subscriber},
};

/// How often Redis is asked whether it is there, and how long it may say nothing at all.
const PING: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(3);

/// Rooms that are asked for at once.
const BATCH: usize = 500;

/// A connection that has come about.
pub(crate) struct Listening<'a> {
    subscriber: &'a Subscriber,
    line: Line,
    leader: Leader,
    /// Questions for the leader, as many as there are before they fail.
    leading: FuturesUnordered<BoxFuture<'static, Result<Leader, Failure>>>,
    heard: Instant,
    is_first: bool,
    /// Redis has answered.
    is_greeted: bool,
    /// There may be something to ask for.
    is_wishing: bool,
    /// What is under way: one batch at a time, and the channels in it that Redis has not confirmed yet, in its order.
    asked: Option<Batch>,
    unconfirmed: VecDeque<String>,
}

impl<'a> Listening<'a> {
    /// `is_first`: there was no other before it.
    pub(crate) fn new(subscriber: &'a Subscriber, line: Line, leader: Leader, is_first: bool) -> Self {
        Self {
            subscriber,
            line,
            leader,
            leading: FuturesUnordered::new(),
            heard: Instant::now(),
            is_first,
            is_greeted: false,
            is_wishing: true,
            asked: None,
            unconfirmed: VecDeque::new(),
        }
    }

    /// Until it ends.
    pub(crate) async fn run(mut self) -> End {
        let mut ticks = interval(PING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.ask();
            tokio::select! {
                word = self.line.next() => {
                    self.heard = Instant::now();
                    if let Err(end) = word.map_err(End::from).and_then(|word| self.hear(word)) {
                        return end;
                    }
                }
                () = self.subscriber.rooms.wishes.notified() => self.is_wishing = true,
                _ = ticks.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        return End::Silent;
                    }
                    self.line.ask(&redis::cmd("PING"));
                    self.ask_for_the_leader();
                }
                Some(led) = self.leading.next() => if let Some(end) = self.outlived(led) { return end },
            }
        }
    }

    /// By another connection: this one may lead to a process that commands have left.
    fn ask_for_the_leader(&self) {
        let links = self.subscriber.links.clone();
        self.leading.push(Box::pin(async move { links.leader().await }));
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
        if !self.is_greeted || self.asked.is_some() || !std::mem::take(&mut self.is_wishing) {
            return;
        }
        let batch = self.subscriber.rooms.batch(BATCH);
        if batch.is_empty() {
            return self.subscriber.is_complete();
        }
        let channels = |room: &_| keys::channels(room, self.subscriber.partitions);
        let gone: Vec<String> = batch.unsubscribe.iter().flat_map(channels).collect();
        let wanted: Vec<String> = batch.subscribe.iter().flat_map(|(room, _)| channels(room)).collect();
        self.asked = Some(batch);
        self.request("UNSUBSCRIBE", gone);
        self.request("SUBSCRIBE", wanted);
    }

    fn request(&mut self, command: &str, channels: Vec<String>) {
        if !channels.is_empty() {
            self.line.ask(redis::cmd(command).arg(&channels));
            self.unconfirmed.extend(channels);
        }
    }

    fn hear(&mut self, word: Word) -> Result<(), End> {
        match word {
            Word::Message(message) => self.subscriber.enqueue(message),
            Word::Pong => self.is_greeted = true,
            Word::Subscribed(channel) | Word::Unsubscribed(channel) => {
                if self.unconfirmed.pop_front() != Some(channel) {
                    return Err(End::Confused);
                }
                self.settle();
            }
            Word::Refused(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The batch is done when all of it is confirmed.
    fn settle(&mut self) {
        let Some(batch) = self.asked.take_if(|_| self.unconfirmed.is_empty()) else { return };
        if !self.is_first && !self.subscriber.state.borrow().is_live {
            metrics::resubscribes(batch.subscribe.len() as u64);
        }
        self.subscriber.rooms.confirmed(&batch);
        if batch.subscribe.len() + batch.unsubscribe.len() < BATCH {
            self.subscriber.is_complete();
        }
        self.is_wishing = true;
    }
}
