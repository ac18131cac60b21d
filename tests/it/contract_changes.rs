//! What becomes of messages in Redis is what becomes of them in memory, and costs no more the more often it happens.

use std::time::Duration;

use hubbub_core::{
    Author, Change, Draft, Envelope, Event, History, Message, Position, Revised, Revision, RoomId, Side,
    UserId,
};
use hubbub_tests::redis_server::RedisServer;

use crate::contract_world::{Node, World, name, node, node_with, options, room, within};

const PEOPLE: [&str; 3] = ["ann", "bob", "1"];
/// What a script's JSON might take for something else.
const EMOJI: [&str; 8] = ["\u{1f44d}", "1", "1e3", "__proto__", "null", "\\\"/", "\u{7f}\u{2028}", "[]"];

fn lobby() -> RoomId {
    room("lobby")
}

fn draft(user: &str, text: &str, key: String) -> Draft {
    let author = Author { user: Some(UserId::new(user)), name: name(user) };
    let message =
        Message { author, text: text.to_owned(), cid: None, reply_to: None, channel: None, fate: None };
    Draft { room: lobby(), message, key, origin: None }
}

fn revision(target: Position, user: &str, change: Change, key: String) -> Revision {
    let (user, name) = (UserId::new(user), name(user));
    Revision { room: lobby(), target, user, name, change, cid: None, key, origin: 7.into() }
}

async fn revise(node: &Node, revision: Revision) -> Revised {
    within("a revision", node.backplane.broker.revise(revision)).await.expect("an answer")
}

async fn page(node: &Node, side: Side, limit: usize) -> Option<History> {
    within("a page", node.backplane.broker.history(&lobby(), side, limit)).await.expect("a page")
}

fn react(emoji: &str, on: bool) -> Change {
    let emoji = emoji.to_owned();
    if on { Change::React { emoji } } else { Change::Unreact { emoji } }
}

/// The same numbers each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.roll(from.len() as u64)).expect("small")]
    }

    fn change(&mut self) -> Change {
        match self.roll(10) {
            0 => Change::Delete,
            1 | 2 => Change::Edit { text: format!("{}/{}", self.pick(&EMOJI), self.roll(100)) },
            number => react(self.pick(&EMOJI), number < 7),
        }
    }
}

/// A memory and a Redis that are told the same.
struct Twins {
    nodes: [Node; 2],
    epochs: [u64; 2],
    top: u64,
}

impl Twins {
    async fn begin(server: &RedisServer) -> Self {
        let nodes = [World::memory().node().await, node(server).await];
        let mut twins = Self { nodes, epochs: [0; 2], top: 0 };
        twins.say("ann", "first").await;
        twins
    }

    async fn say(&mut self, user: &str, text: &str) {
        for (node, epoch) in self.nodes.iter().zip(&mut self.epochs) {
            let position = node.publish(draft(user, text, format!("said {}", self.top))).await.position;
            (*epoch, self.top) = (position.epoch, self.top.max(position.seq));
        }
    }

    async fn change(&mut self, seq: u64, user: &str, change: &Change, key: u64) {
        let mut outcomes = Vec::new();
        for (node, epoch) in self.nodes.iter().zip(self.epochs) {
            let target = Position { epoch, seq };
            outcomes.push(
                match revise(node, revision(target, user, change.clone(), key.to_string())).await {
                    Revised::Done(receipt) => format!("done {} {}", receipt.position.seq, receipt.duplicate),
                    Revised::Unchanged(top) => format!("unchanged {}", top.seq),
                    other => format!("{other:?}"),
                },
            );
        }
        assert_eq!(outcomes[0], outcomes[1], "{user} {change:?} {seq}");
        let last = page(&self.nodes[0], Side::End, 1).await;
        assert!(last.is_some());
        let recent = self.nodes[0].backplane.broker.recent(&lobby(), 0).await.expect("the top");
        self.top = recent.top.seq;
    }

    async fn agree(&self, side: impl Fn(Position) -> Side, seq: u64, limit: usize) {
        let mut pages = Vec::new();
        for (node, epoch) in self.nodes.iter().zip(self.epochs) {
            let page = page(node, side(Position { epoch, seq }), limit).await;
            pages.push(page.map(|page| (page.envelopes.iter().map(plain).collect::<Vec<_>>(), page.more)));
        }
        assert_eq!(pages[0], pages[1], "{limit} at {seq}");
    }
}

