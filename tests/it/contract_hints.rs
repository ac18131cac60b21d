//! Hints: heard by those who listen now, and kept nowhere.

use hubbub_core::{Author, Event, Hint, Inbound, Place, SessionId, UserId};

use crate::contract_world::{World, name, position, room, typing};

pub(crate) async fn a_hint_comes_out_as_it_went_in(world: World) {
    let mut node = world.node().await;
    let lobby = room("Zoë's café");
    let _listening = node.listen(&lobby).await;
    let people = [
        Author { user: Some(UserId::new("zoë\n:1")), name: name("Zoë \"😀\"") },
        Author { user: None, name: name("1:-: a") },
        Author { user: Some(UserId::new("")), name: name("-") },
    ];
    for who in people {
        for on in [true, false] {
            let (hint, origin) = (Hint::Typing { who: who.clone(), on }, SessionId::random());
            node.backplane.broker.hint(&lobby, hint.clone(), origin).await.expect("a hint");
            let Inbound::Heard(heard) = node.next().await else { panic!("a gap") };
            assert_eq!((heard.room, heard.place, heard.at), (lobby.clone(), Place::Volatile, 0));
            assert_eq!((heard.event, heard.origin), (Event::Hinted(hint), Some(origin)));
        }
    }
}

pub(crate) async fn a_hint_is_in_no_log_and_takes_no_position(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let before = node.say(&lobby, "before").await.position;
    node.hint(&lobby, "bob", true).await;
    let after = node.say(&lobby, "after").await.position;
    assert_eq!((after.epoch, after.seq), (before.epoch, before.seq + 1));
    let mut heard = [node.hear().await, node.hear().await, node.hear().await];
    heard.sort();
    assert_eq!(heard, ["ann: after", "ann: before", "bob types"]);
    let recent = node.backplane.broker.recent(&lobby, 10).await.expect("recent messages");
    assert_eq!(recent.envelopes.iter().map(position).collect::<Vec<_>>(), [before, after]);
    let missed = node.backplane.broker.read_on(&lobby, before, 10).await.expect("an answer");
    assert_eq!(missed.map(|missed| missed.envelopes.len()), Some(1));
}

pub(crate) async fn a_hint_that_nobody_listens_to_is_lost(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    node.hint(&lobby, "ann", true).await;
    let _listening = node.listen(&lobby).await;
    node.hint(&lobby, "bob", false).await;
    assert_eq!(node.hear().await, "bob rests");
    let origin = SessionId::random();
    node.backplane.broker.hint(&room("kitchen"), typing("cy", true), origin).await.expect("a hint");
    node.say(&lobby, "next").await;
    assert_eq!(node.hear().await, "ann: next");
}
