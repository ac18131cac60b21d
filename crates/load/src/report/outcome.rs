//! What came of a run in which people talk: its cost, its latencies, and the verdict.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use serde::Serialize;

use crate::{
    crowd::{Account, course::Measured, run::Run},
    plan::Pace,
    report::{Row, cost::Cost, count, decimals, float, latency::Summary, or_dash},
    verdict::Verdict,
};

#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    #[serde(flatten)]
    pub(crate) cost: Cost,
    pub(crate) latency_ms: Summary,
    /// How late an open loop was at worst: the load generator's own delay.
    behind_ms: Option<f64>,
    /// Deliveries still under way when nothing more was said, where that can be known, and how long it took until they had come or were lost.
    backlog: Option<u64>,
    drained_after_s: f64,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
    /// Acknowledgements that never came, where the vocabulary has any.
    unanswered: u64,
    refused: BTreeMap<String, u64>,
    endings: BTreeMap<String, u64>,
    /// How many of polling's requests had which answer, over the whole run.
    answers: BTreeMap<u16, u64>,
    /// From being cut off until being in again, of those who came back (v1).
    came_back_ms: Summary,
    /// How often somebody who came back was told that something may be missing.
    unproved: u64,
    /// Clients that were cut off and are not there at the end.
    pub(crate) gone: u32,
    #[serde(skip)]
    pub(crate) arrivals: Summary,
}

impl Outcome {
    /// Ends the run.
    pub(crate) async fn of(run: Run<Account>, measured: &Measured) -> anyhow::Result<Self> {
        let (plan, board) = (run.plan.clone(), run.board.clone());
        // Goodbyes are not among them.
        let answers = board.answers.by_status();
        let account = Account::sum(run.finish().await?);
        let behind = || float(board.behind.load(Ordering::Relaxed)) / 1e6;
        let ledger = &account.ledger;
        Ok(Self {
            cost: Cost::new(measured, plan.threads, ledger.lag.summary()),
            latency_ms: ledger.deliveries.summary(),
            behind_ms: matches!(plan.crowd.pace, Pace::Open { .. }).then(behind),
            backlog: measured.backlog,
            drained_after_s: measured.drained_after,
            verdict: Verdict::new(&account, board.cut_off.load(Ordering::Relaxed)),
            unanswered: account.unanswered,
            answers,
            came_back_ms: ledger.returns.summary(),
            unproved: ledger.unproved,
            gone: board.gone.load(Ordering::Relaxed),
            arrivals: ledger.arrivals.summary(),
            refused: account.ledger.refused,
            endings: account.ledger.endings,
        })
    }

    /// Nothing lost, repeated, reordered or cut off, and no request answered anything but 200.
    pub(crate) fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.answers.keys().all(|&status| status == 200)
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = self.cost.rows();
        rows.extend(self.latency_ms.rows());
        rows.extend(self.behind_ms.map(|behind| ("generator behind its rate at most, ms", decimals(behind))));
        rows.extend([
            ("under way at the end", or_dash(self.backlog, |backlog| backlog.to_string())),
            ("until all was quiet, s", decimals(self.drained_after_s)),
        ]);
        rows.extend(self.verdict.rows());
        rows.extend((self.unanswered > 0).then(|| ("unanswered", self.unanswered.to_string())));
        rows.extend(self.refused.iter().map(|(code, times)| ("refused", format!("{times} x {code}"))));
        let answers = self.answers.iter();
        rows.extend(
            answers.map(|(status, times)| ("answers", format!("{} x {status}", count(float(*times))))),
        );
        if self.came_back_ms.count > 0 {
            let Summary { count: times, p50, max, .. } = self.came_back_ms;
            let times = format!("{times}, after {} ms, at most {}", decimals(p50), decimals(max));
            rows.push(("came back", times));
            rows.push(("told that something may be missing", self.unproved.to_string()));
        }
        rows.extend((self.gone > 0).then(|| ("gone for good", self.gone.to_string())));
        let ended = self.endings.iter();
        rows.extend(ended.map(|(reason, times)| ("cut off because", format!("{times} x {reason}"))));
        rows
    }
}
