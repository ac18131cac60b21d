//! Everything that goes out: the chat pushes, the library says and writes, the client reads, in any order.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use proptest::{collection::vec, prelude::*};
use tokio::{task::yield_now, time::timeout};

use super::{
    client::Client,
    judge::Judge,
    library::{Library, Speech},
    stage::{Session, framed},
};
use crate::engine::{Marker, Namespace};

/// After the last step everything is heard within this.
const DEADLINE: Duration = Duration::from_secs(5);

/// A session, and what happens in it.
#[derive(Debug)]
pub(super) struct Plan {
    eio3: bool,
    /// It polls for so many steps before a WebSocket takes it over.
    polls: usize,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    /// The chat pushes frames of these lengths at once.
    Push(Namespace, Vec<usize>),
    /// The library has a text of this length to say.
    Say(usize),
    /// It has to ping.
    Ping,
    /// It writes at most so many bytes.
    Write(usize),
    /// The client reads at most so many bytes.
    Read(usize),
    Connect(Namespace),
    Disconnect(Namespace),
    /// All tasks run that can.
    Turn,
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let polls = prop_oneof![2 => Just(0), 1 => 0_usize..90];
    (any::<bool>(), polls, vec(step(), 1..120)).prop_map(|(eio3, polls, steps)| Plan { eio3, polls, steps })
}

fn step() -> impl Strategy<Value = Step> {
    let piece = || prop_oneof![3 => 1_usize..12, 2 => 1_usize..300, 1 => 1_usize..20_000, 1 => Just(100_000)];
    prop_oneof![
        8 => (0_u8..2, vec(length(), 1..6)).prop_map(|(namespace, lengths)| Step::Push(namespace, lengths)),
        4 => length().prop_map(Step::Say),
        2 => Just(Step::Ping),
        8 => piece().prop_map(Step::Write),
        6 => piece().prop_map(Step::Read),
        3 => (0_u8..2).prop_map(Step::Connect),
        2 => (0_u8..2).prop_map(Step::Disconnect),
        4 => Just(Step::Turn),
    ]
}

/// Of a text: every form of a head, and often so short that many stand in one piece.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 1_usize..16, 3 => 100_usize..300, 1 => 300_usize..30_000, 1 => 65_530_usize..65_545]
}

pub(super) async fn play(plan: Plan) {
    let mut scene = Scene::opens(plan.eio3);
    for (number, step) in plan.steps.into_iter().enumerate() {
        if number == plan.polls {
            scene.gets_a_websocket(number > 0);
        }
        scene.plays(step).await;
    }
    scene.ends().await;
}

/// A session in the middle of it.
struct Scene {
    session: Session,
    speech: Arc<Speech>,
    judge: Judge,
    markers: [Option<Arc<dyn Marker>>; 2],
    /// The ping that comes too early was said. There is none to a client of protocol 3.
    pinged: bool,
    /// Until there is one it polls.
    websocket: Option<(Library, Client)>,
}

impl Scene {
    /// The library says its opening.
    fn opens(eio3: bool) -> Self {
        let (speech, mut judge) = (Arc::<Speech>::default(), Judge::default());
        speech.says(&judge.says(80));
        let session = Session::begins(eio3);
        Self { session, speech, judge, markers: [None, None], pinged: eio3, websocket: None }
    }

    fn gets_a_websocket(&mut self, upgrades: bool) {
        let (lane, client) = self.session.carried(Bytes::new(), upgrades);
        self.websocket = Some((Library::new(lane, &self.speech), client));
    }

    async fn plays(&mut self, step: Step) {
        match step {
            Step::Push(namespace, lengths) => self.pushes(namespace, &lengths),
            Step::Say(length) => self.speech.says(&self.judge.says(length)),
            Step::Ping => self.pings(),
            Step::Write(most) => self.writes(most).await,
            Step::Read(most) => self.reads(most),
            Step::Connect(namespace) => self.connects(namespace),
            Step::Disconnect(namespace) => {
                self.judge.disconnects(namespace);
                self.session.link.disconnect(namespace);
                self.markers[usize::from(namespace)] = None;
            }
            Step::Turn => yield_now().await,
        }
    }

    fn pushes(&mut self, namespace: Namespace, lengths: &[usize]) {
        let mut frames = BytesMut::new();
        for length in lengths {
            let Some(text) = self.judge.pushes(namespace, *length) else { return };
            frames.extend_from_slice(&framed(&text));
        }
        self.session.link.push(namespace, frames.freeze()).expect("it is open");
    }

    fn pings(&mut self) {
        if std::mem::replace(&mut self.pinged, true) {
            self.speech.says(&self.judge.pings());
        } else {
            self.speech.hides("2");
        }
    }

    fn connects(&mut self, namespace: Namespace) {
        self.speech.says(&self.judge.connects(namespace));
        let marker = self.session.connects(namespace, &self.speech);
        self.markers[usize::from(namespace)] = Some(marker);
    }

    async fn writes(&mut self, most: usize) {
        if let Some((library, _)) = &mut self.websocket {
            return library.writes(most).await;
        }
        let said = self.speech.polled();
        let packets = self.session.polled(&said.iter().map(String::as_str).collect::<Vec<_>>(), most);
        for packet in packets {
            self.judge.hears(std::str::from_utf8(&packet).expect("text"));
        }
    }

    fn reads(&mut self, most: usize) {
        if let Some((_, client)) = &mut self.websocket {
            client.reads(most).iter().for_each(|text| self.judge.hears(text));
        }
    }

    /// The library writes on whenever it is woken, the client reads on, and everything comes. What is pushed when the
    /// library has nothing more to say comes too.
    async fn ends(mut self) {
        if self.websocket.is_none() {
            self.gets_a_websocket(true);
        }
        if !self.pinged {
            self.pings();
        }
        let (library, mut client) = self.websocket.take().expect("it has one");
        let writing = tokio::spawn(library.writes_on());
        self.hears_everything(&mut client).await;
        for namespace in [0, 1] {
            self.pushes(namespace, &[20, 30_000, 20]);
        }
        self.hears_everything(&mut client).await;
        writing.abort();
        assert!(writing.await.is_err_and(|error| error.is_cancelled()), "the library could not write");
        client.reads_to_the_end().iter().for_each(|text| self.judge.hears(text));
    }

    async fn hears_everything(&mut self, client: &mut Client) {
        let heard = timeout(DEADLINE, async {
            while !self.judge.is_content() || !self.session.is_told_everything() {
                client.reads(100_000).iter().for_each(|text| self.judge.hears(text));
                yield_now().await;
            }
        });
        assert!(heard.await.is_ok(), "not everything is heard: {}", self.judge.awaits());
    }
}
