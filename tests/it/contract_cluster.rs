//! What a cluster of Redis goes through: rooms and people on several masters, one that dies, slots that move.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use hubbub_core::{Arrival, Broker, Event, Inbound, NodeId, Position, Receipt, RoomId};
use hubbub_tests::redis_cluster::RedisCluster;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::contract_world::{
    Node, claim, connect, draft, eventually, node_with, options_at, position, room, show, within,
};
use hubbub_redis::Options;

/// Enough that every master has several logs, and several rooms' people.
const ROOMS: usize = 24;

/// How long after a master was killed its rooms may be silent: Redis notices that after a second, and votes.
const FAILED_OVER: Duration = Duration::from_secs(10);

fn rooms() -> Vec<RoomId> {
    (0..ROOMS).map(|number| room(&format!("room {number}"))).collect()
}

async fn node(cluster: &RedisCluster) -> Node {
    node_with(options_at(cluster.url())).await
}

async fn living(cluster: &RedisCluster) -> Node {
    let mut node = node(cluster).await;
    node.live();
    node
}

fn log_home(cluster: &RedisCluster, room: &RoomId) -> usize {
    cluster.home(&format!("{{room:{room}}}:m"))
}

#[tokio::test]
async fn rooms_on_all_masters_are_heard_by_two_nodes_in_one_order_each() {
    let cluster = RedisCluster::start();
    let (a, b) = (node(&cluster).await, node(&cluster).await);
    let mut homes: Vec<_> = rooms().iter().map(|room| log_home(&cluster, room)).collect();
    homes.sort_unstable();
    homes.dedup();
    assert_eq!(homes, [0, 1, 2], "every master has some");
    let watching = [Watching::begin(a).await, Watching::begin(b).await];
    for turn in 0..10 {
        let saying = rooms().into_iter().map(async |room| {
            watching[turn % 2].node.say(&room, &format!("{turn}")).await;
        });
        join_all(saying).await;
    }
    for one in &watching {
        one.has_heard("9").await;
        for room in rooms() {
            let expected: Vec<_> = (0..10).map(|turn| format!("ann: {turn}")).collect();
            assert_eq!(one.heard(&room).iter().map(show).collect::<Vec<_>>(), expected);
        }
    }
}

#[tokio::test]
async fn a_node_that_dies_leaves_every_room_once_whoever_has_its_people() {
    let cluster = RedisCluster::start();
    let watching = Watching::begin(living(&cluster).await).await;
    let mut dying = living(&cluster).await;
    for room in rooms() {
        assert!(matches!(dying.enter(claim(&room, "ann")).await, Arrival::First { count: 1, .. }));
        assert!(matches!(watching.node.enter(claim(&room, "ann")).await, Arrival::Again { .. }));
        assert!(matches!(dying.enter(claim(&room, "bob")).await, Arrival::First { count: 2, .. }));
    }
    dying.freeze();
    eventually("bob has left everywhere", async || {
        rooms().iter().all(|room| watching.heard(room).len() == 5)
    })
    .await;
    for room in rooms() {
        let mut heard: Vec<_> = watching.heard(&room).iter().map(show).collect();
        heard[3..].sort();
        assert_eq!(heard, ["+ann", "ann x2", "+bob", "-bob", "ann x1"]);
        assert_eq!(watching.node.users(&room).await, ["ann"]);
    }
}

#[tokio::test]
async fn nodes_of_a_cluster_find_each_other_and_share_a_secret() {
    let cluster = RedisCluster::start();
    let (a, b) = (node(&cluster).await, node(&cluster).await);
    let id = NodeId::random();
    a.backplane.cluster.advertise(&id, None, 8080).await.expect("to advertise");
    let address = b.backplane.cluster.address(&id).await.expect("an answer");
    assert_eq!(address.as_deref(), Some("127.0.0.1:8080"));
    let secrets = [&a, &b].map(|node| node.backplane.cluster.secret());
    let secrets = join_all(secrets).await.into_iter().collect::<Result<Vec<_>, _>>().expect("secrets");
    assert!(secrets[0] == secrets[1]);
}

#[tokio::test]
async fn a_master_that_is_killed_is_replaced_and_the_rooms_of_the_others_notice_nothing() {
    let mut cluster = RedisCluster::start_with_replicas();
    let (mut talk, victim) = Talk::with_a_victim(&cluster).await;
    cluster.kill(victim);
    talk.goes_on().await;
    talk.nobody_else_noticed().await;
}

#[tokio::test]
async fn a_master_that_stops_answering_is_replaced_and_is_not_heard_when_it_comes_back() {
    let cluster = RedisCluster::start_with_replicas();
    let (mut talk, victim) = Talk::with_a_victim(&cluster).await;
    cluster.pause(victim);
    talk.goes_on().await;
    cluster.resume(victim);
    eventually("it follows its heir", async || {
        cluster.cli(victim, &["INFO", "replication"]).contains("master_link_status:up")
    })
    .await;
    talk.all_have_said(20).await;
    talk.nobody_else_noticed().await;
}

