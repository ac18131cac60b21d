//! A room's log: one order, honest recovery.

use std::collections::HashSet;

use hubbub_core::{Author, Draft, Event, Inbound, Message, MessageId, Position, SessionId, UserId};

use crate::contract_world::{World, draft, name, position, room, within};

pub(crate) async fn a_sender_hears_itself_and_positions_are_contiguous_from_one(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    for seq in 1..=5 {
        let receipt = node.say(&lobby, &format!("message {seq}")).await;
        assert_eq!((receipt.position.seq, receipt.duplicate), (seq, false));
        let Inbound::Heard(envelope) = node.next().await else { panic!("a gap") };
        assert_eq!((position(&envelope), envelope.at), (receipt.position, receipt.at));
    }
}

pub(crate) async fn many_senders_make_one_order_without_holes(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let broker = node.backplane.broker.clone();
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let (broker, lobby) = (broker.clone(), lobby.clone());
            tokio::spawn(async move {
                for turn in 0..25 {
                    broker
                        .publish(draft(&lobby, "hi", &format!("{sender}-{turn}")))
                        .await
                        .expect("a receipt");
                }
            })
        })
        .collect();
    for seq in 1..=200 {
        let Inbound::Heard(envelope) = node.next().await else { panic!("a gap") };
        assert_eq!(position(&envelope).seq, seq);
    }
    for sender in senders {
        sender.await.expect("all said");
    }
}

pub(crate) async fn an_envelope_comes_out_as_it_went_in(world: World) {
    let mut node = world.node().await;
    let lobby = room("Zoë's café");
    let _listening = node.listen(&lobby).await;
    let message = Message {
        author: Author { user: Some(UserId::new("zoë\n:1")), name: name("Zoë \"😀\"") },
        text: "a\u{0}b\r\n{\"x\":[1]} <b>😀</b> ".to_owned(),
        cid: Some("c:1".to_owned()),
        reply_to: Some(MessageId::parse("6-1f").expect("an id")),
        channel: Some("#random".to_owned()),
        fate: None,
    };
    let origin = Some(SessionId::random());
    let draft = Draft { room: lobby.clone(), message: message.clone(), key: "a: b\n".to_owned(), origin };
    let receipt = node.publish(draft).await;

    let Inbound::Heard(heard) = node.next().await else { panic!("a gap") };
    assert_eq!(
        (heard.room.clone(), position(&heard), heard.at, heard.origin),
        (lobby.clone(), receipt.position, receipt.at, origin)
    );
    assert_eq!(heard.event, Event::Said(message));
    let recent = node.backplane.broker.recent(&lobby, 10).await.expect("recent messages");
    assert_eq!(recent.envelopes, [heard]);
}

pub(crate) async fn the_same_key_is_said_once_and_keeps_its_receipt(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let first = node.publish(draft(&lobby, "once", "ann:1")).await;
    let again = node.publish(draft(&lobby, "once", "ann:1")).await;
    assert!(!first.duplicate && again.duplicate);
    assert_eq!((first.position, first.at), (again.position, again.at));
    node.say(&lobby, "next").await;
    assert_eq!([node.hear().await, node.hear().await], ["ann: once", "ann: next"]);
}

pub(crate) async fn the_same_key_in_another_room_is_another_message(world: World) {
    let node = world.node().await;
    for name in ["lobby", "kitchen"] {
        let receipt = node.publish(draft(&room(name), "hello", "ann:1")).await;
        assert_eq!((receipt.position.seq, receipt.duplicate), (1, false));
    }
}

pub(crate) async fn what_is_published_once_subscribed_is_heard(world: World) {
    let mut node = world.node().await;
    let mut listening = Vec::new();
    for number in 0..50 {
        let room = room(&format!("room {number}"));
        listening.push(node.listen(&room).await);
        node.say(&room, &format!("{number}")).await;
    }
    for number in 0..50 {
        assert_eq!(node.hear().await, format!("ann: {number}"));
    }
}

