//! Everybody's connection is cut at once, and everybody comes back at once: how long until all are whole, and what those
//! who stayed see of it.

mod returner;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tokio::{
    sync::{Semaphore, watch},
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, timeout},
};

use crate::{
    arguments::Storm,
    guests::{
        Scene,
        observer::{Observers, Sights},
    },
    machine::{
        bill::Watch,
        limits,
        spent::{Meter, Spent},
    },
    plan::{Crowd, Plan},
    report::{self, Report, Row, decimals, latency::Summary, progress::Progress},
    words::dialect::Dialect,
    workloads::storm::returner::{Returner, Tally, Weather},
};

/// True when all were whole in time, and nobody who stayed was told of it.
pub(crate) async fn run(arguments: Storm) -> anyhow::Result<bool> {
    ensure!(arguments.target.dialect == Dialect::V1, "only v1 can come back: say --dialect v1");
    let watch = Watch::begin(&arguments.target.places)?;
    limits::make_room_for(arguments.witnessed.clients + arguments.witnessed.observers)?;
    let figures = LocalSet::new().run_until(Course::run(&arguments)).await?;
    report::publish(&figures, watch, arguments.target.places.json.as_deref())
}

/// From the first arrival to the last goodbye.
struct Course<'a> {
    arguments: &'a Storm,
    scene: Rc<Scene>,
    observers: Observers,
    weather: watch::Sender<Weather>,
    tally: Rc<RefCell<Tally>>,
    clients: JoinSet<anyhow::Result<()>>,
    progress: Progress,
}

impl<'a> Course<'a> {
    async fn run(arguments: &'a Storm) -> anyhow::Result<Figures> {
        let mut course = Self::begin(arguments).await?;
        let began = Instant::now();
        course.gather().await?;
        let arrival_s = began.elapsed().as_secs_f64();
        sleep(CALM).await;
        let spent = course.rage().await?;
        let whole_ms = course.tally.borrow().whole.summary();
        course.progress.note(&format!(
            "{} are whole after {} s",
            whole_ms.count,
            decimals(whole_ms.max / 1e3)
        ));
        // A leave that was only held back would be told now.
        sleep(Duration::from_secs(arguments.watch)).await;
        let sights = course.observers.sights.take();
        course.end().await?;
        Ok(Figures::new(arguments, &course.tally.borrow(), &sights, arrival_s, spent))
    }

    async fn begin(arguments: &'a Storm) -> anyhow::Result<Self> {
        let scene = Rc::new(Scene::new(Plan::new(&arguments.target, Crowd::default())));
        let (first, observers) = (arguments.witnessed.clients, arguments.witnessed.observers);
        let observers = Observers::gather(&scene, first, observers, arguments.witnessed.rate).await?;
        let (weather, _) = watch::channel(Weather::Calm);
        Ok(Self {
            arguments,
            scene,
            observers,
            weather,
            tally: Rc::default(),
            clients: JoinSet::new(),
            progress: Progress::on_standard_error(),
        })
    }

    /// A few arrive at a time; what it is like at once is measured when they come back.
    async fn gather(&mut self) -> anyhow::Result<()> {
        let turnstile = Arc::new(Semaphore::new(ARRIVALS_AT_ONCE));
        for number in 0..self.arguments.witnessed.clients {
            let place = Arc::clone(&turnstile).acquire_owned().await?;
            let returner = Returner::new(Rc::clone(&self.scene), number, Rc::clone(&self.tally));
            self.clients.spawn_local(returner.live(place, self.weather.subscribe()));
            self.check()?;
        }
        let everybody = u64::from(self.arguments.witnessed.clients + self.arguments.witnessed.observers);
        let patience = Duration::from_secs(self.arguments.target.patience);
        let all_are_there = self.observers.see(everybody, patience).await;
        self.check().and(all_are_there)
    }

    /// From the cut until everybody is whole, or ought to have been long ago.
    async fn rage(&mut self) -> anyhow::Result<Spent> {
        self.progress.note(&format!("{} connections are cut", self.arguments.witnessed.clients));
        let meter = Meter::new(&self.arguments.target.places);
        self.observers.sights.borrow_mut().forget();
        let (before, since) = (meter.read()?, Instant::now());
        let away = Duration::from_millis(self.arguments.away);
        self.weather.send_replace(Weather::Storm { since, away });
        let longest = Duration::from_secs_f64(self.arguments.within * PATIENCE);
        while self.tally.borrow().whole.count() < u64::from(self.arguments.witnessed.clients)
            && since.elapsed() < longest
        {
            self.check()?;
            sleep(GLANCE).await;
        }
        meter.since(&before)
    }

