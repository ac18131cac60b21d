//! Someone with several devices, some of which are lost: each may come straight back.

use std::time::Duration;

use hubbub_core::{Arrival, Claim, Departure, Exit, SessionId};
use hubbub_tests::redis_server::RedisServer;

use crate::contract_world::{World, claim, exit, name, node, room};

fn another_device(of: &Claim) -> Claim {
    Claim { session: SessionId::random(), ..of.clone() }
}

fn lost(device: &Claim) -> Exit {
    Exit { grace: Duration::from_mins(1), ..exit(device) }
}

pub(crate) async fn who_says_goodbye_on_one_device_may_come_back_on_another_that_was_lost(world: World) {
    let mut node = world.node().await;
    node.live();
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let phone = claim(&lobby, "ann");
    let desk = another_device(&phone);
    node.enter(phone.clone()).await;
    node.enter(desk.clone()).await;
    assert_eq!(node.leave(lost(&phone)).await, Departure::Silent);
    assert_eq!(node.leave(exit(&desk)).await, Departure::Silent, "the phone may come back");
    assert!(matches!(node.enter(phone.clone()).await, Arrival::Again { count: 1, .. }));
    assert!(matches!(node.leave(exit(&phone)).await, Departure::Last { .. }), "nothing is waited for");
    assert_eq!(node.hear_until("-ann").await, ["+ann", "ann x2", "ann x1", "ann x0", "ann x1"]);
}

pub(crate) async fn who_comes_back_alone_under_another_name_has_that_one(world: World) {
    let mut node = world.node().await;
    let lobby = room("lobby");
    let _listening = node.listen(&lobby).await;
    let phone = claim(&lobby, "ann");
    node.enter(phone.clone()).await;
    node.leave(lost(&phone)).await;
    let back = Claim { name: name("Anna"), ..another_device(&phone) };
    assert!(matches!(node.enter(back).await, Arrival::Again { count: 1, .. }));
    let occupancy = node.backplane.presence.occupants(&lobby).await.expect("occupants");
    assert_eq!(occupancy.occupants[0].name.as_str(), "Anna", "nobody of hers is there under the other");
    assert_eq!([node.hear().await, node.hear().await, node.hear().await], ["+ann", "ann x0", "+ann"]);
}

#[tokio::test]
async fn a_device_that_was_lost_may_come_back_after_the_node_of_another_has_died() {
    let server = RedisServer::start();
    let (mut dying, mut living) = (node(&server).await, node(&server).await);
    let lobby = room("lobby");
    let _listening = living.listen(&lobby).await;
    dying.live();
    living.live();
    let phone = claim(&lobby, "ann");
    let desk = another_device(&phone);
    dying.enter(phone).await;
    living.enter(desk.clone()).await;
    dying.freeze();
    living.leave(lost(&desk)).await;
    assert_eq!(living.hear_until("ann x0").await, ["+ann", "ann x2", "ann x1"]);
    assert!(matches!(living.enter(desk).await, Arrival::Again { count: 1, .. }));
}
