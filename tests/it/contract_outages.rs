//! What Redis's troubles do to a room's log: nothing that is not said.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hubbub_core::{Inbound, NodeId, Position, RoomId, SessionId};
use hubbub_redis::{ConnectError, Options};
use hubbub_tests::redis_server::RedisServer;

use crate::contract_world::{
    Node, connect, draft, eventually, node, node_with, options, position, room, show, typing, within,
};

/// A call may take so long when Redis does not answer.
const BOUNDED: Duration = Duration::from_secs(6);

fn lobby() -> RoomId {
    room("lobby")
}

/// Until a listening connection of this node's is there.
async fn subscribers(server: &RedisServer, count: usize) {
    eventually("all nodes are subscribed", async || {
        server.cli(["PUBSUB", "NUMSUB", "{room:lobby}:c"]) == format!("{{room:lobby}}:c\n{count}")
    })
    .await;
}

#[tokio::test]
async fn two_nodes_hear_one_order_without_holes() {
    let server = RedisServer::start();
    let (mut a, mut b) = (node(&server).await, node(&server).await);
    let _listening = (a.listen(&lobby()).await, b.listen(&lobby()).await);
    let mut senders = Vec::new();
    for sender in 0..6 {
        let broker = if sender % 2 == 0 { &a } else { &b }.backplane.broker.clone();
        senders.push(tokio::spawn(async move {
            for turn in 0..50 {
                let text = format!("{sender}-{turn}");
                broker.publish(draft(&lobby(), &text, &text)).await.expect("a receipt");
            }
        }));
    }
    for seq in 1..=300 {
        let (Inbound::Heard(one), Inbound::Heard(other)) = (a.next().await, b.next().await) else {
            panic!("a gap");
        };
        assert_eq!(position(&one).seq, seq);
        assert_eq!(one, other);
    }
}

#[tokio::test]
async fn a_retry_on_another_node_is_the_same_message() {
    let server = RedisServer::start();
    let (mut a, b) = (node(&server).await, node(&server).await);
    let _listening = a.listen(&lobby()).await;
    let mut draft = draft(&lobby(), "once", "ann:1");
    // The node's own retries have the node's own key.
    draft.message.cid = None;
    let first = a.publish(draft.clone()).await;
    let again = b.publish(draft).await;
    assert_eq!((again.position, again.at, again.duplicate), (first.position, first.at, true));
    b.say(&lobby(), "next").await;
    assert_eq!([a.hear().await, a.hear().await], ["ann: once", "ann: next"]);
}

