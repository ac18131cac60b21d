//! Everybody comes into one room within a second: what that costs, and how long what is said to all has to wait.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use memchr::memmem;
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    arguments::Rush,
    guests::{
        Guest, Scene,
        observer::{Observers, Sights},
    },
    machine::{
        bill::Watch,
        limits,
        spent::{Meter, Spent},
    },
    plan::{Crowd, Plan},
    report::{
        self, Report, Row, count, decimals, float,
        latency::{Latencies, Summary},
        progress::Progress,
    },
    words::dialect::{Dialect, REFUSED},
};

/// True when everybody came in and nobody was cut off.
pub(crate) async fn run(arguments: Rush) -> anyhow::Result<bool> {
    ensure!(arguments.target.dialect.people().is_some(), "nobody hears who comes: say --dialect 002 or v1");
    let watch = Watch::begin(&arguments.target.places)?;
    limits::make_room_for(arguments.witnessed.clients + arguments.witnessed.observers)?;
    let figures = LocalSet::new().run_until(measure(&arguments)).await?;
    report::publish(&figures, watch, arguments.target.places.json.as_deref())
}

async fn measure(arguments: &Rush) -> anyhow::Result<Figures> {
    let scene = Rc::new(Scene::new(Plan::new(&arguments.target, Crowd::default())));
    let observers = Observers::gather(
        &scene,
        arguments.witnessed.clients,
        arguments.witnessed.observers,
        arguments.witnessed.rate,
    )
    .await?;
    let (tally, (start, started)) = (Rc::new(Tally::default()), watch::channel(None));
    let _clients = gather(arguments, &scene, &tally, &started).await?;
    sleep(CALM).await;
    let progress = Progress::on_standard_error();
    progress.note(&format!("{} come in", arguments.witnessed.clients));
    let meter = Meter::new(&arguments.target.places);
    observers.sights.borrow_mut().forget();
    scene.bytes.set(0);
    let (before, began) = (meter.read()?, Instant::now());
    start.send_replace(Some(began));
    sleep(Duration::from_secs(arguments.seconds)).await;
    let spent = meter.since(&before)?;
    let sights = observers.sights.take();
    Ok(Figures::new(arguments, &tally, &sights, scene.bytes.get(), spent, began))
}

/// Everybody is connected, and in no room yet.
async fn gather(
    arguments: &Rush,
    scene: &Rc<Scene>,
    tally: &Rc<Tally>,
    started: &watch::Receiver<Option<Instant>>,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let turnstile = Arc::new(Semaphore::new(ARRIVALS_AT_ONCE));
    let mut clients = JoinSet::new();
    for number in 0..arguments.witnessed.clients {
        let place = Arc::clone(&turnstile).acquire_owned().await?;
        let due = Duration::from_secs_f64(
            arguments.within * f64::from(number) / f64::from(arguments.witnessed.clients),
        );
        let newcomer = Newcomer { scene: Rc::clone(scene), number, due, tally: Rc::clone(tally) };
        clients.spawn_local(newcomer.live(place, started.clone()));
    }
    let everybody_is_there = turnstile.acquire_many(u32::try_from(ARRIVALS_AT_ONCE)?);
    let _all = timeout(LONGEST, everybody_is_there).await.context("not all were let in")??;
    if let Some(ended) = clients.try_join_next() {
        ended.context("a client panicked")??;
        bail!("a client has ended before its time");
    }
    Ok(clients)
}

#[derive(Debug, Default)]
struct Tally {
    /// From asking to come in until the answer (v1), or until the first list (002).
    answers: RefCell<Latencies>,
    refused: Cell<u32>,
    endings: RefCell<BTreeMap<String, u32>>,
}

/// One of many.
struct Newcomer {
    scene: Rc<Scene>,
    number: u32,
    /// When it comes in, after the start.
    due: Duration,
    tally: Rc<Tally>,
}

impl Newcomer {
    async fn live(
        self,
        turnstile: OwnedSemaphorePermit,
        mut started: watch::Receiver<Option<Instant>>,
    ) -> anyhow::Result<()> {
        let mut guest = timeout(LONGEST, self.arrive()).await.context("not let in")??;
        drop(turnstile);
        let ended = tokio::select! {
            ended = guest.listen(&self.scene, |_| {}) => ended.to_string(),
            // The run outlives everybody.
            Ok(start) = started.wait_for(Option::is_some) => {
                let start = start.expect("it has just been seen");
                self.come_in(&mut guest, start + self.due).await
            }
        };
        *self.tally.endings.borrow_mut().entry(ended).or_default() += 1;
        Ok(())
    }

