//! Everything that comes in: the client says messages in fragments and pieces, the library reads, and its own ping is
//! answered in the client's place.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};
use tokio::{task::yield_now, time::timeout};

use super::{
    client::{Client, Frame},
    library::{Library, Speech},
    stage::{Session, pong},
};

/// After the last step everything is read within this.
const DEADLINE: Duration = Duration::from_secs(10);
/// The library never offers less room between two messages: it has room for a head then.
const HEAD: usize = 14;

/// What a client says, and how it comes.
#[derive(Debug)]
pub(super) struct Plan {
    eio3: bool,
    messages: Vec<Message>,
    /// So many bytes come with the handshake.
    before: usize,
    steps: Vec<Step>,
    /// Bytes that the library has room for.
    room: usize,
}

/// A message's fragments, the mask of all its frames, and whether the client pings in between.
#[derive(Debug)]
struct Message {
    fragments: Vec<Vec<u8>>,
    mask: [u8; 4],
    pings: bool,
}

#[derive(Debug, Clone)]
enum Step {
    /// The client says at most so many bytes.
    Say(usize),
    /// The library reads at most so many.
    Read(usize),
    /// The library pings.
    Ping,
    Pause,
    Resume,
    Turn,
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let (messages, steps) = (vec(message(), 0..12), vec(step(), 0..60));
    let plan = (any::<bool>(), messages, 0_usize..400, steps, HEAD..600);
    plan.prop_map(|(eio3, messages, before, steps, room)| Plan { eio3, messages, before, steps, room })
}

fn message() -> impl Strategy<Value = Message> {
    let piece = || {
        let length = prop_oneof![6 => 0_usize..20, 2 => 120_usize..130, 1 => 65_530_usize..65_540];
        length.prop_map(|length| b"4.".iter().copied().cycle().take(length).collect::<Vec<_>>())
    };
    let connect = select(&CONNECTS[..]).prop_map(|(said, _)| vec![said.as_bytes().to_vec()]);
    let fragments = prop_oneof![2 => connect, 3 => vec(piece(), 1..2), 3 => vec(piece(), 1..6)];
    // The pong that the lane feeds is known by its mask of zeros.
    let message = (fragments, any::<[u8; 4]>().prop_map(|mask| mask.map(|key| key | 1)), any::<bool>());
    message.prop_map(|(fragments, mask, pings)| Message { fragments, mask, pings })
}

fn step() -> impl Strategy<Value = Step> {
    let piece = || prop_oneof![3 => 1_usize..12, 2 => 1_usize..300, 1 => 1_usize..20_000];
    prop_oneof![
        6 => piece().prop_map(Step::Say),
        6 => (HEAD..600).prop_map(Step::Read),
        1 => Just(Step::Ping),
        1 => Just(Step::Pause),
        1 => Just(Step::Resume),
        3 => Just(Step::Turn),
    ]
}

pub(super) async fn play(plan: Plan) {
    let mut frames = Vec::new();
    plan.messages.iter().for_each(|message| message.put(&mut frames));
    let said: Vec<u8> = frames.iter().flat_map(Wanted::bytes).collect();
    let mut scene = Scene::opens(plan.eio3, &said[..plan.before.min(said.len())]);
    scene.rest = said[plan.before.min(said.len())..].to_vec();
    for step in plan.steps {
        scene.plays(step).await;
    }
    let read = scene.ends(plan.room).await;
    judge(plan.eio3, &frames, &read);
}

/// A frame of the client's.
struct Wanted {
    first: u8,
    mask: [u8; 4],
    payload: Vec<u8>,
}

impl Wanted {
    fn bytes(&self) -> Vec<u8> {
        Frame::bytes(self.first, self.mask, &self.payload)
    }

    /// What the library must read of it: only a CONNECT in one piece of protocol 3 is another one then.
    fn read(&self, eio3: bool) -> (u8, Vec<u8>) {
        let connect = CONNECTS.iter().find(|(said, _)| eio3 && said.as_bytes() == self.payload);
        let meant = connect.filter(|_| self.first == WHOLE).map(|(_, meant)| meant.as_bytes().to_vec());
        (self.first, meant.unwrap_or_else(|| self.payload.clone()))
    }
}