#[tokio::test]
async fn a_cluster_that_is_started_after_the_node_or_again_is_found() {
    let mut cluster = RedisCluster::start();
    (0..cluster.size()).for_each(|member| cluster.kill(member));
    let mut node = connect(options_at(cluster.url())).await;
    node.live();
    assert!(node.backplane.broker.publish(draft(&rooms()[0], "too early", "early")).await.is_err());
    assert!(!node.backplane.cluster.healthy());
    for time in 1..=2 {
        (0..cluster.size()).for_each(|member| cluster.restart(member));
        for room in rooms() {
            let _listening = within("a subscription", async {
                loop {
                    if let Ok(listening) = node.backplane.broker.subscribe(&room).await {
                        return listening;
                    }
                }
            })
            .await;
            let text = format!("{room}, time {time}");
            eventually("it is said", async || {
                node.backplane.broker.publish(draft(&room, &text, &text)).await.is_ok()
            })
            .await;
            node.hear_until(&format!("ann: {text}")).await;
        }
        node.is_healthy().await;
    }
}

#[tokio::test]
async fn a_slot_that_moves_takes_its_rooms_and_their_listeners_along() {
    let cluster = RedisCluster::start();
    let mut talk = Talk::begin(&cluster).await;
    let moving = &rooms()[0];
    talk.harmed = vec![moving.clone()];
    let partitions = (0..16).map(|partition| format!("{{h:p{partition}}}:meta"));
    for key in partitions.chain([format!("{{room:{moving}}}:m")]) {
        let home = cluster.home(&key);
        cluster.move_slot(&key, home, (home + 1) % 3);
    }
    talk.goes_on().await;
    for room in rooms() {
        talk.watching[0].node.enter(claim(&room, "bob")).await;
    }
    eventually("bob has come everywhere", async || {
        talk.watching.iter().all(|one| {
            rooms().iter().all(|room| one.heard(room).iter().map(show).any(|heard| heard == "+bob"))
        })
    })
    .await;
    talk.nobody_else_noticed().await;
}

/// A node that listens to all rooms, and what it has heard.
struct Watching {
    node: Node,
    heard: Arc<Mutex<HashMap<RoomId, Vec<Inbound>>>>,
    _listening: Vec<hubbub_core::Subscription>,
    hearing: JoinHandle<()>,
}

impl Watching {
    async fn begin(mut node: Node) -> Self {
        let all = rooms();
        let listening = join_all(all.iter().map(|room| node.listen(room))).await;
        let mut inbox = std::mem::replace(&mut node.backplane.inbox, mpsc::channel(1).1);
        let heard: Arc<Mutex<HashMap<RoomId, Vec<Inbound>>>> = Arc::default();
        let ears = heard.clone();
        let hearing = tokio::spawn(async move {
            while let Some(inbound) = inbox.recv().await {
                let room = match &inbound {
                    Inbound::Heard(envelope) => envelope.room.clone(),
                    Inbound::Gap { room, .. } | Inbound::PresenceGap { room } => room.clone(),
                };
                lock(&ears).entry(room).or_default().push(inbound);
            }
        });
        Self { node, heard, _listening: listening, hearing }
    }

    fn heard(&self, room: &RoomId) -> Vec<Inbound> {
        lock(&self.heard).get(room).cloned().unwrap_or_default()
    }

