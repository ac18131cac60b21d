//! Pairs of polling sessions: one says something now and then, the other hears it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use anyhow::{Context, bail};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    report::latency::Latencies,
    wire::session::Session,
    words::stamp::{Finder, Kind},
    workloads::handover::stage::{LONGEST, Stage, WARM_UP, Way},
};

/// From a post to its 200, and to the poll of another session that brings its message.
type Measured = (Latencies, Latencies);

#[derive(Debug)]
struct Pair {
    number: u32,
    speaker: Rc<Session>,
    listener: Rc<Session>,
    posts: RefCell<Latencies>,
    deliveries: RefCell<Latencies>,
    heard: Cell<u32>,
}

impl Stage {
    /// All requests of the pairs go this way.
    pub(crate) async fn pairs(self: &Rc<Self>, way: Way) -> anyhow::Result<Measured> {
        let mut pairs = Vec::new();
        for number in 0..self.pairs {
            pairs.push(Rc::new(Pair::enter(self, number, way).await?));
        }
        let mut polls = JoinSet::new();
        for pair in &pairs {
            polls.spawn_local(Rc::clone(pair).poll(Rc::clone(self), Rc::clone(&pair.speaker)));
            polls.spawn_local(Rc::clone(pair).poll(Rc::clone(self), Rc::clone(&pair.listener)));
        }
        tokio::select! {
            talked = self.talk(&pairs) => talked?,
            Some(ended) = polls.join_next() => ended??,
        }
        polls.shutdown().await;
        for pair in &pairs {
            pair.leave().await?;
        }
        Ok(sum(&pairs))
    }

    async fn talk(self: &Rc<Self>, pairs: &[Rc<Pair>]) -> anyhow::Result<()> {
        let mut talks = JoinSet::new();
        for pair in pairs {
            talks.spawn_local(Rc::clone(pair).talk(Rc::clone(self)));
        }
        while let Some(talked) = talks.join_next().await {
            talked??;
        }
        Ok(())
    }
}

impl Pair {
    async fn enter(stage: &Stage, number: u32, way: Way) -> anyhow::Result<Self> {
        Ok(Self {
            number,
            speaker: Rc::new(stage.enter(way).await?),
            listener: Rc::new(stage.enter(way).await?),
            posts: RefCell::default(),
            deliveries: RefCell::default(),
            heard: Cell::new(0),
        })
    }

    async fn talk(self: Rc<Self>, stage: Rc<Stage>) -> anyhow::Result<()> {
        for probe in 0..WARM_UP {
            self.speaker.post(&[stage.say(Kind::Probe, self.number, probe)]).await?;
        }
        let began = Instant::now() + stage.turns(self.number, 1);
        let messages = stage.messages.div_ceil(stage.pairs);
        for sequence in 0..messages {
            sleep_until(began + stage.turns(sequence, stage.pairs)).await;
            let said = Instant::now();
            let packets = [stage.say(Kind::Message, self.number, sequence)];
            timeout(LONGEST, self.speaker.post(&packets)).await.context("a post is not answered")??;
            self.posts.borrow_mut().record(said.elapsed());
        }
        timeout(LONGEST, self.hear_all(messages)).await.context("a message was not heard")
    }

    async fn hear_all(&self, messages: u32) {
        while self.heard.get() < messages {
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Both sides poll; what is said comes to both, and counts at the listener.
    async fn poll(self: Rc<Self>, stage: Rc<Stage>, session: Rc<Session>) -> anyhow::Result<()> {
        let mut finder = Finder::new(stage.script.run);
        loop {
            let body = session.poll().await?;
            let now = stage.now();
            for packet in session.eio().decode(&body)? {
                match packet {
                    b"2" => session.post(&["3".to_owned()]).await?,
                    b"1" | [b'4', b'1' | b'4', ..] => bail!("the server has closed a session"),
                    _ if Rc::ptr_eq(&session, &self.listener) => self.hear(&mut finder, packet, now),
                    _ => {}
                }
            }
        }
    }

    fn hear(&self, finder: &mut Finder, packet: &[u8], now: u64) {
        let stamp = finder.find(packet).filter(|stamp| stamp.kind == Kind::Message);
        if let Some(stamp) = stamp.filter(|stamp| stamp.sender == self.number) {
            self.deliveries.borrow_mut().record_nanos(now.saturating_sub(stamp.said_at));
            self.heard.set(self.heard.get() + 1);
        }
    }

    async fn leave(&self) -> anyhow::Result<()> {
        self.speaker.post(&["1".to_owned()]).await?;
        self.listener.post(&["1".to_owned()]).await
    }
}

fn sum(pairs: &[Rc<Pair>]) -> Measured {
    let (mut posts, mut deliveries) = Measured::default();
    for pair in pairs {
        posts.add(&pair.posts.borrow());
        deliveries.add(&pair.deliveries.borrow());
    }
    (posts, deliveries)
}

const GLANCE: std::time::Duration = std::time::Duration::from_millis(5);