/// What does not depend on when and where it was said.
fn plain(envelope: &Envelope) -> String {
    let Event::Said(Message { author, text, fate, .. }) = &envelope.event else { panic!("no message") };
    let fate = fate.as_ref().map(|fate| (fate.edited.is_some(), fate.deleted, &fate.reactions));
    format!("{:?} {author:?} {text:?} {fate:?}", envelope.position().map(|position| position.seq))
}

#[tokio::test]
async fn redis_and_memory_agree_on_every_change_and_every_page() {
    let server = RedisServer::start();
    let mut twins = Twins::begin(&server).await;
    let mut dice = Dice(1);
    for turn in 0..1_500_u64 {
        if dice.roll(12) == 0 {
            twins.say(dice.pick(&PEOPLE), dice.pick(&EMOJI)).await;
        }
        let (seq, key) = (dice.roll(twins.top + 2), turn - dice.roll(20).min(turn) / 19);
        twins.change(seq.min(1 + seq % 40), dice.pick(&PEOPLE), &dice.change(), key).await;
        let (seq, limit) = (dice.roll(twins.top + 3), usize::try_from(dice.roll(20)).expect("small"));
        match dice.roll(3) {
            0 => twins.agree(Side::Before, seq, limit + 1).await,
            1 => twins.agree(Side::After, seq, limit + 1).await,
            _ => twins.agree(|_| Side::End, seq, limit + 1).await,
        }
    }
}

#[tokio::test]
async fn pages_are_the_same_however_many_changes_lie_between_two_messages() {
    let server = RedisServer::start();
    let mut twins = Twins::begin(&server).await;
    for round in 0..2 {
        for turn in 0..1_200 {
            twins.change(1, "bob", &react("x", turn % 2 == 0), 10_000 * round + turn).await;
        }
        twins.say("ann", "next").await;
    }
    for seq in [0, 1, 2, 1_201, 1_202, 1_203, 2_402, 2_403, 2_404] {
        for limit in [1, 2, 3, 100] {
            twins.agree(Side::Before, seq, limit).await;
            twins.agree(Side::After, seq, limit).await;
            twins.agree(|_| Side::End, seq, limit).await;
        }
    }
    for limit in [1, 2, 3, 5_000] {
        let mut recent = Vec::new();
        for node in &twins.nodes {
            let read = node.backplane.broker.recent(&lobby(), limit).await.expect("the end");
            recent.push(read.envelopes.iter().map(plain).collect::<Vec<_>>());
        }
        assert_eq!(recent[0], recent[1], "{limit}");
    }
}

#[tokio::test]
async fn millions_of_changes_between_two_messages_hold_nobody_up() {
    let server = RedisServer::start();
    let few = |options| hubbub_redis::Options { history_length: 10, ..options };
    let node = node_with(few(options(&server))).await;
    let first = node.publish(draft("ann", "first", "0".to_owned())).await.position;
    server.cli(["HINCRBY", "{room:lobby}:m", "offset", "100000000"]);
    let recent = node.backplane.broker.recent(&lobby(), 1).await.expect("the end, soon");
    assert_eq!(recent.envelopes[0].position(), Some(first));
    let history = page(&node, Side::End, 1).await.expect("the end");
    assert_eq!((history.envelopes[0].position(), history.more), (Some(first), false));
    for number in 1..=11 {
        node.publish(draft("ann", "next", number.to_string())).await;
    }
    assert_eq!(page(&node, Side::End, 100).await.expect("the end").envelopes.len(), 10);
    let low: u64 = server.cli(["HGET", "{room:lobby}:m", "low"]).parse().expect("a number");
    assert!(low > first.seq + 1_000_000, "trimmed as far as the second message: {low}");
}

#[tokio::test]
async fn who_reacted_is_known_for_as_long_as_the_message() {
    let server = RedisServer::start();
    let node = node(&server).await;
    let target = node.publish(draft("ann", "popular", "0".to_owned())).await.position;
    revise(&node, revision(target, "bob", react("x", true), "1".to_owned())).await;
    let soon = Duration::from_mins(1).as_millis().to_string();
    server.cli(["PEXPIRE", "{room:lobby}:e", &soon]);
    node.publish(draft("ann", "next", "2".to_owned())).await;
    let left: u64 = server.cli(["PTTL", "{room:lobby}:e"]).parse().expect("a time");
    assert!(left > 1_000_000, "{left} ms");
}
