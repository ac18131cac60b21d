//! How late the load generator is itself: who hears late because of it is no slow server.

use std::rc::Rc;

use tokio::time::{Duration, Instant, sleep_until};

use super::shard::Shard;

/// Asks to be woken again and again, and notes how late that is while it is measured. Whoever waits for bytes on this
/// thread is woken as late. A clock that ticks in milliseconds makes up to one of it.
pub(crate) async fn watch(shard: Rc<Shard>) {
    loop {
        let due = Instant::now() + BETWEEN_LOOKS;
        sleep_until(due).await;
        shard.record_lag(due.elapsed());
    }
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
