//! The course of a workload in which people talk: all arrive, all have heard something, then it is measured.

use std::{sync::atomic::Ordering, time::Instant};

use crate::{
    arguments::shared::{Talk, Target},
    crowd::{
        Account,
        board::{Board, Phase},
        gauges::Span,
        run::{Run, tell_deliveries},
    },
};

/// Times are in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// For all to be connected, and again for all to have heard something.
    patience: u64,
    talk: Talk,
}

/// What happened while it was measured, and until all was quiet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) span: Span,
    /// KiB, at the end of the talking.
    pub(crate) server_memory: Option<u64>,
    pub(crate) redis_memory: Option<u64>,
    /// Deliveries that were still under way when nothing more was said, and the seconds until they had come or were lost.
    pub(crate) backlog: Option<u64>,
    pub(crate) drained_after: f64,
}

impl Course {
    pub(crate) fn new(target: &Target, talk: Talk) -> Self {
        Self { patience: target.patience, talk }
    }

    /// Afterwards nothing more is said, and what was under way has come or is lost.
    pub(crate) async fn follow(self, run: &Run<Account>) -> anyhow::Result<Measured> {
        self.assemble(run).await?;
        let span = self.measure(run).await?;
        let (server_memory, redis_memory) = (run.meter.servers.memory()?, run.meter.store.memory()?);
        run.enter(Phase::Draining);
        let (backlog, quiet) = (under_way(run), Instant::now());
        run.drain(self.talk.drain, heard, |_| owed(run)).await;
        let drained_after = quiet.elapsed().as_secs_f64();
        Ok(Measured { span, server_memory, redis_memory, backlog, drained_after })
    }

    /// Until everybody is in, and has proved it by hearing something. Somebody who was turned away cannot prove
    /// anything, and the run is not clean any more: then it goes on with those who are in.
    async fn assemble(self, run: &Run<Account>) -> anyhow::Result<()> {
        let everybody = u64::from(run.plan.crowd.clients());
        let turned_away = |board: &Board| u64::from(board.turned_away.load(Ordering::Relaxed));
        let settled = |board: &Board| board.connected.load(Ordering::Relaxed) + turned_away(board);
        run.wait_for(everybody, "are connected", self.patience, settled).await?;
        if turned_away(&run.board) > 0 {
            return Ok(());
        }
        run.enter(Phase::Probing);
        let probed = |board: &Board| u64::from(board.probed.load(Ordering::Relaxed));
        run.wait_for(everybody, "have heard a message", self.patience, probed).await
    }

    async fn measure(self, run: &Run<Account>) -> anyhow::Result<Span> {
        run.enter(Phase::Talking);
        run.pass(self.talk.warm_up, |span| format!("warm-up  {}", tell_deliveries(span))).await?;
        run.board.is_measuring.store(true, Ordering::Relaxed);
        let span = run.pass(self.talk.seconds, tell_deliveries).await?;
        run.board.is_measuring.store(false, Ordering::Relaxed);
        Ok(span)
    }
}

/// Deliveries at those who have not gone for good.
fn heard(board: &Board) -> u64 {
    board.heard.load(Ordering::Relaxed).saturating_sub(board.heard_by_gone.load(Ordering::Relaxed))
}

/// Deliveries to them that are still to come or have come. Nobody knows any more how many where somebody has gone from one
/// room of several, or has come back to be told what is still there: then a silence ends the wait.
fn owed(run: &Run<Account>) -> u64 {
    let (board, crowd) = (&run.board, &run.plan.crowd);
    let gone = board.gone.load(Ordering::Relaxed);
    let is_uncertain = crowd.comes_back && board.cut_off.load(Ordering::Relaxed) > 0;
    if is_uncertain || (gone > 0 && crowd.rooms > 1) {
        return u64::MAX;
    }
    let said = board.said.load(Ordering::Relaxed).saturating_sub(board.refused.load(Ordering::Relaxed));
    said * u64::from(crowd.members.saturating_sub(gone))
}

fn under_way(run: &Run<Account>) -> Option<u64> {
    let owed = Some(owed(run)).filter(|owed| *owed < u64::MAX)?;
    Some(owed.saturating_sub(heard(&run.board)))
}
