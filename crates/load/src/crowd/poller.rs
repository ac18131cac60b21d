//! The receiving half of a polling session: one poll at a time, and the heartbeat where it is the client's.

use std::{cell::RefCell, future::pending, pin::pin, rc::Rc};

use bytes::Bytes;
use tokio::time::{Instant, Interval, interval_at};

use crate::{
    crowd::{client::Client, shard::Shard},
    wire::{
        connection::{Ended, Message},
        outbox::Outbox,
        payload::Eio,
        posts::Posts,
        session::Session,
    },
};

#[derive(Debug)]
pub(crate) struct Poller {
    session: Rc<Session>,
    posts: Rc<Posts>,
    /// In protocol 3 the client pings.
    heartbeat: Option<Interval>,
}

impl Poller {
    pub(crate) fn new(session: Rc<Session>, posts: Rc<Posts>) -> Self {
        let every = session.ping_interval();
        let heartbeat = (session.eio() == Eio::Three).then(|| interval_at(Instant::now() + every, every));
        Self { session, posts, heartbeat }
    }

    /// The session's id.
    pub(crate) fn session(&self) -> &str {
        self.session.id()
    }

    /// Polls once and lets the client hear what came.
    pub(crate) async fn turn(&mut self, client: &RefCell<Client>, shard: &Shard) -> Result<(), Ended> {
        let body = self.poll().await?;
        self.hear(&body, client, shard)
    }

    pub(crate) fn hear(&self, body: &[u8], client: &RefCell<Client>, shard: &Shard) -> Result<(), Ended> {
        let now = shard.plan.now();
        let mut client = client.borrow_mut();
        for packet in self.session.eio().decode(body).map_err(anyhow::Error::from)? {
            client.hear(&Message::Text(packet), now);
        }
        client.end_turn()
    }

    async fn poll(&mut self) -> anyhow::Result<Bytes> {
        let mut polled = pin!(self.session.poll());
        loop {
            tokio::select! {
                body = &mut polled => return body,
                failure = self.posts.failure() => return Err(failure),
                () = beat(&mut self.heartbeat) => {
                    self.posts.say("2");
                    Rc::clone(&self.posts).flush();
                }
            }
        }
    }
}

async fn beat(heartbeat: &mut Option<Interval>) {
    match heartbeat {
        Some(heartbeat) => drop(heartbeat.tick().await),
        None => pending().await,
    }
}
