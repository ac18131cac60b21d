//! The workloads, each from first connection to report.

mod churn;
mod fanout;
mod handover;
mod idle;
mod leaks;
mod overload;
mod polling;
mod rooms;
mod rush;
mod stalled;
mod storm;
mod talking;

use crate::arguments::Workload;

/// True when nothing was lost, repeated or reordered, and nothing cost more than it may.
pub(crate) async fn run(workload: Workload) -> anyhow::Result<bool> {
    match workload {
        Workload::Fanout(arguments) => fanout::run(arguments).await,
        Workload::Rooms(arguments) => rooms::run(arguments).await,
        Workload::Overload(arguments) => overload::run(arguments).await,
        Workload::Polling(arguments) => polling::run(arguments).await,
        Workload::Handover(arguments) => handover::run(arguments).await,
        Workload::Stalled(arguments) => stalled::run(arguments).await,
        Workload::Idle(arguments) => idle::run(arguments).await,
        Workload::Churn(arguments) => churn::run(arguments).await,
        Workload::Leaks(arguments) => leaks::run(arguments).await,
        Workload::Storm(arguments) => storm::run(arguments).await,
        Workload::Rush(arguments) => rush::run(arguments).await,
    }
}
