//! The stage of the contract suite: backplanes, the nodes that use them, and short words for what they do.

use std::{future::Future, time::Duration};

use hubbub_core::{
    Arrival, Author, Backplane, Claim, Departure, Draft, Envelope, Event, Exit, Hint, Inbound, Message, Name,
    NodeId, Place, Position, Receipt, RoomId, SessionId, Subscription, UserId,
};
use hubbub_redis::Options;
use hubbub_tests::{redis_cluster::RedisCluster, redis_server::RedisServer, sentinel::SentinelServers};
use tokio::task::AbortHandle;

/// How long anything may take that is not itself a measure of time: enough for a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A backplane to run the suite over.
pub(crate) enum World {
    Memory,
    Redis(RedisServer),
    Sentinel(SentinelServers),
    Cluster(RedisCluster),
}

impl World {
    pub(crate) fn memory() -> Self {
        Self::Memory
    }

    pub(crate) fn redis() -> Self {
        Self::Redis(RedisServer::start())
    }

    pub(crate) fn sentinel() -> Self {
        Self::Sentinel(SentinelServers::start(2))
    }

    pub(crate) fn cluster() -> Self {
        Self::Cluster(RedisCluster::start())
    }

    /// A node of it, connected. In memory there is only one, alone.
    pub(crate) async fn node(&self) -> Node {
        match self {
            Self::Memory => Node::new(hubbub_core::memory(hubbub_core::HISTORY_LENGTH)),
            Self::Redis(server) => node(server).await,
            Self::Sentinel(servers) => watched_node(servers).await,
            Self::Cluster(cluster) => node_with(options_at(cluster.url())).await,
        }
    }
}

/// Leases that end within a test's patience, but not because the machine is busy for a moment.
pub(crate) fn options(server: &RedisServer) -> Options {
    options_at(server.url())
}

/// The same, wherever Redis is.
pub(crate) fn options_at(url: String) -> Options {
    Options {
        lease: Duration::from_secs(2),
        beat: Duration::from_millis(400),
        sweep: Duration::from_millis(300),
        ..Options::new(url, NodeId::random())
    }
}

/// Another node on this Redis, connected.
pub(crate) async fn node(server: &RedisServer) -> Node {
    node_with(options(server)).await
}

/// A node that asks these sentinels for its Redis, connected.
pub(crate) async fn watched_node(servers: &SentinelServers) -> Node {
    node_with(Options { url: servers.url(), ..options(servers.server(0)) }).await
}

pub(crate) async fn node_with(options: Options) -> Node {
    let node = connect(options).await;
    node.is_healthy().await;
    node
}

/// A node that may not be connected yet.
pub(crate) async fn connect(options: Options) -> Node {
    Node::new(hubbub_redis::connect(options).await.expect("a URL that is understood"))
}

/// A gateway's side of a backplane.
pub(crate) struct Node {
    pub(crate) backplane: Backplane,
    heart: Option<AbortHandle>,
}

impl Node {
    fn new(backplane: Backplane) -> Self {
        Self { backplane, heart: None }
    }

    pub(crate) async fn is_healthy(&self) {
        eventually("the node is connected", async || self.backplane.cluster.healthy()).await;
    }

    /// Keeps its lease from now on, as a gateway does.
    pub(crate) fn live(&mut self) {
        let presence = self.backplane.presence.clone();
        let heart = tokio::spawn(async move {
            loop {
                // It fails while Redis is away.
                let _ = presence.heartbeat().await;
                tokio::time::sleep(presence.beat()).await;
            }
        });
        self.heart = Some(heart.abort_handle());
    }

    /// Keeps it no longer.
    pub(crate) fn freeze(&mut self) {
        if let Some(heart) = self.heart.take() {
            heart.abort();
        }
    }

    pub(crate) async fn listen(&self, room: &RoomId) -> Subscription {
        within("a subscription", self.backplane.broker.subscribe(room)).await.expect("a subscription")
    }

    pub(crate) async fn say(&self, room: &RoomId, text: &str) -> Receipt {
        let key = format!("{:x}", SessionId::random().as_u128());
        self.publish(draft(room, text, &key)).await
    }

    pub(crate) async fn publish(&self, draft: Draft) -> Receipt {
        within("a receipt", self.backplane.broker.publish(draft)).await.expect("a receipt")
    }

    /// Someone types, or no longer does.
    pub(crate) async fn hint(&self, room: &RoomId, who: &str, on: bool) {
        let hint = typing(who, on);
        within("a hint", self.backplane.broker.hint(room, hint, SessionId::random())).await.expect("a hint");
    }

