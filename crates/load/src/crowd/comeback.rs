//! Who was cut off comes back with its session and its place (v1), as clients do: a little later, not all at once.

use std::{cell::RefCell, rc::Rc, time::Duration};

use anyhow::bail;
use tokio::time::{Instant, sleep, timeout};

use super::{
    arrival::{self, Listener},
    client::Client,
    shard::Shard,
};

/// Tries until it is in again. `None`: it has nothing to come back with.
pub(crate) async fn come_back(
    shard: &Rc<Shard>,
    number: u32,
    client: &Rc<RefCell<Client>>,
) -> Option<Listener> {
    if !client.borrow().can_come_back() {
        return None;
    }
    let (cut_off, _away) = (Instant::now(), shard.board.is_away());
    for attempt in 1.. {
        sleep(BETWEEN_ATTEMPTS + SPREAD * (number.wrapping_mul(attempt) % SLOTS)).await;
        if let Ok(Ok(listener)) = timeout(LONGEST, enter(shard, number, attempt, client)).await {
            shard.ledger.borrow_mut().returns.record(cut_off.elapsed());
            return Some(listener);
        }
    }
    None
}

/// Each time at another node.
async fn enter(
    shard: &Rc<Shard>,
    number: u32,
    attempt: u32,
    client: &Rc<RefCell<Client>>,
) -> anyhow::Result<Listener> {
    let node = shard.plan.node_of(number.wrapping_add(attempt));
    let (mut listener, outbox) = arrival::connect(shard, node).await?;
    client.borrow_mut().return_by(outbox);
    while !client.borrow().is_in() {
        if let Err(ended) = listener.turn(client, shard).await {
            client.borrow_mut().lose(&ended);
            bail!(ended);
        }
    }
    Ok(listener)
}

/// As v1's `bye` asks those who were too slow.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);
/// Up to a second more.
const SPREAD: Duration = Duration::from_millis(10);
const SLOTS: u32 = 100;
/// What takes longer is tried again.
const LONGEST: Duration = Duration::from_secs(20);
