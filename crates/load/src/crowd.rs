//! A thread's clients that stay: they arrive, listen, and at the end give account.

pub(crate) mod account;
pub(crate) mod arrival;
pub(crate) mod board;
pub(crate) mod client;
mod comeback;
pub(crate) mod course;
pub(crate) mod gauges;
mod lag;
pub(crate) mod poller;
pub(crate) mod run;
pub(crate) mod shard;
pub(crate) mod talk;
pub(crate) mod voice;

use std::{cell::RefCell, rc::Rc, sync::Arc, sync::atomic::Ordering, time::Duration};

use anyhow::Context;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

pub(crate) use self::account::Account;
use crate::{
    crowd::{
        arrival::{Arrival, Listener},
        board::Phase,
        client::Client,
        shard::Shard,
    },
    wire::session::Refused,
};

/// From the first arrival to the end of the run.
pub(crate) async fn attend(shard: Rc<Shard>) -> anyhow::Result<Account> {
    let mut tasks = JoinSet::new();
    tasks.spawn_local(lag::watch(Rc::clone(&shard)));
    let crowd = gather(&shard, &mut tasks).await?;
    for (number, client) in &crowd {
        if shard.plan.crowd.is_sender(*number) {
            tasks.spawn_local(talk::talk(Rc::clone(&shard), *number, Rc::clone(client)));
        }
    }
    shard.board.phases().wait_for(|phase| *phase == Phase::Over).await.context("the main thread is gone")?;
    tasks.shutdown().await;
    let account = account(&shard, &crowd);
    if shard.plan.mix.polling > 0 {
        say_goodbye(&crowd).await;
    }
    Ok(account)
}

type Crowd = Vec<(u32, Rc<RefCell<Client>>)>;

async fn gather(shard: &Rc<Shard>, tasks: &mut JoinSet<()>) -> anyhow::Result<Crowd> {
    let mut arrivals = begin_arrivals(shard);
    let mut crowd = Crowd::new();
    while let Some(arrival) = arrivals.join_next().await {
        let (number, (listener, client)) = match arrival.context("an arrival panicked").flatten() {
            Ok(arrival) => arrival,
            Err(error) => {
                turn_away(shard, error)?;
                continue;
            }
        };
        tasks.spawn_local(stay(listener, number, Rc::clone(&client), Rc::clone(shard)));
        shard.board.connected.fetch_add(1, Ordering::Relaxed);
        crowd.push((number, client));
    }
    Ok(crowd)
}

/// A few at a time: a server's queue of unaccepted connections is short.
fn begin_arrivals(shard: &Rc<Shard>) -> JoinSet<anyhow::Result<(u32, Arrival)>> {
    let turnstile = Arc::new(Semaphore::new(ARRIVALS_AT_ONCE));
    let mut arrivals = JoinSet::new();
    for number in shard.plan.clients_of(shard.thread) {
        let (shard, turnstile) = (Rc::clone(shard), Arc::clone(&turnstile));
        arrivals.spawn_local(async move {
            let _permit = turnstile.acquire().await?;
            Ok((number, arrival::arrive(shard, number).await?))
        });
    }
    arrivals
}

/// A server that answers with a refusal is a verdict; anything else means that the run could not be.
fn turn_away(shard: &Shard, error: anyhow::Error) -> anyhow::Result<()> {
    let Some(refused) = error.chain().find_map(|cause| cause.downcast_ref::<Refused>()) else {
        return Err(error);
    };
    shard.board.turned_away.fetch_add(1, Ordering::Relaxed);
    shard.note_ending(refused.to_string());
    shard.note_gone(0);
    Ok(())
}

/// Until it is cut off and cannot come back.
async fn stay(mut listener: Listener, number: u32, client: Rc<RefCell<Client>>, shard: Rc<Shard>) {
    loop {
        let ended = arrival::listen(&mut listener, &client, &shard).await;
        client.borrow_mut().lose(&ended);
        shard.note_ending(ended.to_string());
        let Some(again) = comeback::come_back(&shard, number, &client).await else {
            return shard.note_gone(client.borrow().heard_in_all());
        };
        listener = again;
    }
}

/// A WebSocket ends with its connection. Of a polling session the server would learn by its heartbeat, much later,
/// and keep for it until then whatever the next run says.
async fn say_goodbye(crowd: &Crowd) {
    let present = || crowd.iter().map(|(_, client)| client.borrow()).filter(|client| client.is_in());
    present().for_each(|client| client.leave());
    let all_gone = async {
        while !present().all(|client| client.has_said_all()) {
            sleep(GLANCE).await;
        }
    };
    // Whoever does not answer a goodbye is left to its heartbeat.
    let _ = timeout(LONGEST_GOODBYE, all_gone).await;
}

fn account(shard: &Shard, crowd: &Crowd) -> Account {
    let mut account = Account { ledger: shard.ledger.take(), ..Account::default() };
    let plan = &shard.plan.crowd;
    for (number, client) in crowd {
        account.add(plan.room_of(*number), plan.place_of(*number), &mut client.borrow_mut());
    }
    account
}

const ARRIVALS_AT_ONCE: usize = 64;
const GLANCE: Duration = Duration::from_millis(20);
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);