impl Message {
    fn put(&self, frames: &mut Vec<Wanted>) {
        for (at, fragment) in self.fragments.iter().enumerate() {
            let (kind, last) = (u8::from(at == 0), at + 1 == self.fragments.len());
            let first = if last { 0x80 | kind } else { kind };
            frames.push(Wanted { first, mask: self.mask, payload: fragment.clone() });
            if self.pings {
                frames.push(Wanted { first: 0x89, mask: self.mask, payload: b"there?".to_vec() });
            }
        }
    }
}

/// A connection in the middle of it.
struct Scene {
    session: Session,
    library: Library,
    speech: Arc<Speech>,
    client: Client,
    /// What the client has not said yet.
    rest: Vec<u8>,
    read: Vec<u8>,
    /// The ping that comes too early was said. There is none to a client of protocol 3.
    pinged: bool,
}

impl Scene {
    fn opens(eio3: bool, before: &[u8]) -> Self {
        let session = Session::begins(eio3);
        let (lane, client) = session.carried(Bytes::copy_from_slice(before), false);
        let speech = Arc::<Speech>::default();
        let library = Library::new(lane, &speech);
        Self { session, library, speech, client, rest: Vec::new(), read: Vec::new(), pinged: eio3 }
    }

    async fn plays(&mut self, step: Step) {
        match step {
            Step::Say(most) => self.says(most),
            Step::Read(most) => {
                let read = self.library.reads(most).await;
                self.read.extend(read);
            }
            Step::Ping => {
                self.pings();
                self.library.writes(usize::MAX).await;
            }
            Step::Pause => self.session.link.pause(0),
            Step::Resume => {
                self.session.link.connected(0);
                self.session.link.resume(0);
            }
            Step::Turn => yield_now().await,
        }
    }

    fn says(&mut self, most: usize) {
        let said = self.client.writes(&self.rest[..most.min(self.rest.len())]);
        self.rest.drain(..said);
    }

    /// Once.
    fn pings(&mut self) {
        if !std::mem::replace(&mut self.pinged, true) {
            self.speech.hides("2");
        }
    }

    /// The library reads on whenever it is woken, also by the end of a pause and by a ping alone, and the client says
    /// the rest.
    async fn ends(mut self, room: usize) -> Vec<u8> {
        let link = self.session.link.clone();
        link.pause(1);
        let reading = tokio::spawn(self.library.reads_on(room));
        yield_now().await;
        link.connected(0);
        link.resume(0);
        link.resume(1);
        let read = timeout(DEADLINE, async {
            while !self.rest.is_empty() {
                let said = self.client.writes(&self.rest);
                self.rest.drain(..said);
                yield_now().await;
            }
            if !self.pinged {
                self.speech.hides("2");
            }
            while !self.session.is_answered() {
                yield_now().await;
            }
            self.client.ends();
            reading.await.expect("it reads to the end")
        });
        self.read.extend(read.await.expect("not everything is read"));
        self.read
    }
}

/// The library read what was said, and between two messages the pong of its ping.
fn judge(eio3: bool, said: &[Wanted], mut read: &[u8]) {
    let (mut pongs, mut between, mut wanted) = (0, true, said.iter());
    while !read.is_empty() {
        let frame = Frame::at(read).expect("whole frames");
        if read.starts_with(&pong()) {
            assert!(between, "a pong within a message");
            pongs += 1;
        } else {
            let expected = wanted.next().expect("no more than was said");
            assert_eq!((frame.first, frame.payload), expected.read(eio3));
            if frame.first & 0x08 == 0 {
                between = frame.first & 0x80 != 0;
            }
        }
        read = &read[frame.length..];
    }
    assert!(wanted.next().is_none(), "something is lost");
    assert_eq!(pongs, usize::from(!eio3));
}

/// A text in one piece.
const WHOLE: u8 = 0x81;
/// Of protocol 3, and how protocol 5 has them.
const CONNECTS: [(&str, &str); 3] =
    [("40/v1?auth=%7B%7D,", "40/v1,{}"), ("40/iss?user=ann", "40/iss,"), ("40/ssio,", "40/ssio,")];
