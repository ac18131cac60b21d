//! Reading who is in a room while somebody comes.

use hubbub_core::Arrival;

use crate::contract_world::{World, claim, room, within};

pub(crate) async fn a_reading_knows_everyone_that_its_version_does(world: World) {
    let node = world.node().await;
    for number in 0..300 {
        let fresh = room(&format!("room {number}"));
        let ann = claim(&fresh, "ann");
        let reading = within("occupants", node.backplane.presence.occupants(&fresh));
        let (arrival, reading) = tokio::join!(node.enter(ann.clone()), reading);
        let Arrival::First { version, .. } = arrival else { panic!("not the first") };
        let reading = reading.expect("occupants");
        let is_there = reading.occupants.iter().any(|who| who.user == ann.user);
        assert_eq!(is_there, reading.version >= version, "{reading:?}, and she came with version {version}");
    }
}
