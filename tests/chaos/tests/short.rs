//! Two minutes of chaos: what is lost, repeated or reordered is judged as strictly as in ten, times are not.

use std::io;

use hubbub_chaos::phases::{self, Phase, Scale};

/// Its plan kills nodes and Redis, and has most of the other faults.
const SEED: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn two_minutes_of_chaos_break_no_promise() {
    let report = phases::run(SEED, Scale::short(), &Phase::ALL, &mut io::stdout()).await;
    let report = report.expect("a run to its end");
    println!("{report}");
    assert!(report.is_kept(), "a promise was broken: the table is above");
}
