//! What a failover does to a room: a new epoch that everyone is told of, and then it goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use hubbub_core::{Broker, Inbound, Position, RoomId, SessionId};
use hubbub_redis::{ConnectError, Options};
use hubbub_tests::{
    redis_server::RedisServer,
    sentinel::{DOWN_AFTER, SentinelServers},
};
use tokio::task::JoinHandle;

use crate::contract_world::{Node, draft, eventually, options, position, room, show, watched_node};

/// From the moment at which the sentinels may call a master down, delivery is back after so long.
const FOLLOWED: Duration = Duration::from_secs(4);

fn lobby() -> RoomId {
    room("lobby")
}

/// What was acknowledged, where it stands, and when that was.
type Said = (String, Position, Instant);

/// Someone who says numbers, each until it is acknowledged.
struct Speaker {
    enough: Arc<AtomicBool>,
    task: JoinHandle<Vec<Said>>,
}

impl Speaker {
    fn start(broker: Arc<dyn Broker>, name: &'static str) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let is_enough = enough.clone();
        let task = tokio::spawn(async move {
            let mut said = Vec::new();
            while !is_enough.load(Relaxed) {
                let text = format!("{name} {}", said.len());
                if let Ok(receipt) = broker.publish(draft(&lobby(), &text, &text)).await {
                    said.push((text, receipt.position, Instant::now()));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            said
        });
        Self { enough, task }
    }

    async fn finish(self) -> Vec<Said> {
        self.enough.store(true, Relaxed);
        self.task.await.expect("all said")
    }
}

/// What one node hears.
struct Listener {
    node: Node,
    messages: Vec<(Position, String)>,
    /// An announced gap is before the next message.
    is_told: bool,
}

impl Listener {
    /// All until this is heard. Within an epoch nothing is missing or repeated; a new one is announced.
    async fn hear_until(&mut self, last: &str) {
        while self.messages.last().is_none_or(|(_, text)| text != last) {
            match self.node.next().await {
                Inbound::Heard(envelope) => self.hear(position(&envelope), show(&Inbound::Heard(envelope))),
                Inbound::Gap { .. } => self.is_told = true,
                Inbound::PresenceGap { .. } => {}
            }
        }
    }

    /// Until what its node says is in another epoch than this.
    async fn has_moved(&self, old: u64) {
        eventually("it speaks to another master", async || {
            let said = draft(&lobby(), "moved", &format!("{:x}", SessionId::random().as_u128()));
            let receipt = self.node.backplane.broker.publish(said).await;
            receipt.is_ok_and(|receipt| receipt.position.epoch != old)
        })
        .await;
    }

    fn hear(&mut self, here: Position, text: String) {
        let is_told = std::mem::take(&mut self.is_told);
        if let Some((last, _)) = self.messages.last() {
            let is_next = (here.epoch, here.seq) == (last.epoch, last.seq + 1);
            assert!(is_next && !is_told || is_told && here.epoch > last.epoch, "{here:?} after {last:?}");
        }
        self.messages.push((here, text));
    }

    /// What was said in each epoch.
    fn epochs(&self) -> Vec<&[(Position, String)]> {
        self.messages.chunk_by(|(one, _), (other, _)| one.epoch == other.epoch).collect()
    }
}

/// How a failover went.
struct Failover {
    servers: SentinelServers,
    /// From the failure to the last acknowledgement by the old master.
    last: Duration,
    /// And to the first one by the new master.
    again: Duration,
}

/// Two nodes that speak and hear all the while, and a master that fails in some way.
async fn fails_over(fail: impl FnOnce(&mut SentinelServers)) -> Failover {
    let mut servers = SentinelServers::start(2);
    servers.meet();
    let (mut a, mut b) = (listener(&servers).await, listener(&servers).await);
    let _listening = (a.node.listen(&lobby()).await, b.node.listen(&lobby()).await);
    let [one, other] =
        [("a", &a), ("b", &b)].map(|(name, on)| Speaker::start(on.node.backplane.broker.clone(), name));
    for listener in [&mut a, &mut b] {
        listener.hear_until("ann: a 50").await;
    }
    let old = a.messages[0].0.epoch;

    fail(&mut servers);
    let failed = Instant::now();
    for listener in [&a, &b] {
        listener.has_moved(old).await;
    }
    let said = [one.finish().await, other.finish().await].concat();
    a.node.say(&lobby(), "the end").await;
    for listener in [&mut a, &mut b] {
        listener.hear_until("ann: the end").await;
    }
    let new = heard_as_one(&a, &b, &said);
    let after = |(_, _, at): &Said| at.saturating_duration_since(failed);
    let again = said.iter().filter(|(_, at, _)| at.epoch == new).map(after).min().expect("new messages");
    let last = said.iter().filter(|(_, at, _)| at.epoch == old).map(after).max().expect("old messages");
    eprintln!("the last of the old {last:?}, the first of the new {again:?} after the failure");
    assert!(again < DOWN_AFTER + FOLLOWED, "{again:?}");
    Failover { servers, last, again }
}

/// Both heard two epochs and, in the second, the same and all that was acknowledged. Answers which that is.
fn heard_as_one(a: &Listener, b: &Listener, said: &[Said]) -> u64 {
    let (mine, theirs) = (a.epochs(), b.epochs());
    assert_eq!((mine.len(), theirs.len()), (2, 2), "one failover is one new epoch");
    assert_eq!(mine[1], theirs[1], "one order");
    let new = mine[1][0].0.epoch;
    for (text, position, _) in said.iter().filter(|(_, position, _)| position.epoch == new) {
        assert!(mine[1].contains(&(*position, format!("ann: {text}"))), "{text} was acknowledged, not heard");
    }
    new
}

async fn listener(servers: &SentinelServers) -> Listener {
    Listener { node: watched_node(servers).await, messages: Vec::new(), is_told: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_killed_is_succeeded_and_what_it_lost_is_announced() {
    let Failover { mut servers, .. } = fails_over(|servers| servers.server_mut(0).kill()).await;
    // It comes back and takes itself for the master, until the sentinels tell it otherwise.
    servers.server_mut(0).restart();
    let node = watched_node(&servers).await;
    node.say(&lobby(), "to the heir").await;
    let heir = servers.server(servers.master().expect("a master"));
    assert_eq!(heir.cli(["HGET", "{room:lobby}:m", "run"]), run_id(heir));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_answers_nobody_is_succeeded_and_not_waited_for() {
    let Failover { servers, .. } = fails_over(|servers| servers.server(0).pause()).await;
    servers.server(0).resume();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_cut_off_from_its_sentinels_is_left_though_it_answers() {
    let Failover { servers, .. } = fails_over(|servers| servers.server(0).isolate()).await;
    assert_eq!(servers.server(0).cli(["ROLE"]).lines().next(), Some("master"), "it does not know");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_cut_off_takes_nothing_that_its_heir_will_not_have_if_told_to() {
    let Failover { last, again, .. } = fails_over(|servers| {
        servers.server(0).cli(["CONFIG", "SET", "min-replicas-to-write", "1"]);
        servers.server(0).isolate();
    })
    .await;
    assert!(last < DOWN_AFTER / 2 && again > DOWN_AFTER, "{last:?}, {again:?}");
}

#[tokio::test]
async fn a_node_is_content_with_one_sentinel_that_answers() {
    let mut servers = SentinelServers::start(1);
    servers.meet();
    servers.pause_sentinel(0);
    servers.kill_sentinel(1);
    let node = watched_node(&servers).await;
    node.say(&lobby(), "hello").await;
    servers.server(0).cli(["CLIENT", "KILL", "USER", "hubbub"]);
    node.say(&lobby(), "hello again").await;
}

#[tokio::test]
async fn a_master_that_no_sentinel_knows_is_waited_for() {
    let servers = SentinelServers::start(0);
    let url = servers.url_of("nobody");
    let failed = hubbub_redis::connect(Options { url, fail_fast: true, ..options(servers.server(0)) }).await;
    let Err(error @ ConnectError::Unreachable(_)) = failed else { panic!("it was found") };
    let shown = format!("{error}");
    assert!(shown.contains("No such master") && !shown.contains("asking"), "{shown}");
}

fn run_id(server: &RedisServer) -> String {
    let about = server.cli(["INFO", "server"]);
    let id = about.lines().find_map(|line| line.strip_prefix("run_id:"));
    id.expect("a run id").trim().to_owned()
}
