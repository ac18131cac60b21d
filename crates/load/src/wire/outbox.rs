//! The sending half of a connection: everything said in one turn goes out together.

use std::{
    cell::{Cell, RefCell},
    fmt::Debug,
    io::ErrorKind,
    rc::Rc,
};

use tokio::net::tcp::OwnedWriteHalf;

use crate::wire::frame;

/// Whatever carries it. Nothing is sent before [`Outbox::flush`].
pub(crate) trait Outbox: Debug {
    /// One Engine.IO packet.
    fn say(&self, packet: &str);

    /// Answers a WebSocket's own ping, where there can be one.
    fn pong(&self, _payload: &[u8]) {}

    /// The connection's end, in order.
    fn close(&self);

    /// Never waits. A connection that is lost is noticed where it is read.
    fn flush(self: Rc<Self>);

    /// All that was said is out.
    fn is_empty(&self) -> bool;
}

/// A WebSocket's: one write for each turn.
#[derive(Debug)]
pub(crate) struct Frames {
    half: OwnedWriteHalf,
    waiting: RefCell<Vec<u8>>,
    /// How much of that is out already: a long queue is not moved for every write.
    written: Cell<usize>,
    /// The server does not take more just now, and a task of ours waits until it does.
    is_blocked: Cell<bool>,
}

impl Frames {
    pub(crate) fn new(half: OwnedWriteHalf) -> Rc<Self> {
        Rc::new(Self {
            half,
            waiting: RefCell::default(),
            written: Cell::new(0),
            is_blocked: Cell::new(false),
        })
    }

    /// What was said and is not out is forgotten, and the server is told by a reset when both halves are dropped.
    pub(crate) fn reset(&self) {
        // A connection that is gone already cannot be cut.
        let _ = self.half.as_ref().set_zero_linger();
    }

    async fn flush_when_writable(&self) {
        while self.half.writable().await.is_ok() && self.write_what_fits() {}
        self.is_blocked.set(false);
    }

    /// True when something is left that would have to wait.
    fn write_what_fits(&self) -> bool {
        let (waiting, mut written) = (&mut *self.waiting.borrow_mut(), self.written.take());
        while written < waiting.len() {
            match self.half.try_write(&waiting[written..]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if written > waiting.len() / 2 {
                        waiting.drain(..std::mem::take(&mut written));
                    }
                    self.written.set(written);
                    return true;
                }
                Err(_) => break,
            }
        }
        waiting.clear();
        false
    }
}

impl Outbox for Frames {
    fn say(&self, packet: &str) {
        frame::push_text(&mut self.waiting.borrow_mut(), packet);
    }

    fn pong(&self, payload: &[u8]) {
        frame::push_pong(&mut self.waiting.borrow_mut(), payload);
    }

    fn close(&self) {
        frame::push_close(&mut self.waiting.borrow_mut());
    }

    fn flush(self: Rc<Self>) {
        if self.is_blocked.get() || self.is_empty() {
            return;
        }
        if self.write_what_fits() {
            self.is_blocked.set(true);
            tokio::task::spawn_local(async move { self.flush_when_writable().await });
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }
}
