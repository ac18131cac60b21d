//! Presence on one node: who is first, who is last.

use hubbub_core::{Arrival, Claim, Departure, Envelope, Event, Inbound, Occupant, Place, SessionId, UserId};

use crate::contract_world::{World, claim, exit, name, room, within};

pub(crate) async fn the_first_that_enters_and_the_last_that_leaves_are_heard(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let ann = claim(&lobby, "ann");

    let Arrival::First { version: came, .. } = node.enter(ann.clone()).await else { panic!("not the first") };
    let who = Occupant { user: ann.user.clone(), name: ann.name.clone() };
    let Inbound::Heard(Envelope { place, origin, event, .. }) = node.next().await else { panic!("a gap") };
    assert_eq!((place, origin), (Place::Presence(came), Some(ann.session)));
    assert_eq!(event, Event::Joined(who.clone()));

    let Departure::Last { version: went } = node.leave(exit(&ann)).await else { panic!("not the last") };
    assert_eq!(went, came + 1);
    let Inbound::Heard(Envelope { place, origin, event, .. }) = node.next().await else { panic!("a gap") };
    assert_eq!((place, origin), (Place::Presence(went), Some(ann.session)));
    assert_eq!(event, Event::Left(who));
}

pub(crate) async fn sessions_are_counted_and_entering_twice_counts_once(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let (one, two) = (claim(&lobby, "ann"), claim(&lobby, "ann"));
    assert!(matches!(node.enter(one.clone()).await, Arrival::First { .. }));
    assert_eq!(node.enter(two.clone()).await, Arrival::Again);
    assert_eq!(node.enter(one.clone()).await, Arrival::Again);
    assert_eq!(node.leave(exit(&one)).await, Departure::Silent);
    assert_eq!(node.leave(exit(&one)).await, Departure::Silent);
    assert_eq!(node.users(&lobby).await, ["ann"]);
    assert!(matches!(node.leave(exit(&two)).await, Departure::Last { .. }));
    assert_eq!([node.hear().await, node.hear().await], ["+ann", "-ann"]);
}

pub(crate) async fn the_first_is_told_how_many_are_there_with_them(world: World) {
    let node = world.node().await;
    let (lobby, kitchen) = (room("lobby"), room("kitchen"));
    let count = async |room| within("a count", node.backplane.presence.count(room)).await.expect("a count");
    assert_eq!(count(&lobby).await, 0);
    for (expected, user) in (1..).zip(["ann", "bob", "v"]) {
        let Arrival::First { count, .. } = node.enter(claim(&lobby, user)).await else {
            panic!("not the first")
        };
        assert_eq!(count, expected);
    }
    let again = claim(&lobby, "bob");
    assert_eq!(node.enter(again.clone()).await, Arrival::Again);
    node.leave(exit(&again)).await;
    assert_eq!((count(&lobby).await, count(&kitchen).await), (3, 0));
}

pub(crate) async fn everyone_who_left_is_not_counted(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let (ann, bob) = (claim(&lobby, "ann"), claim(&lobby, "bob"));
    node.enter(ann.clone()).await;
    node.enter(bob.clone()).await;
    node.leave(exit(&ann)).await;
    assert_eq!(node.backplane.presence.count(&lobby).await.expect("a count"), 1);
    node.leave(exit(&bob)).await;
    assert_eq!(node.backplane.presence.count(&lobby).await.expect("a count"), 0);
    let Arrival::First { count, .. } = node.enter(ann).await else { panic!("not the first") };
    assert_eq!(count, 1);
}

pub(crate) async fn leaving_without_having_entered_changes_nothing(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    node.enter(claim(&lobby, "ann")).await;
    assert_eq!(node.leave(exit(&claim(&lobby, "ann"))).await, Departure::Silent);
    assert_eq!(node.leave(exit(&claim(&lobby, "bob"))).await, Departure::Silent);
    assert_eq!(node.users(&lobby).await, ["ann"]);
}

pub(crate) async fn a_name_is_taken_by_one_subject_and_free_again_after_it(world: World) {
    let node = world.node().await;
    let names = hubbub_core::RoomId::names();
    let of = |subject: Option<&str>| Claim { subject: subject.map(Into::into), ..claim(&names, "ann") };
    let first = of(Some("user: 1"));
    assert!(matches!(node.enter(first.clone()).await, Arrival::First { .. }));
    let device = of(Some("user: 1"));
    assert_eq!(node.enter(device.clone()).await, Arrival::Again);
    assert_eq!(node.enter(of(Some("user: 2"))).await, Arrival::Taken);
    assert_eq!(node.enter(of(None)).await, Arrival::Taken);
    node.leave(exit(&first)).await;
    assert_eq!(node.enter(of(Some("user: 2"))).await, Arrival::Taken);
    node.leave(exit(&device)).await;
    assert!(matches!(node.enter(of(Some("user: 2"))).await, Arrival::First { .. }));
}

pub(crate) async fn occupants_are_sorted_and_at_the_version_that_the_next_change_follows(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    for user in ["cy", "ann", "bob"] {
        node.enter(claim(&lobby, user)).await;
    }
    let occupancy = node.backplane.presence.occupants(&lobby).await.expect("occupants");
    let users: Vec<_> = occupancy.occupants.iter().map(|who| who.user.as_str()).collect();
    assert_eq!(users, ["ann", "bob", "cy"]);
    let Arrival::First { version, .. } = node.enter(claim(&lobby, "dan")).await else {
        panic!("not the first")
    };
    assert_eq!(version, occupancy.version + 1);
}

pub(crate) async fn one_person_in_two_rooms_is_in_each_of_them(world: World) {
    let node = world.node().await;
    let (lobby, kitchen, session) = (room("lobby"), room("kitchen"), SessionId::random());
    for place in [&lobby, &kitchen] {
        let arrival = node.enter(Claim { session, ..claim(place, "ann") }).await;
        assert!(matches!(arrival, Arrival::First { .. }));
    }
    node.leave(exit(&Claim { session, ..claim(&lobby, "ann") })).await;
    assert!(node.users(&lobby).await.is_empty());
    assert_eq!(node.users(&kitchen).await, ["ann"]);
}

pub(crate) async fn names_come_out_as_they_went_in(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    for (user, called) in [("v", "v"), ("a:b\nc", "Ann: 😀 \"a\""), ("__proto__", "-1:x"), ("zoë", "7:zoë")]
    {
        let who = Occupant { user: UserId::new(user), name: name(called) };
        let claim = Claim {
            user: who.user.clone(),
            name: who.name.clone(),
            subject: Some("s:1".into()),
            ..claim(&lobby, "x")
        };
        node.enter(claim.clone()).await;
        let occupancy = node.backplane.presence.occupants(&lobby).await.expect("occupants");
        assert_eq!(occupancy.occupants, vec![who.clone()]);
        node.leave(exit(&claim)).await;
        for expected in [Event::Joined(who.clone()), Event::Left(who)] {
            let Inbound::Heard(envelope) = node.next().await else { panic!("a gap") };
            assert_eq!(envelope.event, expected);
        }
    }
}