#[tokio::test]
async fn a_hint_reaches_the_other_nodes_and_none_while_redis_is_away() {
    let mut server = RedisServer::start();
    let (mut a, b) = (node(&server).await, node(&server).await);
    let _listening = a.listen(&lobby()).await;
    b.hint(&lobby(), "bob", true).await;
    assert_eq!(a.hear().await, "bob types");

    server.kill();
    let begun = Instant::now();
    let lost = b.backplane.broker.hint(&lobby(), typing("bob", true), SessionId::random()).await;
    assert!(lost.is_err() && begun.elapsed() < BOUNDED);
    server.restart();
    b.is_healthy().await;
    b.say(&lobby(), "back").await;
    let heard = a.hear_until("ann: back").await;
    assert!(!heard.contains(&"bob types".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn the_history_is_bounded_and_what_it_lost_is_not_recovered() {
    let server = RedisServer::start();
    let node = node_with(Options { history_length: 50, ..options(&server) }).await;
    let mut positions = Vec::new();
    for number in 0..500 {
        positions.push(node.say(&lobby(), &format!("{number}")).await.position);
    }
    let recent = node.backplane.broker.recent(&lobby(), 1_000).await.expect("recent messages");
    assert!((50..=55).contains(&recent.envelopes.len()), "{}", recent.envelopes.len());
    assert_eq!(recent.envelopes.last().map(position), positions.last().copied());
    let recover = async |since: usize| {
        let answer = node.backplane.broker.read_on(&lobby(), positions[since], 1_000).await;
        answer.expect("an answer").map(|missed| missed.envelopes.len())
    };
    assert_eq!(recover(0).await, None);
    assert_eq!(recover(460).await, Some(39));
}

#[tokio::test]
async fn a_log_that_was_lost_begins_anew_and_listeners_are_told_though_nobody_speaks() {
    let server = RedisServer::start();
    let mut node = node(&server).await;
    let _listening = node.listen(&lobby()).await;
    let before = node.say(&lobby(), "before").await.position;
    assert_eq!(node.hear().await, "ann: before");

    server.cli(["FLUSHALL"]);
    let Inbound::Gap { top, .. } = node.next().await else { panic!("no gap") };
    assert!(top.epoch > before.epoch);
    assert_eq!(top.seq, 0);
    assert_eq!(node.backplane.broker.read_on(&lobby(), before, 10).await.expect("an answer"), None);
    let after = node.say(&lobby(), "after").await.position;
    assert_eq!(after, Position { seq: 1, ..top });
    assert_eq!(node.hear().await, "ann: after");
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_has_a_new_epoch_and_is_heard_again() {
    let mut server = RedisServer::start();
    let mut node = node(&server).await;
    let _listening = node.listen(&lobby()).await;
    let before = node.say(&lobby(), "before").await.position;
    assert_eq!(node.hear().await, "ann: before");

    server.restart_empty();
    node.is_healthy().await;
    let after = node.say(&lobby(), "after").await.position;
    assert!(after.epoch > before.epoch);
    assert_eq!(after.seq, 1);
    let mut heard = node.hear_until("ann: after").await;
    // Whether presence is said to be missing before or after it is not settled.
    heard.retain(|heard| !heard.starts_with("presence"));
    assert_eq!(heard, ["gap lobby"]);
}

#[tokio::test]
async fn a_redis_that_comes_back_with_its_data_counts_on_in_a_new_epoch_and_nothing_is_missed() {
    let mut server = RedisServer::start();
    let (mut a, b) = (node(&server).await, node(&server).await);
    let _listening = a.listen(&lobby()).await;
    let before = b.say(&lobby(), "before").await.position;
    assert_eq!(a.hear().await, "ann: before");

    server.restart();
    // One of them is back before the other and speaks at once.
    let mut first = None;
    for number in 0..3 {
        let receipt = b.say(&lobby(), &format!("after {number}")).await;
        first = first.or(Some(receipt.position));
    }
    let first = first.expect("a position");
    assert!(first.epoch > before.epoch);
    assert_eq!(first.seq, before.seq + 1);

    let mut heard = a.hear_until("ann: after 2").await;
    heard.retain(|heard| !heard.starts_with("presence"));
    assert_eq!(heard, ["gap lobby", "ann: after 0", "ann: after 1"]);
    assert_eq!(a.backplane.broker.read_on(&lobby(), before, 10).await.expect("an answer"), None);
    let recent = a.backplane.broker.recent(&lobby(), 10).await.expect("recent messages");
    assert_eq!(recent.envelopes.len(), 4, "the history reads on");
}

#[tokio::test]
async fn what_is_said_while_a_subscriber_is_cut_off_is_heard_in_order_and_once() {
    let server = RedisServer::start();
    let (mut a, b) = (node(&server).await, node(&server).await);
    let _listening = a.listen(&lobby()).await;
    for round in 0..5 {
        server.cli(["CLIENT", "KILL", "TYPE", "pubsub"]);
        for number in 0..20 {
            b.say(&lobby(), &format!("{round}: {number}")).await;
        }
        subscribers(&server, 1).await;
        for number in 0..20 {
            let heard = within("a message", async {
                loop {
                    match a.hear().await {
                        gap if gap == "presence gap lobby" => {}
                        heard => break heard,
                    }
                }
            });
            assert_eq!(heard.await, format!("ann: {round}: {number}"));
        }
    }
}

#[tokio::test]
async fn a_lost_tail_on_a_quiet_room_is_found() {
    let server = RedisServer::start();
    let mut node = node(&server).await;
    let _listening = node.listen(&lobby()).await;
    let Position { epoch, seq } = node.say(&lobby(), "heard").await.position;
    assert_eq!(node.hear().await, "ann: heard");

    // In the log, but never said to anyone.
    server.cli(["HINCRBY", "{room:lobby}:m", "offset", "1"]);
    let (id, frame) =
        (format!("{}-0", seq + 1), format!("1S{epoch}:{}:7:-:{{\"n\":\"bob\",\"t\":\"lost\"}}", seq + 1));
    server.cli(["XADD", "{room:lobby}:s", &id, "d", &frame]);
    assert_eq!(node.hear().await, "bob: lost");
    node.say(&lobby(), "next").await;
    assert_eq!(node.hear().await, "ann: next");
}

#[tokio::test]
async fn what_is_gone_from_the_log_too_is_an_announced_gap() {
    let server = RedisServer::start();
    let mut node = node(&server).await;
    let _listening = node.listen(&lobby()).await;
    let before = node.say(&lobby(), "heard").await.position;
    assert_eq!(node.hear().await, "ann: heard");
    server.cli(["HINCRBY", "{room:lobby}:m", "offset", "3"]);
    let Inbound::Gap { top, .. } = node.next().await else { panic!("no gap") };
    assert_eq!(top, Position { seq: before.seq + 3, ..before });
    node.say(&lobby(), "next").await;
    assert_eq!(node.hear().await, "ann: next");
}

#[tokio::test]
async fn garbage_in_the_channels_is_ignored() {
    let server = RedisServer::start();
    let mut node = node(&server).await;
    let _listening = node.listen(&lobby()).await;
    let Position { epoch, seq } = node.say(&lobby(), "before").await.position;
    assert_eq!(node.hear().await, "ann: before");
    let forged = format!("1S{epoch}:{}:7:-:{{\"n\":\"eve\",\"t\":\"forged\"}}", seq + 500);
    let other_epoch = format!("1S{}:1:7:-:{{\"n\":\"eve\",\"t\":\"forged\"}}", epoch + 1);
    let nameless = format!("1S{epoch}:{}:7:-:{{\"n\":\"\",\"t\":\"x\"}}", seq + 1);
    let garbage =
        ["", "1", "1S", "1S1", "2S1:1:1:-:{}", "1S1:1:1:-:[[[[", "\u{1}\u{7f}", "1J1:2", "1L9:9:-:99:x"];
    for garbage in garbage.into_iter().chain([&*forged, &*other_epoch, &*nameless]) {
        for channel in ["{room:lobby}:c", "{h:p0}:c:lobby", "{room:}:c"] {
            server.cli(["PUBLISH", channel, garbage]);
        }
    }
    server.cli(["EVAL", "redis.call('PUBLISH', '{room:lobby}:c', string.rep('x', 700000))", "0"]);
    node.say(&lobby(), "after").await;
    assert_eq!(node.hear().await, "ann: after");
}

#[tokio::test]
async fn without_redis_calls_fail_in_bounded_time_and_work_again_when_it_is_back() {
    let mut server = RedisServer::start();
    let mut node = node(&server).await;
    let listening = node.listen(&lobby()).await;
    server.kill();
    eventually("the node knows", async || !node.backplane.cluster.healthy()).await;

    let begun = Instant::now();
    let broker = node.backplane.broker.clone();
    assert!(broker.publish(draft(&lobby(), "lost", "ann:1")).await.is_err());
    assert!(broker.subscribe(&room("kitchen")).await.is_err());
    assert!(broker.subscribe(&lobby()).await.is_err());
    assert!(broker.recent(&lobby(), 10).await.is_err());
    assert!(node.backplane.presence.occupants(&lobby()).await.is_err());
    assert!(begun.elapsed() < 4 * BOUNDED, "{:?}", begun.elapsed());

    server.restart();
    node.is_healthy().await;
    let _kitchen = node.listen(&room("kitchen")).await;
    node.publish(draft(&lobby(), "said", "ann:1")).await;
    node.say(&room("kitchen"), "there too").await;
    let heard = node.hear_until("ann: there too").await;
    assert!(heard.contains(&"ann: said".to_owned()), "{heard:?}");
    drop(listening);
}

#[tokio::test]
async fn the_first_call_after_a_restart_already_works() {
    let mut server = RedisServer::start();
    let node = node(&server).await;
    let broker = &node.backplane.broker;
    for _ in 0..3 {
        let place = lobby();
        let calls = (0..16).map(|_| broker.recent(&place, 10));
        let answers = futures_util::future::join_all(calls).await;
        assert!(answers.iter().all(Result::is_ok));
        server.restart();
    }
    broker.recent(&lobby(), 10).await.expect("recent messages");
    node.say(&lobby(), "hello").await;
}

#[tokio::test]
async fn a_redis_that_stands_still_is_noticed_and_taken_up_again() {
    let server = RedisServer::start();
    let mut node = node(&server).await;
    let _listening = node.listen(&lobby()).await;
    server.pause();
    let begun = Instant::now();
    assert!(node.backplane.broker.publish(draft(&lobby(), "late", "ann:1")).await.is_err());
    assert!(begun.elapsed() < BOUNDED);
    eventually("the node knows", async || !node.backplane.cluster.healthy()).await;
    assert!(begun.elapsed() < BOUNDED);
    server.resume();
    node.is_healthy().await;
    node.publish(draft(&lobby(), "late", "ann:1")).await;
    node.say(&lobby(), "next").await;
    let mut heard = node.hear_until("ann: next").await;
    heard.retain(|heard| !heard.starts_with("presence"));
    assert_eq!(heard, ["ann: late"], "once, whether the first attempt had arrived or not");
}

#[tokio::test]
async fn a_node_that_starts_before_its_redis_waits_for_it() {
    let mut server = RedisServer::absent();
    let mut node = connect(options(&server)).await;
    assert!(!node.backplane.cluster.healthy());
    assert!(node.backplane.broker.publish(draft(&lobby(), "lost", "ann:1")).await.is_err());
    server.restart();
    node.is_healthy().await;
    let _listening = node.listen(&lobby()).await;
    node.say(&lobby(), "hello").await;
    assert_eq!(node.hear().await, "ann: hello");
}

#[tokio::test]
async fn starting_without_redis_fails_at_once_if_told_to() {
    let server = RedisServer::absent();
    let failed = hubbub_redis::connect(Options { fail_fast: true, ..options(&server) }).await;
    assert!(matches!(failed, Err(ConnectError::Unreachable(_))));
    let failed = hubbub_redis::connect(Options::new("http://:secret@x", NodeId::random())).await;
    let Err(error @ ConnectError::Url(_)) = failed else { panic!("a strange URL was understood") };
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[tokio::test]
async fn a_node_that_reads_late_misses_nothing_and_holds_up_nobody() {
    const MESSAGES: usize = 20_000;
    let server = RedisServer::start();
    // Only what was dropped leads to what is missing.
    let sweep = Duration::from_hours(1);
    let options = Options { history_length: MESSAGES, sweep, ..options(&server) };
    let (mut late, mut prompt) = (node_with(options.clone()).await, node_with(options).await);
    let _listening = (late.listen(&lobby()).await, prompt.listen(&lobby()).await);
    let broker = prompt.backplane.broker.clone();
    let sender = tokio::spawn(async move {
        let broker = &Arc::new(broker);
        for chunk in (0..MESSAGES).collect::<Vec<_>>().chunks(100) {
            let said = chunk.iter().map(|number| async move {
                let text = number.to_string();
                broker.publish(draft(&lobby(), &text, &text)).await.expect("a receipt");
            });
            futures_util::future::join_all(said).await;
        }
    });
    contiguous(&mut prompt, MESSAGES).await;
    sender.await.expect("all said");
    contiguous(&mut late, MESSAGES).await;
}

async fn contiguous(node: &mut Node, messages: usize) {
    let mut seq = 0;
    while seq < messages as u64 {
        match node.next().await {
            Inbound::Heard(envelope) => {
                seq += 1;
                assert_eq!(position(&envelope).seq, seq);
            }
            Inbound::PresenceGap { .. } => {}
            gap @ Inbound::Gap { .. } => panic!("{} after {seq}", show(&gap)),
        }
    }
}

#[tokio::test]
async fn rooms_that_come_and_go_are_heard_while_they_are_wanted_and_leave_nothing_behind() {
    let server = RedisServer::start();
    let mut node = node(&server).await;
    let mut visitors = Vec::new();
    for visitor in 0..20 {
        let broker = node.backplane.broker.clone();
        visitors.push(tokio::spawn(async move {
            for visit in 0..25 {
                let place = room(&format!("room {}", (visitor + visit) % 4));
                let listening =
                    within("a subscription", broker.subscribe(&place)).await.expect("a subscription");
                let text = format!("{visitor}-{visit}");
                broker.publish(draft(&place, &text, &text)).await.expect("a receipt");
                tokio::task::yield_now().await;
                // Whoever goes at once may miss the end of what was said.
                if visit % 5 == 0 {
                    drop(listening);
                } else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }));
    }
    let mut missing: std::collections::HashSet<_> = (0..20)
        .flat_map(|visitor| (0..25).map(move |visit| (visitor, visit)))
        .filter(|(_, visit)| visit % 5 != 0)
        .map(|(visitor, visit)| format!("ann: {visitor}-{visit}"))
        .collect();
    while !missing.is_empty() {
        let heard = node.hear().await;
        assert!(!heard.starts_with("gap"), "{heard}");
        missing.remove(&heard);
    }
    for visitor in visitors {
        visitor.await.expect("it went well");
    }
    eventually("nothing is subscribed", async || server.cli(["PUBSUB", "CHANNELS"]).is_empty()).await;
}

#[tokio::test]
async fn a_backplane_that_is_dropped_leaves_no_connection() {
    let server = RedisServer::start();
    let node = node(&server).await;
    let listening = node.listen(&lobby()).await;
    node.say(&lobby(), "hello").await;
    assert!(server.cli(["CLIENT", "LIST"]).lines().count() > 2);
    drop(node);
    eventually("only we are connected", async || server.cli(["CLIENT", "LIST"]).lines().count() == 1).await;
    drop(listening);
}
