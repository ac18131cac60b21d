//! The course of a workload in which people talk: all arrive, all have heard something, then it is measured.

use std::sync::atomic::Ordering;

use crate::crowd::{
    Account,
    board::{Board, Phase},
    gauges::Span,
    run::{Run, tell_deliveries},
};

/// Times are in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    pub(crate) clients: u32,
    /// For all to be connected, and again for all to have heard something.
    pub(crate) patience: u64,
    pub(crate) warm_up: u64,
    pub(crate) seconds: u64,
    /// How long a silence ends the wait for what is still missing.
    pub(crate) drain: u64,
}

impl Course {
    /// What happened while it was measured. Afterwards nothing more is said, and what was under way has come or is lost.
    pub(crate) async fn follow(self, run: &Run<Account>) -> anyhow::Result<(Span, Option<u64>)> {
        self.assemble(run).await?;
        let span = self.measure(run).await?;
        let memory = run.servers.memory()?;
        run.enter(Phase::Draining);
        let heard = |board: &Board| board.heard.load(Ordering::Relaxed);
        run.drain(self.drain, heard, |board| owed(board, self.clients)).await;
        Ok((span, memory))
    }

    /// Until everybody is in, and has proved it by hearing something. Somebody who was turned away cannot prove
    /// anything, and the run is not clean any more: then it goes on with those who are in.
    async fn assemble(self, run: &Run<Account>) -> anyhow::Result<()> {
        let everybody = u64::from(self.clients);
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
        run.pass(self.warm_up, |span| format!("warm-up  {}", tell_deliveries(span))).await?;
        run.board.is_measuring.store(true, Ordering::Relaxed);
        let span = run.pass(self.seconds, tell_deliveries).await?;
        run.board.is_measuring.store(false, Ordering::Relaxed);
        if span.load(span.own_cpu) > BUSY * f64::from(run.plan.threads) {
            eprintln!("the load generator itself was at its limit: give it more --threads");
        }
        Ok(span)
    }
}

/// Deliveries that are still to come or have come.
fn owed(board: &Board, clients: u32) -> u64 {
    let said = board.said.load(Ordering::Relaxed).saturating_sub(board.refused.load(Ordering::Relaxed));
    said * u64::from(clients.saturating_sub(board.cut_off.load(Ordering::Relaxed)))
}

/// A thread that is used so much cannot be trusted to have waited for the server.
const BUSY: f64 = 0.95;
