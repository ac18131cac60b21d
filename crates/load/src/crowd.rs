//! A thread's clients that stay: they arrive, listen, and at the end give account.

use std::{cell::RefCell, rc::Rc, sync::Arc, sync::atomic::Ordering};

use anyhow::Context;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    arrival::{self, Arrival},
    board::Phase,
    client::Client,
    connection::Reader,
    hearing::{Hearing, Said},
    plan::Plan,
    shard::{Ledger, Shard},
    talk,
};

/// What one thread's clients have said, heard and met.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Of those who were connected the whole time.
    pub(crate) hearings: Vec<Hearing>,
    /// Of those who were cut off.
    pub(crate) cut_short: Vec<Hearing>,
    /// By sender.
    pub(crate) said: Vec<(u32, Said)>,
    /// Messages for which the acknowledgement never came.
    pub(crate) unanswered: u64,
    pub(crate) ledger: Ledger,
}

/// From the first arrival to the end of the run.
pub(crate) async fn attend(shard: Rc<Shard>) -> anyhow::Result<Account> {
    let mut tasks = JoinSet::new();
    let crowd = gather(&shard, &mut tasks).await?;
    for (number, client) in &crowd {
        if shard.plan.is_sender(*number) {
            tasks.spawn_local(talk::talk(Rc::clone(&shard), *number, Rc::clone(client)));
        }
    }
    shard.board.phases().wait_for(|phase| *phase == Phase::Over).await.context("the main thread is gone")?;
    tasks.shutdown().await;
    Ok(account(&shard, &crowd))
}

type Crowd = Vec<(u32, Rc<RefCell<Client>>)>;

async fn gather(shard: &Rc<Shard>, tasks: &mut JoinSet<()>) -> anyhow::Result<Crowd> {
    let mut arrivals = begin_arrivals(shard);
    let mut crowd = Crowd::new();
    while let Some(arrival) = arrivals.join_next().await {
        let (number, (reader, client)) = arrival.context("an arrival panicked").flatten()?;
        tasks.spawn_local(stay(reader, Rc::clone(&client), Rc::clone(shard)));
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

async fn stay(mut reader: Reader, client: Rc<RefCell<Client>>, shard: Rc<Shard>) {
    let ended = arrival::listen(&mut reader, &client, &shard).await;
    client.borrow_mut().lose(&ended);
    shard.note_ending(ended.to_string());
}

fn account(shard: &Shard, crowd: &Crowd) -> Account {
    let mut account = Account { ledger: shard.ledger.take(), ..Account::default() };
    for (number, client) in crowd {
        let client = &mut *client.borrow_mut();
        if let Some(voice) = &client.voice {
            account.said.push((*number, voice.said()));
            account.unanswered += u64::from(voice.unanswered());
        }
        let hearing = std::mem::replace(&mut client.hearing, Hearing::new(0));
        if client.is_in() { account.hearings.push(hearing) } else { account.cut_short.push(hearing) }
    }
    account
}

impl Account {
    /// Of several threads, one.
    pub(crate) fn sum(accounts: Vec<Self>) -> Self {
        let mut total = Self::default();
        for account in accounts {
            total.hearings.extend(account.hearings);
            total.cut_short.extend(account.cut_short);
            total.said.extend(account.said);
            total.unanswered += account.unanswered;
            total.ledger.add(account.ledger);
        }
        total
    }

    /// What was said in all, in the senders' order.
    pub(crate) fn said_by_sender(&mut self, plan: &Plan) -> Vec<Said> {
        let mut by_sender: Vec<Said> = (0..plan.crowd.senders).map(|_| Said::default()).collect();
        for (sender, said) in self.said.drain(..) {
            by_sender[sender as usize] = said;
        }
        by_sender
    }
}

const ARRIVALS_AT_ONCE: usize = 64;
