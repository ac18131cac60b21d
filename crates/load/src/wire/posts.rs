//! The sending half of a polling session: one post at a time, with everything that was said during the last.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use tokio::sync::Notify;

use crate::wire::{outbox::Outbox, session::Session};

#[derive(Debug)]
pub(crate) struct Posts {
    session: Rc<Session>,
    waiting: RefCell<VecDeque<String>>,
    /// A post is under way, or none will be any more.
    is_busy: Cell<bool>,
    failure: RefCell<Option<anyhow::Error>>,
    has_failed: Notify,
}

impl Posts {
    pub(crate) fn new(session: Rc<Session>) -> Rc<Self> {
        Rc::new(Self {
            session,
            waiting: RefCell::default(),
            is_busy: Cell::new(false),
            failure: RefCell::default(),
            has_failed: Notify::new(),
        })
    }

    /// Waits until a post has failed, which may never be.
    pub(crate) async fn failure(&self) -> anyhow::Error {
        loop {
            if let Some(failure) = self.failure.take() {
                return failure;
            }
            self.has_failed.notified().await;
        }
    }

    async fn post_all(&self) {
        loop {
            let packets = self.next_body();
            if packets.is_empty() {
                return self.is_busy.set(false);
            }
            if let Err(error) = self.session.post(&packets).await {
                self.waiting.borrow_mut().clear();
                self.failure.replace(Some(error));
                return self.has_failed.notify_one();
            }
        }
    }

    fn next_body(&self) -> Vec<String> {
        let (mut waiting, mut packets, mut bytes) = (self.waiting.borrow_mut(), Vec::new(), 0);
        while bytes < ENOUGH
            && let Some(packet) = waiting.pop_front()
        {
            bytes += packet.len();
            packets.push(packet);
        }
        packets
    }
}

impl Outbox for Posts {
    fn say(&self, packet: &str) {
        self.waiting.borrow_mut().push_back(packet.to_owned());
    }

    fn close(&self) {
        self.say("1");
    }

    fn flush(self: Rc<Self>) {
        if !self.is_busy.replace(true) {
            tokio::task::spawn_local(async move { self.post_all().await });
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty() && !self.is_busy.get()
    }
}

/// Bytes of a body after which the next packet waits for the next: servers take 64 KiB or more.
const ENOUGH: usize = 16 * 1024;
