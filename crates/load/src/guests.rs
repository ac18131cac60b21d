//! A client by WebSocket that does what its workload says, when it says so, and is not asked for an account.

pub(crate) mod observer;

use std::{cell::Cell, cell::RefCell, rc::Rc};

use crate::{
    arguments::target::Node,
    plan::Plan,
    wire::{
        connection::{Ended, Message, Reader},
        outbox::{Frames, Outbox},
        upgrade,
    },
};

/// What all guests of a run share. They are on one thread.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) plan: Plan,
    /// Whoever reads borrows it for that one reading.
    buffer: RefCell<Vec<u8>>,
    /// Bytes of packets that guests were told.
    pub(crate) bytes: Cell<u64>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Guest {
    reader: Reader,
    outbox: Rc<Frames>,
    /// What it says when the server has opened the session.
    connect: String,
}

impl Scene {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, buffer: RefCell::new(vec![0; BUFFER]), bytes: Cell::default() }
    }

    /// A node that comes after the guest's own, if there is another.
    pub(crate) fn other_node(&self, guest: u32, further: u32) -> &Node {
        self.plan.node_of(guest.wrapping_add(further))
    }
}

impl Guest {
    /// A WebSocket at the node; `connect` is the CONNECT packet, whose answer is for the first turns to hear.
    pub(crate) async fn open(scene: &Scene, node: &Node, connect: String) -> anyhow::Result<Self> {
        let upgraded = upgrade::open(node, &scene.plan.path, None).await?;
        let (read_half, write_half) = upgraded.stream.into_split();
        let reader = Reader::new(read_half, upgraded.already_read);
        Ok(Self { reader, outbox: Frames::new(write_half), connect })
    }

    /// Waits for the server to say something. Heartbeats are answered here; dropped halfway, nothing is lost.
    pub(crate) async fn turn(&mut self, scene: &Scene, mut hear: impl FnMut(&[u8])) -> Result<(), Ended> {
        let mut is_closed = false;
        let (outbox, connect) = (&self.outbox, &self.connect);
        let hear = |message: Message<'_>| match message {
            Message::Text(b"2") => outbox.say("3"),
            Message::Text([b'0', ..]) => outbox.say(connect),
            Message::Text(b"1") | Message::Close => is_closed = true,
            Message::Ping(payload) => outbox.pong(payload),
            Message::Text(packet) => {
                scene.bytes.set(scene.bytes.get() + packet.len() as u64);
                hear(packet);
            }
        };
        self.reader.read(&scene.buffer, hear).await?;
        Rc::clone(&self.outbox).flush();
        if is_closed { Err(Ended::Told("closed by the server".to_owned())) } else { Ok(()) }
    }

    /// Hears all that is said, until the connection ends.
    pub(crate) async fn listen(&mut self, scene: &Scene, mut hear: impl FnMut(&[u8])) -> Ended {
        loop {
            if let Err(ended) = self.turn(scene, &mut hear).await {
                return ended;
            }
        }
    }

    pub(crate) fn says(&self, packet: &str) {
        self.voice().says(packet);
    }

    /// For a task that speaks while another listens.
    pub(crate) fn voice(&self) -> GuestVoice {
        GuestVoice(Rc::clone(&self.outbox))
    }

    /// Is gone without a word, as a process that was killed: no goodbye of Socket.IO's, nor WebSocket's.
    pub(crate) fn cut(self) {
        self.outbox.reset();
    }

    /// Leaves in order; `farewell` is the DISCONNECT packet. Waits until the server has ended the connection.
    pub(crate) async fn leave(mut self, scene: &Scene, farewell: &str) {
        self.outbox.say(farewell);
        self.outbox.close();
        Rc::clone(&self.outbox).flush();
        self.listen(scene, |_| {}).await;
    }
}

#[derive(Debug)]
pub(crate) struct GuestVoice(Rc<Frames>);

impl GuestVoice {
    pub(crate) fn says(&self, packet: &str) {
        self.0.say(packet);
        Rc::clone(&self.0).flush();
    }
}

/// Large enough for what a socket holds, small enough to stay in the processor's cache.
const BUFFER: usize = 256 * 1024;
