//! What becomes of messages: edits, deletions and reactions, decided in one step, and the history as it is now.

use hubbub_core::{
    Author, Change, Draft, Event, Fate, History, Inbound, Message, Position, REACTIONS, Revised, Revision,
    RoomId, SessionId, Side, UserId,
};

use crate::contract_world::{Node, World, name, position, room, within};

fn said(room: &RoomId, user: &str, text: &str) -> Draft {
    let author = Author { user: Some(UserId::new(user)), name: name(user) };
    let message =
        Message { author, text: text.to_owned(), cid: None, reply_to: None, channel: None, fate: None };
    let key = format!("{:x}", SessionId::random().as_u128());
    Draft { room: room.clone(), message, key, origin: None }
}

fn revision(room: &RoomId, target: Position, user: &str, change: Change) -> Revision {
    let (key, origin) = (format!("{:x}", SessionId::random().as_u128()), SessionId::random());
    let (user, name) = (UserId::new(user), name(user));
    Revision { room: room.clone(), target, user, name, change, cid: Some("c".to_owned()), key, origin }
}

fn react(emoji: &str) -> Change {
    Change::React { emoji: emoji.to_owned() }
}

fn unreact(emoji: &str) -> Change {
    Change::Unreact { emoji: emoji.to_owned() }
}

fn edit(text: &str) -> Change {
    Change::Edit { text: text.to_owned() }
}

async fn revise(node: &Node, revision: Revision) -> Revised {
    within("a revision", node.backplane.broker.revise(revision)).await.expect("an answer")
}

async fn page(node: &Node, room: &RoomId, side: Side, limit: usize) -> Option<History> {
    within("a page", node.backplane.broker.history(room, side, limit)).await.expect("an answer")
}

fn seqs(page: Option<History>) -> (Vec<u64>, bool) {
    let page = page.expect("such a position");
    (page.envelopes.iter().map(|envelope| position(envelope).seq).collect(), page.more)
}

/// The room's messages as they are now.
async fn messages(node: &Node, room: &RoomId) -> Vec<Message> {
    let page = page(node, room, Side::End, 100).await.expect("the end is always there");
    let message = |event| match event {
        Event::Said(message) => message,
        other => panic!("{other:?} is no message"),
    };
    page.envelopes.into_iter().map(|envelope| message(envelope.event)).collect()
}

