//! How a client comes in: its transport, Engine.IO, Socket.IO, and the vocabulary's greeting.

use std::{cell::RefCell, rc::Rc, time::Duration};

use anyhow::Context;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    arguments::target::Node,
    crowd::{client::Client, poller::Poller, shard::Shard},
    plan::Transport,
    wire::{
        connection::{Ended, Message, Reader},
        outbox::{Frames, Outbox},
        payload::Eio,
        posts::Posts,
        session::{Route, Session},
        upgrade,
    },
};

/// A client that is in, and the half that makes it listen.
pub(crate) type Arrival = (Listener, Rc<RefCell<Client>>);

#[derive(Debug)]
pub(crate) enum Listener {
    WebSocket(Reader),
    Polling(Poller),
}

impl Listener {
    /// Waits for the server to say something and lets the client hear it.
    pub(super) async fn turn(&mut self, client: &RefCell<Client>, shard: &Shard) -> Result<(), Ended> {
        match self {
            Self::WebSocket(reader) => reader.turn(client, shard).await,
            Self::Polling(poller) => poller.turn(client, shard).await,
        }
    }
}

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
    let transport = shard.plan.transport_of(number);
    let (mut listener, client) = match transport {
        Transport::WebSocket => open_websocket(shard, number).await?,
        Transport::Upgraded => open_session(shard, number, Eio::Four).await?,
        Transport::Polling(eio) => open_session(shard, number, eio).await?,
    };
    while !client.borrow().is_in() {
        listener.turn(&client, shard).await?;
    }
    match (transport, listener) {
        (Transport::Upgraded, Listener::Polling(poller)) => {
            let listener = upgrade(shard, shard.plan.node_of(number + 1), &poller, &client).await?;
            Ok((listener, client))
        }
        (_, listener) => Ok((listener, client)),
    }
}

/// The session's requests have gone to the nodes in turn, and so does this one.
async fn upgrade(
    shard: &Rc<Shard>,
    node: &Node,
    poller: &Poller,
    client: &Rc<RefCell<Client>>,
) -> anyhow::Result<Listener> {
    while !client.borrow().has_said_all() {
        sleep(GLANCE).await;
    }
    let upgraded = upgrade::open(node, &shard.plan.path, Some(poller.session())).await?;
    let (read_half, write_half) = upgraded.stream.into_split();
    let (mut reader, outbox) = (Reader::new(read_half, upgraded.already_read), Frames::new(write_half));
    outbox.say("2probe");
    Rc::clone(&outbox).flush();
    let mut is_probed = false;
    while !is_probed {
        reader.read(&shard.buffer, |message| is_probed |= message == Message::Text(b"3probe")).await?;
    }
    outbox.say("5");
    Rc::clone(&outbox).flush();
    client.borrow_mut().speak_by(outbox);
    Ok(Listener::WebSocket(reader))
}

async fn open_websocket(shard: &Rc<Shard>, number: u32) -> anyhow::Result<Arrival> {
    let (listener, outbox) = connect(shard, shard.plan.node_of(number)).await?;
    Ok((listener, client(shard, number, outbox)))
}

/// A WebSocket, on which nothing was said yet.
pub(super) async fn connect(shard: &Shard, node: &Node) -> anyhow::Result<(Listener, Rc<dyn Outbox>)> {
    let upgraded = upgrade::open(node, &shard.plan.path, None).await?;
    let (read_half, write_half) = upgraded.stream.into_split();
    let reader = Reader::new(read_half, upgraded.already_read);
    Ok((Listener::WebSocket(reader), Frames::new(write_half)))
}

async fn open_session(shard: &Rc<Shard>, number: u32, eio: Eio) -> anyhow::Result<Arrival> {
    let route = Route::in_turn(number as usize);
    let (session, opening) =
        Session::open(Rc::clone(&shard.pool), shard.plan.path.clone(), eio, route).await?;
    let session = Rc::new(session);
    let posts = Posts::new(Rc::clone(&session));
    let client = client(shard, number, Rc::clone(&posts) as Rc<dyn Outbox>);
    let poller = Poller::new(session, posts);
    poller.hear(&opening, &client, shard)?;
    Ok((Listener::Polling(poller), client))
}

fn client(shard: &Rc<Shard>, number: u32, outbox: Rc<dyn Outbox>) -> Rc<RefCell<Client>> {
    Rc::new(RefCell::new(Client::new(Rc::clone(shard), number, outbox)))
}

/// Listens until the connection ends.
pub(crate) async fn listen(listener: &mut Listener, client: &RefCell<Client>, shard: &Shard) -> Ended {
    loop {
        if let Err(ended) = listener.turn(client, shard).await {
            return ended;
        }
    }
}

const GLANCE: Duration = Duration::from_millis(2);
const LONGEST_ARRIVAL: Duration = Duration::from_secs(20);
