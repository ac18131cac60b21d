//! Everybody who is there, and what is to be told to them next.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{sync::Notify, task::spawn_local, time};

use crate::{frame, member::Member, redis::Redis};

/// As in every other server here.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(25);

#[derive(Default)]
pub(crate) struct Hub {
    members: RefCell<BTreeMap<u64, Rc<Member>>>,
    last: Cell<u64>,
    batch: RefCell<BytesMut>,
    filled: Notify,
    redis: Option<Redis>,
}

impl Hub {
    pub(crate) fn alone() -> Self {
        Self::default()
    }

    pub(crate) fn joined(redis: Redis) -> Self {
        Self { redis: Some(redis), ..Self::default() }
    }

    pub(crate) fn enter(&self, member: &Rc<Member>) -> u64 {
        let number = self.last.get() + 1;
        self.last.set(number);
        self.members.borrow_mut().insert(number, Rc::clone(member));
        number
    }

    pub(crate) fn leave(&self, number: u64) {
        self.members.borrow_mut().remove(&number);
    }

    /// A finished frame for everybody, on every node.
    pub(crate) fn say(&self, frame: &[u8]) {
        match &self.redis {
            Some(redis) => redis.publish(frame),
            None => self.hear(frame),
        }
    }

    fn hear(&self, frame: &[u8]) {
        self.batch.borrow_mut().extend_from_slice(frame);
        self.filled.notify_one();
    }

    fn tell(&self, batch: &Bytes) {
        for member in self.members.borrow().values() {
            member.push(batch);
        }
    }
}

/// The hub's own tasks.
pub(crate) fn start(hub: &Rc<Hub>) {
    spawn_local(deliver(Rc::clone(hub)));
    spawn_local(ping(Rc::clone(hub)));
    let listening = Rc::clone(hub);
    if let Some(subscription) = hub.redis.as_ref().and_then(Redis::take_subscription) {
        spawn_local(async move { subscription.listen(|frame| listening.hear(frame)).await });
    }
}

/// It is woken by the first frame, and runs when all sockets that were readable then have been read.
async fn deliver(hub: Rc<Hub>) {
    loop {
        hub.filled.notified().await;
        let batch = hub.batch.take().freeze();
        hub.tell(&batch);
    }
}

async fn ping(hub: Rc<Hub>) {
    let ping = Bytes::from(frame::text(b"2"));
    let mut interval = time::interval(PING_INTERVAL);
    interval.tick().await;
    loop {
        interval.tick().await;
        hub.tell(&ping);
    }
}