fn done(revised: Revised) -> Position {
    match revised {
        Revised::Done(receipt) if !receipt.duplicate => receipt.position,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_change_takes_a_position_is_heard_in_order_and_is_kept(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let text = "as\u{0}it\n/was \u{1f600} \"";
    let target = node.publish(said(&lobby, "ann", text)).await.position;
    let changes = [edit("bet/ter \u{1f600}"), react("\u{1f44d}"), unreact("\u{1f44d}"), Change::Delete];
    for (seq, change) in (2..).zip(changes.clone()) {
        let position = done(revise(&node, revision(&lobby, target, "ann", change)).await);
        assert_eq!(position, Position { seq, ..target });
    }
    node.publish(said(&lobby, "bob", "next")).await;
    let Inbound::Heard(first) = node.next().await else { panic!("a gap") };
    assert_eq!(position(&first), target);
    for (seq, change) in (2..).zip(changes) {
        let Inbound::Heard(heard) = node.next().await else { panic!("a gap") };
        assert_eq!(position(&heard).seq, seq);
        let Event::Updated(update) = heard.event else { panic!("no update") };
        let count = u64::from(change == react("\u{1f44d}"));
        assert_eq!((update.target, update.change, update.count), (target.id(), change, count));
        assert_eq!((update.author.name, update.cid.as_deref()), (name("ann"), Some("c")));
    }
    assert_eq!(node.hear().await, "bob: next");
}

pub(crate) async fn the_history_has_messages_as_they_are_now(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let plain = said(&lobby, "ann", "plain / \u{1f600}\u{1}");
    node.publish(plain.clone()).await;
    let edited = node.publish(said(&lobby, "ann", "old")).await.position;
    let deleted = node.publish(said(&lobby, "ann", "secret")).await.position;
    done(revise(&node, revision(&lobby, edited, "ann", edit("new / \u{1f600}"))).await);
    for user in ["ann", "bob"] {
        done(revise(&node, revision(&lobby, edited, user, react("\u{1f44d}"))).await);
    }
    done(revise(&node, revision(&lobby, edited, "bob", react("1"))).await);
    done(revise(&node, revision(&lobby, deleted, "bob", react("1"))).await);
    done(revise(&node, revision(&lobby, deleted, "ann", Change::Delete)).await);
    let kept = messages(&node, &lobby).await;
    assert_eq!(kept[0], plain.message);
    assert_eq!(kept[1].text, "new / \u{1f600}");
    let fate = kept[1].fate.as_deref().expect("a fate");
    assert!(fate.edited.is_some() && !fate.deleted);
    assert_eq!(fate.reactions, [("1".to_owned(), 1), ("\u{1f44d}".to_owned(), 2)].into());
    assert_eq!(kept[2].text, "");
    assert_eq!(kept[2].fate.as_deref(), Some(&Fate { deleted: true, ..Fate::default() }));
    let recent = node.backplane.broker.recent(&lobby, 2).await.expect("recent messages");
    assert_eq!(recent.top, Position { seq: 9, ..edited });
    assert_eq!(recent.envelopes.iter().map(|e| position(e).seq).collect::<Vec<_>>(), [2, 3]);
    done(revise(&node, revision(&lobby, edited, "bob", unreact("1"))).await);
    let fate = messages(&node, &lobby).await.remove(1).fate.expect("a fate");
    assert_eq!(fate.reactions.len(), 1);
}

pub(crate) async fn what_may_not_be_changed_stays_as_it_is_and_says_nothing(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let target = node.publish(said(&lobby, "ann", "mine")).await.position;
    let try_it =
        async |target, user: &str, change| revise(&node, revision(&lobby, target, user, change)).await;
    assert_eq!(try_it(target, "bob", edit("his")).await, Revised::Forbidden);
    assert_eq!(try_it(target, "bob", Change::Delete).await, Revised::Forbidden);
    assert_eq!(try_it(target, "bob", unreact("x")).await, Revised::Unchanged(target));
    for strange in [
        Position { seq: 0, ..target },
        Position { seq: 2, ..target },
        Position { seq: u64::MAX, ..target },
        Position { epoch: target.epoch + 1, ..target },
    ] {
        assert_eq!(try_it(strange, "ann", Change::Delete).await, Revised::NotFound, "{strange:?}");
    }
    let reacted = done(try_it(target, "bob", react("x")).await);
    assert_eq!(try_it(target, "bob", react("x")).await, Revised::Unchanged(reacted));
    assert_eq!(try_it(reacted, "bob", Change::Delete).await, Revised::NotFound, "a change is no message");
    done(try_it(target, "ann", Change::Delete).await);
    for change in [edit("back"), Change::Delete, react("x")] {
        assert_eq!(try_it(target, "ann", change).await, Revised::NotFound);
    }
    node.say(&lobby, "next").await;
    let heard = node.hear_until("ann: next").await;
    assert_eq!(heard.len(), 3, "{heard:?}");
}

pub(crate) async fn a_change_that_is_made_again_under_its_key_is_made_once(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let target = node.publish(said(&lobby, "ann", "old")).await.position;
    let edit = revision(&lobby, target, "ann", edit("new"));
    let first = done(revise(&node, edit.clone()).await);
    let Revised::Done(again) = revise(&node, edit).await else { panic!("not done") };
    assert!(again.duplicate);
    assert_eq!(again.position, first);
}

pub(crate) async fn a_message_has_so_many_reactions_and_no_more(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let target = node.publish(said(&lobby, "ann", "popular")).await.position;
    for number in 0..REACTIONS {
        done(revise(&node, revision(&lobby, target, &format!("u{number}"), react("x"))).await);
    }
    assert_eq!(revise(&node, revision(&lobby, target, "late", react("y"))).await, Revised::Full);
    done(revise(&node, revision(&lobby, target, "u7", unreact("x"))).await);
    done(revise(&node, revision(&lobby, target, "late", react("y"))).await);
}

pub(crate) async fn the_history_is_read_in_pages_from_either_side(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let mut positions = Vec::new();
    for number in 0..150 {
        positions.push(node.publish(said(&lobby, "ann", &number.to_string())).await.position);
        if number % 50 == 0 {
            let target = positions[positions.len() - 1];
            positions.push(done(revise(&node, revision(&lobby, target, "bob", react("x"))).await));
        }
    }
    let at = |seq: u64| positions[usize::try_from(seq).expect("small") - 1];
    let read = async |side, limit| seqs(page(&node, &lobby, side, limit).await);
    assert_eq!(read(Side::End, 3).await, (vec![151, 152, 153], true));
    assert_eq!(read(Side::Before(at(151)), 2).await, (vec![149, 150], true));
    assert_eq!(read(Side::Before(at(4)), 10).await, (vec![1, 3], false));
    assert_eq!(read(Side::Before(at(2)), 10).await, (vec![1], false), "next to a change");
    assert_eq!(read(Side::Before(at(1)), 10).await, (vec![], false));
    assert_eq!(read(Side::After(at(151)), 10).await, (vec![152, 153], false));
    assert_eq!(read(Side::After(at(1)), 2).await, (vec![3, 4], true));
    assert_eq!(read(Side::After(at(153)), 2).await, (vec![], false));
    assert_eq!(read(Side::End, 1_000).await.0.len(), 150);
    for strange in
        [Position { seq: 154, ..at(1) }, Position { epoch: 1, ..at(1) }, Position { seq: u64::MAX, ..at(1) }]
    {
        assert_eq!(page(&node, &lobby, Side::Before(strange), 5).await, None, "{strange:?}");
        assert_eq!(page(&node, &lobby, Side::After(strange), 5).await, None, "{strange:?}");
    }
}
