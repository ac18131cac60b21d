//! A run as the main thread leads it: starts the threads, calls the phases, tells how it goes.

use std::{rc::Rc, sync::Arc, thread, time::Duration};

use anyhow::{Context, bail};
use tokio::{
    runtime::{self, LocalOptions},
    sync::oneshot,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    crowd::{
        board::{Board, Phase},
        gauges::{Reading, Span},
        shard::Shard,
    },
    machine::spent::Meter,
    plan::Plan,
    report::{count, decimals, progress::Progress},
};

/// `T` is what each thread gives account of at its end.
#[derive(Debug)]
pub(crate) struct Run<T> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) board: Arc<Board>,
    pub(crate) meter: Meter,
    pub(crate) progress: Progress,
    accounts: Vec<oneshot::Receiver<T>>,
}

impl<T: Send + 'static> Run<T> {
    /// A thread each for what `work` does with a shard.
    pub(crate) fn start<W, F>(plan: Plan, meter: Meter, work: W) -> anyhow::Result<Self>
    where
        W: FnOnce(Rc<Shard>) -> F + Clone + Send + 'static,
        F: Future<Output = anyhow::Result<T>> + 'static,
    {
        let (plan, board) = (Arc::new(plan), Arc::new(Board::default()));
        let accounts = (0..plan.threads)
            .map(|thread| spawn(thread, Arc::clone(&plan), Arc::clone(&board), work.clone()))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { plan, board, meter, progress: Progress::on_standard_error(), accounts })
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.board.enter(phase);
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.board.phases().borrow()
    }

    /// Waits for this phase or a later one.
    pub(crate) async fn reaches(&self, phase: Phase) {
        let mut phases = self.board.phases();
        // The board is this run's own, and stays.
        let _reached = phases.wait_for(|now| *now >= phase).await;
    }

    pub(crate) fn reading(&self) -> anyhow::Result<Reading> {
        Reading::take(&self.board, &self.meter)
    }

    /// Waits until so many of something are counted, and says each second how many there are.
    pub(crate) async fn wait_for(
        &self,
        expected: u64,
        what: &str,
        patience: u64,
        counted: impl Fn(&Board) -> u64,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut told = began;
        while counted(&self.board) < expected {
            self.check()?;
            let so_far = counted(&self.board);
            if began.elapsed() > Duration::from_secs(patience) {
                bail!("after {patience} s only {so_far} of {expected} clients {what}");
            }
            if told.elapsed() > SECOND {
                told = Instant::now();
                self.progress.tell(&format!("{so_far} of {expected} clients {what}"));
            }
            sleep(GLANCE).await;
        }
        self.check()
    }

    /// Lets so many seconds pass, and says at each what it was like.
    pub(crate) async fn pass(&self, seconds: u64, tell: impl Fn(&Span) -> String) -> anyhow::Result<Span> {
        let first = self.reading()?;
        let began = Instant::now();
        let mut last = first;
        for second in 1..=u32::try_from(seconds)? {
            sleep_until(began + second * SECOND).await;
            self.check()?;
            let reading = self.reading()?;
            self.progress.tell(&format!("{second:>4} s  {}", tell(&reading.since(&last))));
            last = reading;
        }
        Ok(last.since(&first))
    }

    /// Waits until `counted` has reached `expected` and rests, or has rested for so long that it never will.
    pub(crate) async fn drain(
        &self,
        patience: u64,
        counted: impl Fn(&Board) -> u64,
        expected: impl Fn(&Board) -> u64,
    ) {
        let began = Instant::now();
        let (mut before, mut changed, mut told) = (counted(&self.board), began, began);
        while began.elapsed() < LONGEST_DRAIN {
            sleep(GLANCE).await;
            let now = counted(&self.board);
            if told.elapsed() > SECOND {
                told = Instant::now();
                self.progress.tell(&missing(expected(&self.board).checked_sub(now)));
            }
            if now != before {
                (before, changed) = (now, Instant::now());
            }
            let enough = if now >= expected(&self.board) { AFTERMATH } else { Duration::from_secs(patience) };
            if changed.elapsed() >= enough && !self.board.anybody_is_away() {
                return;
            }
        }
    }

    /// Ends the run and collects what the threads have to say.
    pub(crate) async fn finish(self) -> anyhow::Result<Vec<T>> {
        self.enter(Phase::Over);
        let mut accounts = Vec::new();
        for account in self.accounts {
            let account = account.await;
            let reason = || self.board.failure().unwrap_or("a thread panicked").to_owned();
            accounts.push(account.with_context(reason)?);
        }
        Ok(accounts)
    }

    fn check(&self) -> anyhow::Result<()> {
        match self.board.failure() {
            Some(reason) => bail!("{reason}"),
            None => Ok(()),
        }
    }
}

fn spawn<T, W, F>(
    thread: u32,
    plan: Arc<Plan>,
    board: Arc<Board>,
    work: W,
) -> anyhow::Result<oneshot::Receiver<T>>
where
    T: Send + 'static,
    W: FnOnce(Rc<Shard>) -> F + Send + 'static,
    F: Future<Output = anyhow::Result<T>> + 'static,
{
    let (tell, account) = oneshot::channel();
    thread::Builder::new().name(format!("load-{thread}")).spawn(move || {
        match work_through(thread, plan, Arc::clone(&board), work) {
            Ok(account) => drop(tell.send(account)),
            Err(error) => board.fail(format!("{error:#}")),
        }
    })?;
    Ok(account)
}

/// Everything of a shard stays on its thread.
fn work_through<T, W, F>(thread: u32, plan: Arc<Plan>, board: Arc<Board>, work: W) -> anyhow::Result<T>
where
    W: FnOnce(Rc<Shard>) -> F,
    F: Future<Output = anyhow::Result<T>>,
{
    let runtime = runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(work(Rc::new(Shard::new(thread, plan, board))))
}

fn missing(deliveries: Option<u64>) -> String {
    match deliveries {
        Some(deliveries) if deliveries < u64::MAX / 2 => {
            format!("drain  {deliveries} deliveries still missing")
        }
        _ => "drain  until nothing more is heard".to_owned(),
    }
}

/// The progress of a workload in which people talk.
pub(crate) fn tell_deliveries(span: &Span) -> String {
    let per_million = |cpu| span.per_million_heard(cpu).map_or_else(|| "-".into(), decimals);
    format!(
        "{:>10} deliveries/s  {:>7} messages/s  CPU s per million: server {:>6}, generator {:>6}",
        count(span.per_second(span.heard)),
        count(span.per_second(span.said)),
        span.server_cpu.map_or_else(|| "-".into(), per_million),
        per_million(span.own_cpu),
    )
}

const SECOND: Duration = Duration::from_secs(1);
const GLANCE: Duration = Duration::from_millis(20);

/// After the last that was expected: time for what was not.
const AFTERMATH: Duration = Duration::from_millis(300);

/// A server that is so far behind is taken at its word.
const LONGEST_DRAIN: Duration = Duration::from_mins(2);
