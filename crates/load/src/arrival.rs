//! How a client comes in: TCP, WebSocket, Engine.IO, Socket.IO, and the vocabulary's greeting.

use std::{cell::RefCell, rc::Rc, time::Duration};

use anyhow::Context;
use tokio::time::{Instant, timeout};

use crate::{
    client::Client,
    connection::{Ended, Reader},
    outbox::Outbox,
    shard::Shard,
    upgrade,
};

/// A client that is in, and the half that makes it listen.
pub(crate) type Arrival = (Reader, Rc<RefCell<Client>>);

/// Connects and greets; once it returns, the server has let the client in.
pub(crate) async fn arrive(shard: Rc<Shard>, number: u32) -> anyhow::Result<Arrival> {
    let began = Instant::now();
    let arrival = timeout(LONGEST_ARRIVAL, enter(&shard, number)).await;
    let arrival = arrival
        .context("not let in after 20 s")
        .flatten()
        .with_context(|| format!("client {number} cannot connect"))?;
    shard.ledger.borrow_mut().arrivals.record(began.elapsed());
    Ok(arrival)
}

async fn enter(shard: &Rc<Shard>, number: u32) -> anyhow::Result<Arrival> {
    let upgraded = upgrade::open(shard.plan.node_of(number), &shard.plan.path).await?;
    let (read_half, write_half) = upgraded.stream.into_split();
    let mut reader = Reader::new(read_half, upgraded.already_read);
    let client = RefCell::new(Client::new(Rc::clone(shard), number, Outbox::new(write_half)));
    while !client.borrow().is_in() {
        reader.turn(&client, shard).await?;
    }
    Ok((reader, Rc::new(client)))
}

/// Listens until the connection ends.
pub(crate) async fn listen(reader: &mut Reader, client: &RefCell<Client>, shard: &Shard) -> Ended {
    loop {
        if let Err(ended) = reader.turn(client, shard).await {
            return ended;
        }
    }
}

const LONGEST_ARRIVAL: Duration = Duration::from_secs(20);
