use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    Backplane, Ending, HISTORY_LENGTH, History, Listener, Name, Occupancy, Occupant, Page, PageOf, Receipt,
    SessionId, Subscription, UserId, memory,
};

use super::*;

/// Listens like any other, but its logs never answer.
#[derive(Debug)]
struct Stuck(Arc<dyn Broker>);

#[async_trait]
impl Broker for Stuck {
    async fn publish(&self, draft: Draft) -> Result<Receipt, BackplaneError> {
        self.0.publish(draft).await
    }

    async fn revise(&self, revision: Revision) -> Result<Revised, BackplaneError> {
        self.0.revise(revision).await
    }

    async fn hint(&self, room: &RoomId, hint: Hint, origin: SessionId) -> Result<(), BackplaneError> {
        self.0.hint(room, hint, origin).await
    }

    async fn subscribe(&self, room: &RoomId) -> Result<Subscription, BackplaneError> {
        self.0.subscribe(room).await
    }

    async fn read_on(&self, _: &RoomId, _: Position, _: usize) -> Result<Option<Recent>, BackplaneError> {
        std::future::pending().await
    }

    async fn recent(&self, _: &RoomId, _: usize) -> Result<Recent, BackplaneError> {
        std::future::pending().await
    }

    async fn history(&self, _: &RoomId, _: Side, _: usize) -> Result<Option<History>, BackplaneError> {
        std::future::pending().await
    }
}

/// Reads every page anew.
#[derive(Debug)]
struct Fresh(Arc<dyn Presence>);

#[async_trait]
impl Rosters for Fresh {
    async fn page(&self, wanted: PageOf) -> Result<Page, BackplaneError> {
        let Occupancy { version, mut occupants } = self.0.occupants(&wanted.room).await?;
        let count = occupants.len();
        occupants.truncate(wanted.limit);
        Ok(Page { version, more: occupants.len() < count, members: occupants, count })
    }
}

fn chat(broker: Arc<dyn Broker>, presence: &Arc<dyn Presence>) -> Chat {
    Chat::new(broker, presence.clone(), Arc::new(Fresh(presence.clone())), Limits::default())
}

#[derive(Debug, Default)]
struct Heard(Mutex<HashSet<RoomId>>);

impl Listener for Heard {
    fn listen(&self, room: &RoomId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(room.clone());
    }

    fn forget(&self, room: &RoomId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(room);
    }
}

#[tokio::test]
async fn a_session_that_was_cut_short_while_joining_leaves_no_listener_behind() {
    let backplane = memory(HISTORY_LENGTH);
    let chat = chat(Arc::new(Stuck(backplane.broker)), &backplane.presence);
    let heard = Arc::new(Heard::default());
    let mut session = Session::new(SessionId::random(), heard.clone());
    let lobby = RoomId::reserved("lobby");
    let hearing = chat.hear(&mut session, &lobby, None, 10);
    assert!(tokio::time::timeout(Duration::from_millis(10), hearing).await.is_err());
    chat.close(&mut session, Ending::Final).await;
    assert!(heard.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
}

#[tokio::test]
async fn who_takes_a_second_name_has_left_the_first_and_is_told_of_one() {
    let Backplane { broker, presence, .. } = memory(HISTORY_LENGTH);
    let chat = chat(broker, &presence);
    let room = RoomId::reserved("example");
    let enter = |name: &str| Command::Enter { room: room.clone(), name: Name::parse(name).ok() };
    let [mut bob, mut ann] = [(); 2].map(|()| Session::new(SessionId::random(), Arc::<Heard>::default()));
    chat.handle(&mut bob, enter("bob")).await.expect("the first of that name");
    chat.handle(&mut ann, enter("ann")).await.expect("the first of that name");
    let reply = chat.handle(&mut ann, enter("bob")).await.expect("the second of that name");
    let Reply::Entered { first: false, version, count: 1, .. } = reply else { panic!("{reply:?}") };
    let occupancy = presence.occupants(&room).await.expect("memory");
    assert_eq!(
        (occupancy.version, occupancy.occupants.len(), occupancy.occupants[0].devices),
        (version, 1, 2)
    );
    chat.close(&mut ann, Ending::Lost).await;
    chat.close(&mut bob, Ending::Lost).await;
    assert_eq!(presence.occupants(&room).await.expect("memory").occupants, []);
}

#[tokio::test]
async fn a_new_name_is_theirs_everywhere_and_the_old_one_is_free() {
    let Backplane { broker, presence, .. } = memory(HISTORY_LENGTH);
    let chat = chat(broker, &presence);
    let name = |text: &str| Name::parse(text).expect("a name");
    let [mut ann, mut bob] = [(); 2].map(|()| Session::new(SessionId::random(), Arc::<Heard>::default()));
    let lobby = RoomId::parse("lobby").expect("a room");
    let identity = Identity { user: UserId::new("1"), name: name("Ann") };
    chat.claim_name(&mut ann, identity).await.expect("a free name");
    let join = Command::Join { room: lobby.clone(), since: None, limit: 0 };
    chat.handle(&mut ann, join).await.expect("to join");
    for _retry in 0..2 {
        chat.handle(&mut ann, Command::Rename { name: name("Anna") }).await.expect("a free name");
        let occupants = presence.occupants(&lobby).await.expect("memory").occupants;
        assert_eq!(occupants, [Occupant { user: UserId::new("1"), name: name("Anna"), devices: 1 }]);
    }
    let other = Identity { user: UserId::new("2"), name: name("Ann") };
    chat.claim_name(&mut bob, other).await.expect("a free name");
    let refused = chat.handle(&mut bob, Command::Rename { name: name("Anna") }).await;
    assert_eq!(refused.expect_err("hers").code, RefusalCode::NameTaken);
}

#[tokio::test]
async fn words_that_are_said_again_under_a_fixed_key_are_said_once() {
    let backplane = memory(HISTORY_LENGTH);
    let chat = chat(backplane.broker, &backplane.presence);
    let mut session = Session::new(SessionId::random(), Arc::new(Heard::default()));
    let name = Name::parse("ann").expect("a name");
    session.identity = Some(Identity { user: UserId::new("ann"), name });
    let room = RoomId::parse("lobby").expect("a room");
    chat.listen(&mut session, &room).await.expect("to hear it");
    let said = Said { text: "hello".to_owned(), ..Said::default() };
    for mut command in
        [Command::Send { room, said: said.clone() }, Command::Write { to: UserId::new("bob"), said }]
    {
        session.fix_key(&mut command);
        for again in [false, true] {
            let reply = chat.handle(&mut session, command.clone()).await;
            let Ok(Reply::Sent { receipt, .. }) = reply else { panic!("{reply:?}") };
            assert_eq!(receipt.duplicate, again, "{command:?}");
        }
    }
}
