//! Those who stay while others come and go: what they are told of people, and how late they hear what is said.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};

use crate::{
    guests::{Guest, GuestVoice, Scene},
    report::latency::Latencies,
    words::{
        dialect::{Dialect, GREETING},
        stamp::{Finder, Kind, Stamp},
    },
};

/// What all observers have seen since [`Sights::forget`].
#[derive(Debug, Default)]
pub(crate) struct Sights {
    /// Packets about people: differences in v1, lists in 002.
    pub(crate) people: u64,
    /// People whose coming or going was told (v1).
    pub(crate) joined: u64,
    pub(crate) left: u64,
    pub(crate) bytes: u64,
    /// When people were told of last.
    pub(crate) told: Option<Instant>,
    /// How many were there, by the last that each observer was told (v1): nodes tell it at their own pace.
    counts: BTreeMap<u32, u64>,
    /// From saying to hearing.
    pub(crate) latencies: Latencies,
    /// Connections that ended.
    pub(crate) lost: Vec<String>,
}

impl Sights {
    /// Begins anew; how many are there stays known.
    pub(crate) fn forget(&mut self) {
        *self = Self { counts: std::mem::take(&mut self.counts), ..Self::default() };
    }

    fn see(&mut self, observer: u32, packet: &[u8], dialect: Dialect) {
        self.people += 1;
        self.bytes += packet.len() as u64;
        self.told = Some(Instant::now());
        if dialect == Dialect::V1 {
            self.see_difference(observer, packet);
        }
    }

    /// Whether every observer has been told that so many are there.
    fn all_count(&self, people: u64, observers: usize) -> bool {
        self.counts.len() == observers && self.counts.values().all(|count| *count == people)
    }

    /// `42/v1,["presence",{"count":..,"join":[..],"leave":[..],"room":..}]`
    fn see_difference(&mut self, observer: u32, packet: &[u8]) {
        let event: Value = serde_json::from_slice(&packet["42/v1,".len()..]).unwrap_or_default();
        let people = |what: &str| event[1][what].as_array().map_or(0, |people| people.len() as u64);
        self.joined += people("join");
        self.left += people("leave");
        if let Some(count) = event[1]["count"].as_u64() {
            self.counts.insert(observer, count);
        }
    }
}

/// A few on every node. The first one speaks.
#[derive(Debug)]
pub(crate) struct Observers {
    pub(crate) sights: Rc<RefCell<Sights>>,
    /// How many they are.
    number: usize,
    tasks: JoinSet<()>,
}

impl Observers {
    /// Lets them in: their numbers come after all clients'.
    pub(crate) async fn gather(
        scene: &Rc<Scene>,
        first: u32,
        observers: u32,
        rate: f64,
    ) -> anyhow::Result<Self> {
        let (sights, mut tasks) = (Rc::default(), JoinSet::new());
        for number in first..first + observers {
            let (observer, guest) = Observer::enter(scene, number, Rc::clone(&sights)).await?;
            if number == first {
                tasks.spawn_local(speak(Rc::clone(scene), guest.voice(), number, rate));
            }
            tasks.spawn_local(observer.stay(Rc::clone(scene), guest));
        }
        Ok(Self { sights, number: observers as usize, tasks })
    }

    /// Waits until each has been told that so many are there, themselves among them.
    pub(crate) async fn see(&self, people: u64, patience: Duration) -> anyhow::Result<()> {
        let seen = async {
            while !self.sights.borrow().all_count(people, self.number) {
                sleep(GLANCE).await;
            }
        };
        let Err(_) = timeout(patience, seen).await else { return Ok(()) };
        bail!("{people} people are there, but observers were told of {:?}", self.sights.borrow().counts)
    }

    /// They hear and say nothing more.
    pub(crate) async fn go(&mut self) {
        self.tasks.shutdown().await;
    }
}