    /// In all rooms.
    async fn has_heard(&self, text: &str) {
        let text = format!("ann: {text}");
        eventually("everything is heard", async || {
            rooms().iter().all(|room| self.heard(room).iter().any(|inbound| show(inbound) == text))
        })
        .await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

/// What was acknowledged in a room, and how often something was not.
#[derive(Default)]
struct Said {
    receipts: Vec<(String, Receipt)>,
    failures: usize,
}

/// Two nodes that hear all rooms, and someone who talks in every room, again and again until it is acknowledged.
struct Talk {
    watching: [Watching; 2],
    said: HashMap<RoomId, Arc<Mutex<Said>>>,
    is_over: Arc<AtomicBool>,
    talking: Vec<JoinHandle<()>>,
    /// Rooms whose log is where something will happen, and whether that may be refused meanwhile.
    harmed: Vec<RoomId>,
    is_refused: bool,
}

impl Talk {
    async fn begin(cluster: &RedisCluster) -> Self {
        // Nobody's lease may end because a call takes its time.
        let options = || Options { lease: Duration::from_secs(6), ..options_at(cluster.url()) };
        let (mut a, mut b) = (node_with(options()).await, node_with(options()).await);
        a.live();
        b.live();
        let watching = [Watching::begin(a).await, Watching::begin(b).await];
        let is_over = Arc::new(AtomicBool::new(false));
        let (mut said, mut talking) = (HashMap::new(), Vec::new());
        for (room, one) in rooms().into_iter().zip(watching.iter().cycle()) {
            one.node.enter(claim(&room, "ann")).await;
            let mine: Arc<Mutex<Said>> = Arc::default();
            said.insert(room.clone(), mine.clone());
            talking.push(tokio::spawn(talk(one.node.backplane.broker.clone(), room, mine, is_over.clone())));
        }
        let begun = Self { watching, said, is_over, talking, harmed: Vec::new(), is_refused: false };
        begun.all_have_said(20).await;
        begun
    }

    /// With the master that will be harmed.
    async fn with_a_victim(cluster: &RedisCluster) -> (Self, usize) {
        let mut talk = Self::begin(cluster).await;
        let victim = log_home(cluster, &rooms()[0]);
        talk.harmed = rooms().into_iter().filter(|room| log_home(cluster, room) == victim).collect();
        talk.is_refused = true;
        (talk, victim)
    }

    /// Everywhere, in good time.
    async fn goes_on(&mut self) {
        let begun = Instant::now();
        self.all_have_said(20).await;
        let silent = begun.elapsed();
        eventually("both are connected again", async || {
            self.watching.iter().all(|one| one.node.backplane.cluster.healthy())
        })
        .await;
        eprintln!("all rooms were back within {} ms", silent.as_millis());
        assert!(silent < FAILED_OVER, "{silent:?}");
        self.all_have_said(20).await;
    }

    /// So many more messages are acknowledged in each room.
    async fn all_have_said(&self, more: usize) {
        let count = |said: &Arc<Mutex<Said>>| lock(said).receipts.len();
        let before: HashMap<_, _> = self.said.iter().map(|(room, said)| (room, count(said))).collect();
        eventually("everyone is acknowledged", async || {
            self.said.iter().all(|(room, said)| count(said) >= before[room] + more)
        })
        .await;
    }

    /// The harmed rooms have one new epoch; in the others nothing failed and nothing is missing; nobody has left any.
    async fn nobody_else_noticed(self) {
        self.is_over.store(true, Relaxed);
        for talking in self.talking {
            talking.await.expect("it went well");
        }
        for one in &self.watching {
            one.has_heard("end").await;
            for (room, said) in &self.said {
                let (heard, said, is_harmed) = (one.heard(room), lock(said), self.harmed.contains(room));
                assert_eq!(epochs(&heard, &said), if is_harmed { 2 } else { 1 }, "{room}");
                assert!(said.failures == 0 || is_harmed && self.is_refused, "{room}: {}", said.failures);
                assert!(!heard.iter().map(show).any(|heard| heard == "-ann"), "nobody has left {room}");
            }
            for room in self.said.keys() {
                assert!(one.node.users(room).await.contains(&"ann".to_owned()));
            }
        }
    }
}

async fn talk(broker: Arc<dyn Broker>, room: RoomId, said: Arc<Mutex<Said>>, is_over: Arc<AtomicBool>) {
    for turn in 0.. {
        let is_end = is_over.load(Relaxed);
        let text = if is_end { "end".to_owned() } else { turn.to_string() };
        let receipt = loop {
            match broker.publish(draft(&room, &text, &text)).await {
                Ok(receipt) => break receipt,
                Err(_) => lock(&said).failures += 1,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        lock(&said).receipts.push((text, receipt));
        if is_end {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks that positions were contiguous within each epoch, that every new epoch was announced, that nothing came twice
/// in one, and that everything was heard that was acknowledged in the last. What was said just before a master died may
/// have died with it. Answers how many epochs there were.
fn epochs(heard: &[Inbound], said: &Said) -> usize {
    let mut texts: HashMap<Position, String> = HashMap::new();
    let (mut last, mut epochs) = (None::<Position>, 1);
    for inbound in heard {
        match inbound {
            Inbound::Gap { top, .. } => {
                epochs += usize::from(last.is_some_and(|last| last.epoch != top.epoch));
                last = Some(*top);
            }
            Inbound::Heard(envelope) => {
                let Event::Said(message) = &envelope.event else { continue };
                let at = position(envelope);
                if let Some(last) = last {
                    assert_eq!((at.epoch, at.seq), (last.epoch, last.seq + 1), "{}", message.text);
                }
                let known =
                    texts.iter().find(|(known, text)| known.epoch == at.epoch && **text == message.text);
                assert_eq!(known, None, "it came twice");
                texts.insert(at, message.text.clone());
                last = Some(at);
            }
            Inbound::PresenceGap { .. } => {}
        }
    }
    let epoch = last.expect("something was said").epoch;
    for (text, receipt) in &said.receipts {
        if receipt.position.epoch == epoch {
            assert_eq!(texts.get(&receipt.position), Some(text));
        }
    }
    epochs
}
