//! Presence on one node: who is first, who is last.

use std::time::Duration;

use hubbub_core::{
    Arrival, Claim, Departure, Envelope, Event, Exit, Inbound, Occupant, Place, SessionId, UserId,
};

use crate::contract_world::{World, claim, exit, name, room};

pub(crate) async fn the_first_that_enters_and_the_last_that_leaves_are_heard(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let ann = claim(&lobby, "ann");

    let Arrival::First { version: came, .. } = node.enter(ann.clone()).await else { panic!("not the first") };
    let who = Occupant { user: ann.user.clone(), name: ann.name.clone(), devices: 1 };
    let Inbound::Heard(Envelope { place, origin, event, .. }) = node.next().await else { panic!("a gap") };
    assert_eq!((place, origin), (Place::Presence { version: came, count: 1 }, Some(ann.session)));
    assert_eq!(event, Event::Joined(who.clone()));

    let Departure::Last { version: went } = node.leave(exit(&ann)).await else { panic!("not the last") };
    assert_eq!(went, came + 1);
    let Inbound::Heard(Envelope { place, origin, event, .. }) = node.next().await else { panic!("a gap") };
    assert_eq!((place, origin), (Place::Presence { version: went, count: 0 }, Some(ann.session)));
    assert_eq!(event, Event::Left(Occupant { devices: 0, ..who }));
}

pub(crate) async fn sessions_are_counted_and_entering_twice_counts_once(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let (one, two) = (claim(&lobby, "ann"), claim(&lobby, "ann"));
    let Arrival::First { version, count: 1 } = node.enter(one.clone()).await else { panic!("not the first") };
    let again = Arrival::Again { version: version + 1, count: 1 };
    assert_eq!(node.enter(two.clone()).await, again);
    assert_eq!(node.enter(one.clone()).await, again, "twice is once");
    assert_eq!(node.devices(&lobby).await, [("ann".to_owned(), 2)]);
    assert_eq!(node.leave(exit(&one)).await, Departure::Silent);
    assert_eq!(node.leave(exit(&one)).await, Departure::Silent);
    assert_eq!(node.devices(&lobby).await, [("ann".to_owned(), 1)]);
    assert_eq!(node.leave(exit(&two)).await, Departure::Last { version: version + 3 });
    assert_eq!(
        [node.hear().await, node.hear().await, node.hear().await, node.hear().await],
        ["+ann", "ann x2", "ann x1", "-ann"]
    );
}

pub(crate) async fn a_new_name_is_heard_and_kept_until_the_next(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let ann = claim(&lobby, "ann");
    node.enter(ann.clone()).await;
    let renamed = Claim { name: name("Anna"), renames: true, ..ann.clone() };
    for _retry in 0..2 {
        let Arrival::Again { count: 1, .. } = node.enter(renamed.clone()).await else {
            panic!("she is here")
        };
    }
    let device = Claim { session: SessionId::random(), ..ann };
    node.enter(device.clone()).await;
    node.leave(exit(&device)).await;
    for (called, devices) in [("ann", 1), ("Anna", 1), ("Anna", 2), ("Anna", 1)] {
        let Inbound::Heard(Envelope { event: Event::Joined(who) | Event::Counted(who), .. }) =
            node.next().await
        else {
            panic!("not of her")
        };
        assert_eq!((who.name.as_str(), who.devices), (called, devices));
    }
}

pub(crate) async fn a_leave_that_is_held_back_is_said_when_its_time_is_over_and_not_if_they_are_back(
    world: World,
) {
    let mut node = world.node().await;
    node.live();
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let [ann, bob] = ["ann", "bob"].map(|who| Claim { subject: Some("hers".into()), ..claim(&lobby, who) });
    node.enter(ann.clone()).await;
    node.enter(bob.clone()).await;
    assert_eq!(node.leave(Exit { grace: Duration::from_millis(300), ..exit(&ann) }).await, Departure::Silent);
    assert_eq!(node.leave(Exit { grace: Duration::from_mins(1), ..exit(&bob) }).await, Departure::Silent);
    assert_eq!(node.devices(&lobby).await, [("ann".to_owned(), 0), ("bob".to_owned(), 0)]);
    let stranger = Claim { subject: Some("another's".into()), session: SessionId::random(), ..bob.clone() };
    assert_eq!(node.enter(stranger.clone()).await, Arrival::Taken, "it is still hers");
    assert_eq!(node.hear_until("-ann").await, ["+ann", "+bob", "ann x0", "bob x0"]);
    let back = Claim { session: SessionId::random(), ..bob.clone() };
    assert!(matches!(node.enter(back.clone()).await, Arrival::Again { count: 1, .. }));
    assert!(matches!(node.leave(exit(&back)).await, Departure::Last { .. }), "a goodbye is final");
    assert_eq!([node.hear().await, node.hear().await], ["bob x1", "-bob"]);
    assert!(matches!(node.enter(stranger).await, Arrival::First { .. }));
}

pub(crate) async fn who_comes_is_told_how_many_are_there_with_them(world: World) {
    let node = world.node().await;
    let lobby = room("lobby");
    let comes = async |user| {
        let came = claim(&lobby, user);
        match node.enter(came.clone()).await {
            Arrival::First { count, .. } | Arrival::Again { count, .. } => (came, count),
            Arrival::Taken => panic!("nobody else has it"),
        }
    };
    let (ann, alone) = comes("ann").await;
    let ((bob, two), (v, three)) = (comes("bob").await, comes("v").await);
    assert_eq!((alone, two, three), (1, 2, 3));
    assert_eq!(comes("bob").await.1, 3, "another device is no other person");
    node.leave(exit(&ann)).await;
    node.leave(exit(&v)).await;
    node.leave(exit(&bob)).await;
    assert_eq!(comes("v").await.1, 2);
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
    assert!(matches!(node.enter(device.clone()).await, Arrival::Again { .. }));
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
        let who = Occupant { user: UserId::new(user), name: name(called), devices: 1 };
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
        for expected in [Event::Joined(who.clone()), Event::Left(Occupant { devices: 0, ..who })] {
            let Inbound::Heard(envelope) = node.next().await else { panic!("a gap") };
            assert_eq!(envelope.event, expected);
        }
    }
}
