use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::{Backplane, Buried, HISTORY_LENGTH, History, Listener, Receipt, SessionId, Subscription, memory};

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
    let chat = Chat::new(Arc::new(Stuck(backplane.broker)), backplane.presence, Limits::default());
    let heard = Arc::new(Heard::default());
    let mut session = Session::new(SessionId::random(), heard.clone());
    let lobby = RoomId::reserved("lobby");
    let hearing = chat.hear(&mut session, &lobby, None, 10);
    assert!(tokio::time::timeout(Duration::from_millis(10), hearing).await.is_err());
    chat.close(&mut session).await;
    assert!(heard.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
}

/// Knows who is where, but never how many.
#[derive(Debug)]
struct Uncounted(Arc<dyn Presence>);

#[async_trait]
impl Presence for Uncounted {
    async fn enter(&self, claim: Claim) -> Result<Arrival, BackplaneError> {
        self.0.enter(claim).await
    }

    async fn leave(&self, exit: Exit) -> Result<Departure, BackplaneError> {
        self.0.leave(exit).await
    }

    async fn occupants(&self, room: &RoomId) -> Result<Occupancy, BackplaneError> {
        self.0.occupants(room).await
    }

    async fn count(&self, _: &RoomId) -> Result<usize, BackplaneError> {
        Err(BackplaneError::new("away"))
    }

    async fn heartbeat(&self) -> Result<Vec<Buried>, BackplaneError> {
        self.0.heartbeat().await
    }

    fn beat(&self) -> Duration {
        self.0.beat()
    }

    async fn resign(&self) -> Result<(), BackplaneError> {
        self.0.resign().await
    }
}

#[tokio::test]
async fn who_takes_a_second_name_while_nobody_counts_leaves_the_first() {
    let Backplane { broker, presence, .. } = memory(HISTORY_LENGTH);
    let chat = Chat::new(broker, Arc::new(Uncounted(presence.clone())), Limits::default());
    let room = RoomId::reserved("example");
    let enter = |name: &str| Command::Enter {
        room: room.clone(),
        name: Some(Name::parse(name).expect("a name")),
        counted: true,
    };
    let [mut bob, mut ann] = [(); 2].map(|()| Session::new(SessionId::random(), Arc::<Heard>::default()));
    chat.handle(&mut bob, enter("bob")).await.expect("the first of that name");
    chat.handle(&mut ann, enter("ann")).await.expect("the first of that name");
    chat.handle(&mut ann, enter("bob")).await.expect_err("nobody counts");
    chat.close(&mut ann).await;
    chat.close(&mut bob).await;
    assert_eq!(presence.occupants(&room).await.expect("memory").occupants, []);
}

#[tokio::test]
async fn words_that_are_said_again_under_a_fixed_key_are_said_once() {
    let backplane = memory(HISTORY_LENGTH);
    let chat = Chat::new(backplane.broker, backplane.presence, Limits::default());
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