    /// Everybody leaves in order. Whoever is not back by now has been counted as such.
    async fn end(&mut self) -> anyhow::Result<()> {
        self.observers.go().await;
        self.weather.send_replace(Weather::Over);
        let all_gone = async {
            while let Some(gone) = self.clients.join_next().await {
                gone.context("a client panicked")??;
            }
            Ok(())
        };
        timeout(LONGEST_END, all_gone).await.unwrap_or(Ok(()))
    }

    /// Nobody ends before the end, but who could not even arrive.
    fn check(&mut self) -> anyhow::Result<()> {
        if let Some(ended) = self.clients.try_join_next() {
            ended.context("a client panicked")??;
            bail!("a client has ended before its time");
        }
        Ok(())
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "workload", rename = "storm")]
struct Figures {
    nodes: usize,
    clients: u32,
    observers: u32,
    rate: f64,
    away_ms: u64,
    within_s: f64,
    /// Until all had arrived for the first time.
    arrival_s: f64,
    /// From the cut on, of those who were whole again.
    whole_ms: Summary,
    unproved: u32,
    caught_up: u64,
    gaps: u64,
    repeated: u64,
    strays: u64,
    /// Until all were whole.
    cpu_s: Spent,
    /// What those who stayed were told of people.
    presence_events: u64,
    told_joined: u64,
    told_left: u64,
    /// How late they heard what was said meanwhile.
    held_up_ms: Summary,
    errors: BTreeMap<String, u32>,
    lost_observers: Vec<String>,
}

impl Figures {
    fn new(arguments: &Storm, tally: &Tally, sights: &Sights, arrival_s: f64, spent: Spent) -> Self {
        Self {
            nodes: arguments.target.places.url.len(),
            clients: arguments.witnessed.clients,
            observers: arguments.witnessed.observers,
            rate: arguments.witnessed.rate,
            away_ms: arguments.away,
            within_s: arguments.within,
            arrival_s,
            whole_ms: tally.whole.summary(),
            unproved: tally.unproved,
            caught_up: tally.caught_up,
            gaps: tally.gaps,
            repeated: tally.repeated,
            strays: tally.strays,
            cpu_s: spent,
            presence_events: sights.people,
            told_joined: sights.joined,
            told_left: sights.left,
            held_up_ms: sights.latencies.summary(),
            errors: tally.errors.clone(),
            lost_observers: sights.lost.clone(),
        }
    }
}

impl Report for Figures {
    fn is_clean(&self) -> bool {
        let is_whole = self.whole_ms.count == u64::from(self.clients) && self.unproved == 0;
        let is_in_time = self.whole_ms.max <= self.within_s * 1e3;
        let is_quiet = self.presence_events == 0 && self.lost_observers.is_empty();
        is_whole && is_in_time && is_quiet && [self.gaps, self.repeated, self.strays] == [0; 3]
    }

    fn rows(&self) -> Vec<Row> {
        let seconds = |millis: f64| decimals(millis / 1e3);
        let mut rows = vec![
            ("clients", format!("{} on {} node(s), {} stay", self.clients, self.nodes, self.observers)),
            ("arrived for the first time after, s", decimals(self.arrival_s)),
            (
                "whole again",
                format!("{} of {}, within {} s", self.whole_ms.count, self.clients, self.within_s),
            ),
            ("all whole after, s", seconds(self.whole_ms.max)),
            ("whole p50, s", seconds(self.whole_ms.p50)),
            ("whole p99, s", seconds(self.whole_ms.p99)),
            ("messages missed and told", self.caught_up.to_string()),
            ("without proof that nothing is missing", self.unproved.to_string()),
            ("gaps", self.gaps.to_string()),
            ("repeated", self.repeated.to_string()),
            ("told of a room that they were not in", self.strays.to_string()),
        ];
        rows.extend(self.cpu_s.rows());
        rows.extend([
            ("presence events at those who stayed", self.presence_events.to_string()),
            ("joined, left", format!("{}, {}", self.told_joined, self.told_left)),
            ("their messages p50, ms", decimals(self.held_up_ms.p50)),
            ("their messages max, ms", decimals(self.held_up_ms.max)),
        ]);
        rows.extend(self.errors.iter().map(|(error, times)| ("error", format!("{times} x {error}"))));
        rows.extend(self.lost_observers.iter().map(|reason| ("cut off though it stayed", reason.clone())));
        rows
    }
}

const ARRIVALS_AT_ONCE: usize = 64;
const GLANCE: Duration = Duration::from_millis(20);

/// Between the last arrival and the storm: what was gathered of arrivals is told by then.
const CALM: Duration = Duration::from_secs(2);

/// How many times the time that it may take it is waited for all to be whole.
const PATIENCE: f64 = 3.0;
const LONGEST_END: Duration = Duration::from_secs(30);