    pub(crate) async fn enter(&self, claim: Claim) -> Arrival {
        within("an arrival", self.backplane.presence.enter(claim)).await.expect("an arrival")
    }

    pub(crate) async fn leave(&self, exit: Exit) -> Departure {
        within("a departure", self.backplane.presence.leave(exit)).await.expect("a departure")
    }

    /// Users in a room.
    pub(crate) async fn users(&self, room: &RoomId) -> Vec<String> {
        let occupancy =
            within("occupants", self.backplane.presence.occupants(room)).await.expect("occupants");
        occupancy.occupants.iter().map(|who| who.user.to_string()).collect()
    }

    /// How many devices each of them has.
    pub(crate) async fn devices(&self, room: &RoomId) -> Vec<(String, usize)> {
        let occupancy =
            within("occupants", self.backplane.presence.occupants(room)).await.expect("occupants");
        occupancy.occupants.iter().map(|who| (who.user.to_string(), who.devices)).collect()
    }

    /// What the inbox has next.
    pub(crate) async fn next(&mut self) -> Inbound {
        within("something to hear", self.backplane.inbox.recv()).await.expect("the backplane lives")
    }

    /// What the inbox has next, in short.
    pub(crate) async fn hear(&mut self) -> String {
        show(&self.next().await)
    }

    /// All until this is heard, in short, without it.
    pub(crate) async fn hear_until(&mut self, last: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let next = self.hear().await;
            if next == last {
                return heard;
            }
            heard.push(next);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.freeze();
    }
}

/// "ann: hello", "+ann", "ann x2" (with two devices), "-ann", "ann types", "ann rests", "gap lobby", "presence gap lobby".
pub(crate) fn show(inbound: &Inbound) -> String {
    match inbound {
        Inbound::Heard(envelope) => match &envelope.event {
            Event::Said(message) => format!("{}: {}", message.author.name, message.text),
            Event::Updated(update) => format!("{}: {:?} {}", update.author.name, update.change, update.count),
            Event::Joined(who) => format!("+{}", who.user),
            Event::Counted(who) => format!("{} x{}", who.user, who.devices),
            Event::Left(who) => format!("-{}", who.user),
            Event::Hinted(Hint::Typing { who, on: true }) => format!("{} types", who.name),
            Event::Hinted(Hint::Typing { who, on: false }) => format!("{} rests", who.name),
            Event::Hinted(Hint::Read { who, seq }) => format!("{} has read {seq}", who.name),
        },
        Inbound::Gap { room, .. } => format!("gap {room}"),
        Inbound::PresenceGap { room } => format!("presence gap {room}"),
    }
}

/// Where a message that was heard stands.
pub(crate) fn position(envelope: &Envelope) -> Position {
    match envelope.place {
        Place::Logged(position) => position,
        Place::Presence { .. } | Place::Volatile => panic!("{envelope:?} is no message"),
    }
}

pub(crate) fn room(name: &str) -> RoomId {
    RoomId::parse(name).expect("a room")
}

pub(crate) fn name(name: &str) -> Name {
    Name::parse(name).expect("a name")
}

/// Ann says it, under a key of her own.
pub(crate) fn draft(room: &RoomId, text: &str, key: &str) -> Draft {
    let author = Author { user: Some(UserId::new("ann")), name: name("ann") };
    let cid = Some(key.to_owned());
    let message = Message { author, text: text.to_owned(), cid, reply_to: None, channel: None, fate: None };
    Draft { room: room.clone(), message, key: key.to_owned(), origin: Some(SessionId::random()) }
}

/// Someone with a label types, or no longer does.
pub(crate) fn typing(who: &str, on: bool) -> Hint {
    Hint::Typing { who: Author { user: None, name: name(who) }, on }
}

/// Someone whose name is their id, in a new session.
pub(crate) fn claim(room: &RoomId, user: &str) -> Claim {
    Claim {
        room: room.clone(),
        user: UserId::new(user),
        name: name(user),
        subject: None,
        session: SessionId::random(),
        renames: false,
        grace: Duration::ZERO,
    }
}

/// The way out of a claim, at once.
pub(crate) fn exit(claim: &Claim) -> Exit {
    let Claim { room, user, session, .. } = claim.clone();
    Exit { room, user, session, grace: Duration::ZERO }
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("no {what} within {DEADLINE:?}"))
}

/// Asks until it is so.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    within(what, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