    async fn arrive(&self) -> anyhow::Result<Guest> {
        let (node, script) = (self.scene.plan.node_of(self.number), &self.scene.plan.script);
        let mut guest = Guest::open(&self.scene, node, script.connect(self.number)).await?;
        let namespace = script.dialect.namespace();
        let (welcome, refusal) = (format!("40{namespace}"), format!("44{namespace}"));
        let (mut is_in, mut refused) = (false, None);
        while !is_in {
            let hear = |packet: &[u8]| {
                is_in |= packet.starts_with(welcome.as_bytes());
                if packet.starts_with(refusal.as_bytes()) {
                    refused = Some(String::from_utf8_lossy(packet).into_owned());
                }
            };
            guest.turn(&self.scene, hear).await?;
            ensure!(refused.is_none(), "refused: {refused:?}");
        }
        Ok(guest)
    }

    /// Gives why it ended.
    async fn come_in(&self, guest: &mut Guest, due: Instant) -> String {
        tokio::select! {
            ended = guest.listen(&self.scene, |_| {}) => return ended.to_string(),
            () = sleep_until(due) => {}
        }
        let script = &self.scene.plan.script;
        script.greeting(self.number).iter().for_each(|greeting| guest.says(&greeting.packet));
        let asked = Instant::now();
        let mut is_answered = false;
        let ended = guest.listen(&self.scene, |packet| {
            if !is_answered && script.dialect.is_let_in_by(packet) {
                is_answered = true;
                self.note_answer(packet, asked);
            }
        });
        ended.await.to_string()
    }

    fn note_answer(&self, packet: &[u8], asked: Instant) {
        self.tally.answers.borrow_mut().record(asked.elapsed());
        let is_refused = memmem::find(packet, REFUSED).is_some();
        self.tally.refused.set(self.tally.refused.get() + u32::from(is_refused));
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "rush")]
struct Figures {
    dialect: Dialect,
    nodes: usize,
    clients: u32,
    within_s: f64,
    measured_s: u64,
    rate: f64,
    /// From asking to come in to the answer (v1) or the first list (002).
    answer_ms: Summary,
    refused: u32,
    cpu_s: Spent,
    /// Bytes of packets that all clients were told, those who stayed among them.
    bytes_told: u64,
    /// What each of those who stayed was told of people.
    lists: f64,
    bytes_of_lists: f64,
    /// From the start until people were told of last.
    told_last_s: f64,
    /// How late those who stayed heard what was said meanwhile.
    held_up_ms: Summary,
    endings: BTreeMap<String, u32>,
    lost_observers: Vec<String>,
}

impl Figures {
    fn new(
        arguments: &Rush,
        tally: &Tally,
        sights: &Sights,
        bytes_told: u64,
        spent: Spent,
        start: Instant,
    ) -> Self {
        let each = |sum: u64| float(sum) / f64::from(arguments.witnessed.observers);
        Self {
            dialect: arguments.target.dialect,
            nodes: arguments.target.places.url.len(),
            clients: arguments.witnessed.clients,
            within_s: arguments.within,
            measured_s: arguments.seconds,
            rate: arguments.witnessed.rate,
            answer_ms: tally.answers.borrow().summary(),
            refused: tally.refused.get(),
            cpu_s: spent,
            bytes_told,
            lists: each(sights.people),
            bytes_of_lists: each(sights.bytes),
            told_last_s: sights.told.map_or(0.0, |told| (told - start).as_secs_f64()),
            held_up_ms: sights.latencies.summary(),
            endings: tally.endings.borrow().clone(),
            lost_observers: sights.lost.clone(),
        }
    }
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        let are_all_in = self.answer_ms.count == u64::from(self.clients) && self.refused == 0;
        are_all_in && self.endings.is_empty() && self.lost_observers.is_empty()
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = vec![
            ("clients", format!("{} on {} node(s) within {} s", self.clients, self.nodes, self.within_s)),
            ("are in", format!("{}, {} refused", self.answer_ms.count, self.refused)),
            ("until they are in p50, ms", decimals(self.answer_ms.p50)),
            ("until they are in p99, ms", decimals(self.answer_ms.p99)),
            ("until they are in max, ms", decimals(self.answer_ms.max)),
            ("told to all, MB", count(float(self.bytes_told) / 1e6)),
            ("lists or differences for each", decimals(self.lists)),
            ("their size for each, KB", decimals(self.bytes_of_lists / 1e3)),
            ("the last of them after, s", decimals(self.told_last_s)),
        ];
        rows.extend(self.cpu_s.rows());
        rows.extend([
            ("messages meanwhile p50, ms", decimals(self.held_up_ms.p50)),
            ("messages meanwhile max, ms", decimals(self.held_up_ms.max)),
        ]);
        rows.extend(self.endings.iter().map(|(reason, times)| ("cut off", format!("{times} x {reason}"))));
        rows.extend(self.lost_observers.iter().map(|reason| ("cut off though it stayed", reason.clone())));
        rows
    }
}

const ARRIVALS_AT_ONCE: usize = 64;
/// What takes longer is broken, not slow.
const LONGEST: Duration = Duration::from_secs(30);
/// Between the last connection and the start.
const CALM: Duration = Duration::from_secs(1);
