//! One listening connection, from its first word to its end.
//!
//! Redis is greeted first (one that is still loading its data refuses that), then asked for every room that is wanted,
//! and only when it has confirmed them all does the node call itself connected.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use redis::RedisError;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    asking::Asking,
    keys::{self, Side},
    line::{Line, Word},
    links::{Failure, Leader},
    metrics,
    rooms::Tap,
    shards,
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
    asking: Option<Asking>,
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
            asking: None,
        }
    }

    /// Until it ends.
    pub(crate) async fn run(mut self) -> End {
        let mut ticks = interval(PING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wishes = self.subscriber.rooms.wishes.subscribe();
        loop {
            self.ask();
            tokio::select! {
                word = self.line.next() => {
                    self.heard = Instant::now();
                    if let Err(end) = word.map_err(End::from).and_then(|word| self.hear(word)) {
                        return end;
                    }
                }
                Ok(()) = wishes.changed() => self.is_wishing = true,
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

    /// Asks for what is wanted, one batch at a time.
    fn ask(&mut self) {
        while self.is_greeted && self.asking.is_none() && std::mem::take(&mut self.is_wishing) {
            let batch = self.subscriber.rooms.batch(self.subscriber.shard, BATCH);
            if batch.is_empty() && batch.is_last {
                return self.subscriber.is_complete();
            }
            let mut asking = Asking::new(batch.is_last);
            self.request("UNSUBSCRIBE", batch.unsubscribe, &mut asking);
            self.request("SUBSCRIBE", batch.subscribe, &mut asking);
            self.asking = Some(asking);
            self.settle();
        }
    }

    fn request(&mut self, command: &str, taps: Vec<Tap>, asking: &mut Asking) {
        let channel = |tap: &Tap| tap.side.channel(&tap.room, self.subscriber.partitions);
        let channels: Vec<_> = taps.iter().map(channel).collect();
        if self.subscriber.is_in_a_cluster() {
            // The channels of one command must be in one slot.
            let command = format!("S{command}");
            channels.iter().for_each(|channel| self.line.ask(redis::cmd(&command).arg(channel)));
        } else if !channels.is_empty() {
            self.line.ask(redis::cmd(command).arg(&channels));
        }
        asking.add(channels, taps);
    }

    fn hear(&mut self, word: Word) -> Result<(), End> {
        match word {
            Word::Message(message) => self.subscriber.enqueue(message),
            Word::Pong => self.is_greeted = true,
            Word::Subscribed(channel) => {
                if !self.asking.as_mut().is_some_and(|asking| asking.subscribed(&channel)) {
                    return Err(End::Confused);
                }
            }
            Word::Unsubscribed(channel) => {
                if !self.asking.as_mut().is_some_and(|asking| asking.unsubscribed(&channel)) {
                    self.lose(&channel)?;
                }
            }
            Word::Refused(error) => self.refused(error)?,
        }
        self.settle();
        Ok(())
    }

    /// A master that gives a slot away takes back what was subscribed there.
    fn lose(&mut self, channel: &str) -> Result<(), End> {
        let lost = keys::parse_channel(channel).filter(|_| self.subscriber.is_in_a_cluster());
        let (room, side) = lost.ok_or(End::Confused)?;
        if let Some(asking) = &mut self.asking {
            asking.lost(|tap| tap.room == room && tap.side == side);
        }
        self.subscriber.rooms.lost(self.subscriber.shard, &room, side);
        self.subscriber.doubt(None);
        Ok(())
    }

    fn refused(&mut self, error: RedisError) -> Result<(), End> {
        let asking = self.asking.as_mut().filter(|_| shards::misdirected(&error).is_some());
        let is_asked = asking.is_some_and(|asking| asking.refused(shards::place(&error)));
        if is_asked { Ok(()) } else { Err(error.into()) }
    }

    /// The batch is done when all of it is answered.
    fn settle(&mut self) {
        let Some(asking) = self.asking.take_if(|asking| asking.is_answered()) else { return };
        let Subscriber { rooms, shard, .. } = self.subscriber;
        if !self.is_first && !self.subscriber.is_live() {
            let again = asking.confirmed.iter().filter(|tap| tap.side == Side::Log);
            metrics::resubscribes(again.count() as u64);
        }
        rooms.confirmed(*shard, &asking.confirmed);
        rooms.refused(*shard, &asking.refused);
        if !asking.refused.is_empty() {
            self.subscriber.doubt(asking.better);
        }
        if asking.is_last {
            self.subscriber.is_complete();
        }
        self.is_wishing = true;
    }
}
