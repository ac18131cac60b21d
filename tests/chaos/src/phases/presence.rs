//! Promise 5: presence is the truth, whatever becomes of nodes, connections and Redis. And of promise 8: nobody is seen to
//! leave when a node is drained.

mod coming;
mod drained;
mod forgotten;
mod killed;
mod lost;
mod outage;
mod paused;
mod raced;

use std::{
    io::{self, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::{task::JoinSet, time};

use crate::{
    files,
    log::Room,
    presence::{
        judge::Verdict,
        person::{Pass, Person},
        scene::Scene,
        sight::User,
        truth::Truth,
    },
    report::Figure,
    stage::Stage,
};

/// How many of everything.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Nodes, of which one is killed and the others bury it.
    pub nodes: u8,
    /// Claims of one name at once.
    pub claims: u16,
    /// People on the node that is killed.
    pub people: u16,
    /// Of these, those who come straight back elsewhere.
    pub back: u16,
    /// People in each of the smaller groups to which something happens.
    pub group: u16,
    /// How long a lost transport's leave is held back.
    pub grace: Duration,
    /// People on the node that is drained; 0: none is, and nothing stands still or is cut off either.
    pub drained: u16,
    /// Bounds of time are this much wider.
    pub slack: u32,
}

impl Scale {
    /// As promised.
    pub const LONG: Self = Self {
        nodes: 9,
        claims: 1_000,
        people: 2_000,
        back: 500,
        group: 100,
        grace: Duration::from_secs(10),
        drained: 500,
        slack: 1,
    };
    /// The most telling of it.
    pub const SHORT: Self = Self {
        nodes: 4,
        claims: 90,
        people: 200,
        back: 50,
        group: 20,
        grace: Duration::from_secs(4),
        drained: 0,
        slack: 5,
    };
}

pub(super) async fn run(scale: Scale, out: &mut impl Write) -> io::Result<Vec<Figure>> {
    let Scale { nodes, people, .. } = scale;
    writeln!(out, "promise 5: {people} people on one of {nodes} nodes, and all that becomes of them")?;
    let began = Instant::now();
    files::allow(u64::from(people) + u64::from(scale.claims) + FILES)?;
    let mut stage = open(scale).await?;
    let mut figures = raced::run(&stage, scale, out).await?;
    figures.extend(coming::run(&stage, out).await?.judged(out).await?);
    figures.extend(crowded(&mut stage, scale, out).await?);
    figures.extend(lost::run(&mut stage, scale, out).await?.judged(out).await?);
    if scale.drained > 0 {
        let paused = paused::run(&stage, scale, out).await?;
        let drained = drained::run(&mut stage, scale, out).await?;
        figures.extend(paused.judged(out).await?);
        figures.extend(drained.judged(out).await?);
        figures.extend(outage::run(&stage, scale, out).await?.judged(out).await?);
    }
    let fallen = stage.fallen();
    fallen.iter().try_for_each(|log| writeln!(out, "  ! {log}"))?;
    figures.push(Figure::exactly(5, "nodes that ended by themselves", 0, fallen.len() as u64));
    writeln!(out, "  in {:.1} s", began.elapsed().as_secs_f64())?;
    Ok(figures)
}

/// Its heartbeats are as they come, and leave people alone whose node stands still for a while.
async fn open(scale: Scale) -> io::Result<Stage> {
    let grace = format!("{}s", scale.grace.as_secs());
    let settings = [
        ("HUBBUB__PRESENCE__GRACE", grace.as_str()),
        ("HUBBUB__DRAIN__DELAY", "1s"),
        ("HUBBUB__DRAIN__WINDOW", "3s"),
    ];
    Stage::with(scale.nodes, &settings).await
}

/// Many people in one room: Redis forgets them, and then the node that has most of them is killed.
async fn crowded(stage: &mut Stage, scale: Scale, out: &mut impl Write) -> io::Result<Vec<Figure>> {
    let began = Instant::now();
    let scene = Scene::open(CROWDED, &doors(stage, 0..stage.nodes())).await?;
    let mut crowd = scene.gather("crowd", scale.people, &[stage.direct(KILLED)]).await?;
    let others = scene.gather("other", scale.group, &doors(stage, [1, 2])).await?;
    scene.is_seen(crowd.iter().chain(&others)).await?;
    writeln!(out, "  {} people came in {:.1} s", crowd.len() + others.len(), began.elapsed().as_secs_f64())?;
    crowd.extend(others);
    let mut figures = forgotten::run(stage, &scene, &crowd, scale, out).await?;
    let others = crowd.split_off(usize::from(scale.people));
    let act = killed::run(stage, scene, (crowd, others), scale, out).await?;
    figures.extend(act.judged(out).await?);
    Ok(figures)
}

/// Something that has happened to people, and is judged when no more can come of it.
#[derive(Debug)]
struct Act {
    promise: u8,
    /// What it is called in the report.
    about: &'static str,
    scene: Scene,
    truth: Truth,
    /// Those who are here.
    people: Vec<Person>,
    /// Nothing comes of it after this.
    until: Duration,
    figures: Vec<Figure>,
}

impl Act {
    async fn judged(mut self, out: &mut impl Write) -> io::Result<Vec<Figure>> {
        time::sleep(self.until.saturating_sub(self.scene.now())).await;
        let verdict = self.scene.judged(&self.truth, out).await?;
        self.figures.extend(told(self.promise, self.about, &verdict));
        drop(self.people);
        Ok(self.figures)
    }
}

/// What must be so whatever has happened.
fn told(promise: u8, about: &str, verdict: &Verdict) -> [Figure; 2] {
    let figure = |what: &str, count| Figure::exactly(promise, &format!("{about}: {what}"), 0, count);
    [
        figure("told wrongly or not at all", verdict.mistold()),
        figure("wrong in counts and lists", verdict.mislisted()),
    ]
}

/// Where people come in without a proxy: what ends is ended by them, or by the node.
fn doors(stage: &Stage, nodes: impl IntoIterator<Item = usize>) -> Vec<SocketAddr> {
    nodes.into_iter().map(|node| stage.direct(node)).collect()
}

async fn vanish(people: Vec<Person>) -> io::Result<Vec<Pass>> {
    try_join_all(people.into_iter().map(Person::vanishes)).await
}

/// They come back all at once, each by the next door.
async fn return_by(doors: &[SocketAddr], passes: Vec<Pass>) -> io::Result<Vec<Person>> {
    let doors = doors.iter().cycle();
    try_join_all(passes.into_iter().zip(doors).map(|(pass, door)| pass.returns(*door))).await
}

/// They will come back as soon as their node is gone, each by the next door.
fn will_move(people: Vec<Person>, doors: &[SocketAddr]) -> JoinSet<io::Result<Person>> {
    people.into_iter().zip(doors.iter().cycle()).map(|(person, door)| person.moves(*door)).collect()
}

async fn moved(moving: JoinSet<io::Result<Person>>) -> io::Result<Vec<Person>> {
    moving.join_all().await.into_iter().collect()
}

fn users(people: &[Person]) -> impl Iterator<Item = &User> {
    people.iter().map(Person::user)
}

/// Files that are open beside people's connections.
const FILES: u64 = 2_000;
/// What happens to which node.
const KILLED: usize = 0;
const PAUSED: usize = 1;
const HOLDING: usize = 2;
const DRAINED: usize = 3;
const CUT_OFF: usize = 4;
/// This one and those after it are left alone.
const UNHARMED: usize = 5;
/// Each act has its own room.
const COMING: Room = Room(55);
const CROWDED: Room = Room(50);
const LOST: Room = Room(51);
const PAUSING: Room = Room(52);
const DRAINING: Room = Room(53);
const OUTLASTING: Room = Room(54);
/// When a leave has been told to everyone that was held back, after that.
const TOLD: Duration = Duration::from_millis(1_500);
/// When those of a node that has ended have left everywhere.
const BURIED: Duration = Duration::from_millis(7_500);
/// When everything is right again after Redis has forgotten it, or a node goes on.
const RIGHT: Duration = Duration::from_secs(5);
/// What is waited for beyond a bound, to see by how much it was missed.
const BEYOND: Duration = Duration::from_secs(5);