pub(crate) async fn a_room_is_heard_until_its_last_guard_is_dropped(world: World) {
    let mut node = world.node().await;
    let (lobby, marker) = (room("lobby"), room("marker"));
    let _marking = node.listen(&marker).await;
    let (one, two) = (node.listen(&lobby).await, node.listen(&lobby).await);
    drop(one);
    node.say(&lobby, "one is left").await;
    assert_eq!(node.hear().await, "ann: one is left");
    drop(two);
    node.say(&lobby, "nobody is").await;
    node.say(&marker, "heard").await;
    assert_eq!(node.hear().await, "ann: heard");
    let _three = node.listen(&lobby).await;
    node.say(&lobby, "back").await;
    assert_eq!(node.hear().await, "ann: back");
}

pub(crate) async fn an_empty_room_has_a_position_and_its_first_message_follows_it(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let empty = node.backplane.broker.recent(&lobby, 10).await.expect("recent messages");
    assert_eq!((empty.top.seq, empty.envelopes.len()), (0, 0));
    let first = node.say(&lobby, "first").await.position;
    assert_eq!(first, Position { seq: 1, ..empty.top });
    let missed = node.backplane.broker.read_on(&lobby, empty.top, 10).await.expect("an answer");
    assert_eq!(missed.map(|missed| (missed.top, missed.envelopes.len())), Some((first, 1)));
}

pub(crate) async fn a_log_is_read_on_without_a_hole_or_not_at_all(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let mut positions = Vec::new();
    for number in 0..40 {
        positions.push(node.say(&lobby, &format!("{number}")).await.position);
    }
    let (start, top) = (Position { seq: 0, ..positions[0] }, positions[39]);
    let read_on = async |since: Position, limit| {
        let broker = &node.backplane.broker;
        let answer = within("the log", broker.read_on(&lobby, since, limit)).await.expect("an answer");
        answer.map(|read| {
            assert_eq!(read.top, top);
            read.envelopes.iter().map(position).collect::<Vec<_>>()
        })
    };
    assert_eq!(read_on(start, 100).await, Some(positions.clone()));
    assert_eq!(read_on(start, 17).await, Some(positions[..17].to_vec()), "a piece");
    assert_eq!(read_on(positions[16], 17).await, Some(positions[17..34].to_vec()), "the next");
    assert_eq!(read_on(positions[36], 3).await, Some(positions[37..].to_vec()));
    assert_eq!(read_on(positions[36], 0).await, Some(vec![positions[37]]), "one at least");
    assert_eq!(read_on(top, 1).await, Some(Vec::new()));
    assert_eq!(read_on(Position { seq: 41, ..top }, 10).await, None, "the future");
    assert_eq!(read_on(Position { seq: u64::MAX, ..top }, usize::MAX).await, None, "the end of time");
    assert_eq!(read_on(Position { epoch: top.epoch - 1, ..top }, 10).await, None, "another epoch");
}

pub(crate) async fn a_log_of_long_texts_is_read_on_in_pieces(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let mut at = node.backplane.broker.recent(&lobby, 0).await.expect("the top").top;
    for number in 0..40 {
        node.say(&lobby, &format!("{number}{}", "x".repeat(30_000))).await;
    }
    let mut seqs = Vec::new();
    loop {
        let read = node.backplane.broker.read_on(&lobby, at, 100).await.expect("an answer");
        let read = read.expect("no hole");
        seqs.extend(read.envelopes.iter().map(|envelope| position(envelope).seq));
        at = read.envelopes.last().map_or(at, position);
        if at == read.top {
            break;
        }
    }
    assert_eq!(seqs, (1..=40).collect::<Vec<_>>());
}

pub(crate) async fn the_recent_messages_are_the_last_ones_oldest_first(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let mut last = None;
    for number in 0..10 {
        last = Some(node.say(&lobby, &format!("{number}")).await.position);
    }
    for limit in [0, 1, 4, 100] {
        let recent = node.backplane.broker.recent(&lobby, limit).await.expect("recent messages");
        assert_eq!(Some(recent.top), last);
        let seqs: Vec<_> = recent.envelopes.iter().map(|envelope| position(envelope).seq).collect();
        let expected: Vec<_> = (1..=10).skip(10 - limit.min(10)).collect();
        assert_eq!(seqs, expected);
        assert_eq!(seqs.iter().collect::<HashSet<_>>().len(), seqs.len());
    }
}
