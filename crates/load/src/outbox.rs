//! The sending half of a connection: everything said in one turn goes out in one write.

use std::{
    cell::{Cell, RefCell},
    io::ErrorKind,
    rc::Rc,
};

use tokio::net::tcp::OwnedWriteHalf;

#[derive(Debug)]
pub(crate) struct Outbox {
    half: OwnedWriteHalf,
    waiting: RefCell<Vec<u8>>,
    /// The server does not take more just now, and a task of ours waits until it does.
    is_blocked: Cell<bool>,
}

impl Outbox {
    pub(crate) fn new(half: OwnedWriteHalf) -> Rc<Self> {
        Rc::new(Self { half, waiting: RefCell::default(), is_blocked: Cell::new(false) })
    }

    /// Nothing is sent before [`Outbox::flush`].
    pub(crate) fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.waiting.borrow_mut());
    }

    /// Never waits. A connection that is lost is noticed where it is read.
    pub(crate) fn flush(self: &Rc<Self>) {
        if self.is_blocked.get() || self.waiting.borrow().is_empty() {
            return;
        }
        if self.write_what_fits() {
            self.is_blocked.set(true);
            let this = Rc::clone(self);
            tokio::task::spawn_local(async move { this.flush_when_writable().await });
        }
    }

    async fn flush_when_writable(&self) {
        while self.half.writable().await.is_ok() && self.write_what_fits() {}
        self.is_blocked.set(false);
    }

    /// True when something is left that would have to wait.
    fn write_what_fits(&self) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        while !waiting.is_empty() {
            match self.half.try_write(&waiting) {
                Ok(written) => drop(waiting.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => waiting.clear(),
            }
        }
        false
    }
}
