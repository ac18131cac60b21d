//! Measures the backplane against a Redis that is given: calls a second through one node, and what a call costs Redis.
//!
//! ```text
//! cargo run --release -p hubbub-redis --example pace -- redis://127.0.0.1:6379/0
//! ```
//!
//! The Redis should have nothing else to do; its data is not removed. The user must be allowed CONFIG RESETSTAT.
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::{
    env,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use hubbub_core::{
    Author, Backplane, Claim, Draft, Exit, Inbound, Message, Name, NodeId, RoomId, SessionId, UserId,
};
use hubbub_redis::Options;
use redis::aio::MultiplexedConnection;

const CALLS: usize = 100_000;
const TOGETHER: [usize; 3] = [1, 16, 256];

type Error = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = env::args().nth(1).ok_or("which Redis? redis://host:port/db or unix:///path")?;
    let redis = redis::Client::open(url.as_str())?.get_multiplexed_async_connection().await?;
    // Without a beat, every heartbeat renews.
    let options = Options { beat: Duration::ZERO, ..Options::new(url, NodeId::random()) };
    let mut backplane = hubbub_redis::connect(options).await?;
    backplane.presence.heartbeat().await?;

    println!("{:<28} {:>10} {:>10} {:>10} {:>14}", "", "calls/s", "p50 µs", "p99 µs", "Redis µs/call");
    for together in TOGETHER {
        publish(&backplane, &redis, together, false).await?;
    }
    let room = RoomId::parse("pace")?;
    let _listening = backplane.broker.subscribe(&room).await?;
    let inbox = std::mem::replace(&mut backplane.inbox, tokio::sync::mpsc::channel(1).1);
    let hearing = tokio::spawn(hear(inbox));
    publish(&backplane, &redis, 256, true).await?;
    people(&backplane, &redis).await?;
    hearing.abort();
    Ok(())
}

async fn hear(mut inbox: tokio::sync::mpsc::Receiver<Inbound>) {
    while inbox.recv().await.is_some() {}
}

async fn publish(
    backplane: &Backplane,
    redis: &MultiplexedConnection,
    together: usize,
    heard: bool,
) -> Result<(), Error> {
    let room = RoomId::parse("pace")?;
    let author = Author { user: Some(UserId::new("ann")), name: Name::parse("ann")? };
    let message =
        Message { author, text: "x".repeat(64), cid: None, reply_to: None, channel: None, fate: None };
    let name = format!("publish, {together} at once{}", if heard { ", heard" } else { "" });
    let calls = if together == 1 { CALLS / 10 } else { CALLS };
    measure(redis, &name, calls, together, async |_| {
        let key = format!("{:x}", SessionId::random().as_u128());
        let draft = Draft { room: room.clone(), message: message.clone(), key, origin: None };
        backplane.broker.publish(draft).await.map(drop)
    })
    .await
}

async fn people(backplane: &Backplane, redis: &MultiplexedConnection) -> Result<(), Error> {
    let room = RoomId::parse("pace")?;
    let claims: Vec<_> = (0..CALLS)
        .map(|number| Claim {
            room: room.clone(),
            user: UserId::new(format!("user {number}")),
            name: Name::parse(&format!("user {number}")).expect("a name"),
            subject: None,
            session: SessionId::random(),
            renames: false,
            grace: Duration::ZERO,
        })
        .collect();
    measure(redis, "enter", CALLS, 64, async |number: usize| {
        backplane.presence.enter(claims[number].clone()).await.map(drop)
    })
    .await?;
    let half = CALLS / 2;
    measure(redis, "leave", half, 64, async |number: usize| {
        let Claim { room, user, session, .. } = claims[number].clone();
        let exit = Exit { room, user, session, grace: Duration::ZERO };
        backplane.presence.leave(exit).await.map(drop)
    })
    .await?;
    measure(redis, "renew, look for dead", CALLS / 10, 1, async |_| {
        backplane.presence.heartbeat().await.map(drop)
    })
    .await?;
    measure(redis, "resign, by the person", 1, 1, async |_| backplane.presence.resign().await).await
}

async fn measure<E: std::error::Error + 'static>(
    redis: &MultiplexedConnection,
    name: &str,
    calls: usize,
    together: usize,
    call: impl AsyncFn(usize) -> Result<(), E>,
) -> Result<(), Error> {
    let mut redis = redis.clone();
    redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut redis).await?;
    let begun = Instant::now();
    let timed = stream::iter(0..calls).map(async |number| {
        let begun = Instant::now();
        call(number).await.map(|()| begun.elapsed())
    });
    let mut took: Vec<_> =
        timed.buffer_unordered(together).collect::<Vec<_>>().await.into_iter().collect::<Result<_, _>>()?;
    let each = begun.elapsed() / u32::try_from(calls)?;
    took.sort();
    let info: String = redis::cmd("INFO").arg("commandstats").query_async(&mut redis).await?;
    println!(
        "{name:<28} {:>10.0} {:>10} {:>10} {:>14}",
        1.0 / each.as_secs_f64(),
        took[took.len() / 2].as_micros(),
        took[took.len() * 99 / 100].as_micros(),
        evalsha(&info).unwrap_or("?"),
    );
    Ok(())
}

/// `cmdstat_evalsha:calls=1,usec=20,usec_per_call=20.00,..`
fn evalsha(info: &str) -> Option<&str> {
    let line = info.lines().find(|line| line.starts_with("cmdstat_evalsha:"))?;
    line.split(',').find_map(|part| part.strip_prefix("usec_per_call="))
}