struct Observer {
    number: u32,
    dialect: Dialect,
    finder: Finder,
    is_in: bool,
    refused: Option<String>,
    sights: Rc<RefCell<Sights>>,
}

impl Observer {
    async fn enter(
        scene: &Rc<Scene>,
        number: u32,
        sights: Rc<RefCell<Sights>>,
    ) -> anyhow::Result<(Self, Guest)> {
        let (script, node) = (&scene.plan.script, scene.plan.node_of(number));
        let mut guest = Guest::open(scene, node, script.connect(number)).await?;
        let mut observer = Self {
            number,
            dialect: script.dialect,
            finder: Finder::new(script.run),
            is_in: false,
            refused: None,
            sights,
        };
        let namespace = format!("40{}", script.dialect.namespace());
        let mut is_connected = false;
        while !is_connected {
            let hear = |packet: &[u8]| is_connected |= packet.starts_with(namespace.as_bytes());
            timeout(LONGEST, guest.turn(scene, hear)).await.context("an observer is not let in")??;
        }
        let greeting = script.greeting(number);
        greeting.iter().for_each(|greeting| guest.says(&greeting.packet));
        observer.is_in = greeting.is_none_or(|greeting| !greeting.wants_answer);
        while !observer.is_in {
            let turn = guest.turn(scene, |packet| observer.hear(packet, scene));
            timeout(LONGEST, turn).await.context("an observer is not in its room")??;
            ensure!(observer.refused.is_none(), "an observer may not join: {:?}", observer.refused);
        }
        Ok((observer, guest))
    }

    fn hear(&mut self, packet: &[u8], scene: &Scene) {
        if packet.starts_with(self.dialect.spoken()) {
            if let Some(stamp) = self.finder.find(packet) {
                let late = scene.plan.now().saturating_sub(stamp.said_at);
                self.sights.borrow_mut().latencies.record_nanos(late);
            }
        } else if self.dialect.people().is_some_and(|people| packet.starts_with(people)) {
            self.sights.borrow_mut().see(self.number, packet, self.dialect);
        } else if let Some(answer) = packet.strip_prefix(ANSWER.as_bytes()) {
            let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
            self.is_in = answer[0]["ok"] == true;
            self.refused = (!self.is_in).then(|| answer.to_string());
        }
    }

    async fn stay(mut self, scene: Rc<Scene>, mut guest: Guest) {
        let ended = guest.listen(&scene, |packet| self.hear(packet, &scene)).await;
        self.sights.borrow_mut().lost.push(ended.to_string());
    }
}

/// So often, whatever comes of it.
async fn speak(scene: Rc<Scene>, voice: GuestVoice, speaker: u32, rate: f64) {
    let (plan, mut ticks) = (&scene.plan, interval(Duration::from_secs_f64(1.0 / rate)));
    for sequence in 0.. {
        ticks.tick().await;
        let stamp = Stamp { kind: Kind::Message, sender: speaker, sequence, said_at: plan.now() };
        voice.says(&plan.script.say(&stamp.text(plan.script.run, BYTES), sequence + GREETING + 1));
    }
}

/// The answer to the greeting, in the only vocabulary that has one.
const ANSWER: &str = "43/v1,0";
const BYTES: usize = 64;
const GLANCE: Duration = Duration::from_millis(20);
/// What takes longer is broken, not slow.
const LONGEST: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_counted_by_what_was_told() {
        let mut sights = Sights::default();
        let told =
            br#"42/v1,["presence",{"count":7,"join":[{"user":"a"},{"user":"b"}],"leave":["c"],"room":"r"}]"#;
        sights.see(3, told, Dialect::V1);
        assert_eq!((sights.people, sights.joined, sights.left), (1, 2, 1));
        assert!(sights.all_count(7, 1) && !sights.all_count(7, 2) && !sights.all_count(6, 1));
        sights.forget();
        assert!(sights.people == 0 && sights.joined == 0 && sights.all_count(7, 1));
    }
}
